"""What Anchorwatch says, followed as any program would: alerts and summaries from their topics, committed records only."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from anchorwatch.engine.tail import Told, tail
from anchorwatch.errors import AnchorwatchError
from anchorwatch.events import Alert, Summary

CHANGES_MAX = 20_000  # changes of alerts kept; a demo has some hundreds
STOP_S_MAX = 5.0


class Heard:
    """Everything so far. Written by one thread, read by others."""

    def __init__(self) -> None:
        self._changes: deque[Alert] = deque(maxlen=CHANGES_MAX)
        self._state: dict[str, Alert] = {}  # dedup key -> newest
        self._lock = threading.Lock()
        self.summary: Summary | None = None
        self.n = 0  # changes that ever came

    def alert(self, alert: Alert) -> None:
        with self._lock:
            self._changes.append(alert)
            self._state[alert.dedup_key] = alert
            self.n += 1

    def tell(self, summary: Summary) -> None:
        if self.summary is None or summary.at_ms > self.summary.at_ms:
            self.summary = summary

    @property
    def judged_to_ms(self) -> int:
        """Event time up to which the newest summary speaks; -1 before the first."""
        return self.summary.at_ms if self.summary else -1

    def changes(self, since: int = 0) -> list[Alert]:
        """In the order in which they came, from the so-manieth on."""
        with self._lock:
            dropped = self.n - len(self._changes)
            return list(self._changes)[max(since - dropped, 0) :]

    def open(self) -> list[Alert]:
        """Newest state of alerts that are not resolved, headlines and loud ones first."""
        with self._lock:
            found = [alert for alert in self._state.values() if alert.state != "resolved"]
        return sorted(found, key=lambda a: (a.annotations.get("incident_headline") != a.dedup_key, -a.opened_at_ms, a.dedup_key))


class Ears:
    """A thread that reads until `stop`. Raises what it died of, at `check`."""

    def __init__(self, kafka: Mapping[str, Any], alerts_topic: str, findings_topic: str) -> None:
        self.heard = Heard()
        self._kafka, self._alerts, self._findings = dict(kafka), alerts_topic, findings_topic
        self._stopping = threading.Event()
        self._trouble: AnchorwatchError | None = None
        self._thread = threading.Thread(target=self._listen, name="ears", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(STOP_S_MAX)

    def check(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def _listen(self) -> None:
        try:
            for told in tail(self._kafka, [self._alerts, self._findings], since="beginning", stop=self._stopping.is_set):
                self.take(told)
        except AnchorwatchError as error:
            self._trouble = error

    def take(self, told: Told) -> None:
        """Findings are passed over: what is loud of them comes as an alert."""
        if told.value is None:
            return
        if told.topic == self._alerts:
            self.heard.alert(msgspec.json.decode(told.value, type=Alert))
        elif b'"summary.v1"' in told.value:
            self.heard.tell(msgspec.json.decode(told.value, type=Summary))


def wait(until: Callable[[], bool], seconds: float, look: Callable[[], None] = lambda: None, pause_s: float = 0.05) -> bool:
    """Looks again and again, `look` each time; False when the time is over."""
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            return False
        look()
        time.sleep(pause_s)
    return True
