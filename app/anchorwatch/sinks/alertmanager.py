"""Alerts to Prometheus' Alertmanager, POST /api/v2/alerts; it groups and routes by labels (say `group_by: [environment, model]`).

Alertmanager forgets what it is not told again, and then tells everybody that it is resolved. So what is open is sent each minute with an
end four minutes ahead, and what is resolved for five minutes more. Its identity is the label set: when a label changes (the severity
rises) the old set ends in the message in which the new one begins.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from anchorwatch.events import Alert
from anchorwatch.sinks._http import Poster
from anchorwatch.sinks.base import Options, Sink, begins_silenced

PATH = "/api/v2/alerts"
ENDS_AHEAD = timedelta(minutes=4)  # longer than two missed beats
RESOLVED_FOR_S = 300.0
ACTIVE_MAX = 10_000  # alerts told again each minute; above: those resolved, then the oldest leave (they end there by themselves)
ONE_MESSAGE = 500  # alerts


class Active(NamedTuple):
    alert: Alert
    until_s: float | None  # resolved: told again until then; None: open


class Alertmanager(Sink):
    """`url`: of Alertmanager, as http://alertmanager:9093; several of one cluster are several sinks.

    A silence of ours keeps an alert away that begins under it; one that is there already stays, since what vanishes would be told as
    resolved. Acknowledged and recovering alerts go on firing there.
    """

    beat_s = 60.0

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        super().__init__(options, clock)
        url = options.url.rstrip("/")
        self._url = url if url.endswith(PATH) else url + PATH
        self._poster = Poster(options, clock)
        self._active: dict[str, Active] = {}

    async def send(self, alerts: Sequence[Alert]) -> None:
        now, entries, told = self._now(), [], []
        for alert in alerts:
            known = self._active.get(alert.id)
            if known is None and begins_silenced(alert):
                continue
            if known is not None and known.alert.labels != alert.labels:
                entries.append({**_entry(known.alert, now), "endsAt": _text(now)})
            entries.append(_entry(alert, now))
            told.append(alert)
        if entries:
            await self._poster.post(self._url, entries)
        for alert in told:
            self.remember(alert)

    def remember(self, alert: Alert) -> None:
        self._active.pop(alert.id, None)
        self._active[alert.id] = Active(alert, self.clock() + RESOLVED_FOR_S if alert.state == "resolved" else None)
        while len(self._active) > ACTIVE_MAX:
            over = (name for name, active in self._active.items() if active.until_s is not None)
            del self._active[next(over, next(iter(self._active)))]

    async def beat(self) -> None:
        """All that is active once more."""
        for name in [name for name, active in self._active.items() if active.until_s is not None and active.until_s <= self.clock()]:
            del self._active[name]
        entries = [_entry(active.alert, self._now()) for active in self._active.values()]
        for start in range(0, len(entries), ONE_MESSAGE):
            await self._poster.post(self._url, entries[start : start + ONE_MESSAGE])

    async def close(self) -> None:
        await self._poster.close()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)


def _entry(alert: Alert, now: datetime) -> dict[str, Any]:
    """A postableAlert. Event time may run ahead of the receiver's clock: an alert must not begin after it ends."""
    starts = datetime.fromisoformat(alert.startsAt)
    ends = now + ENDS_AHEAD if alert.endsAt is None else min(datetime.fromisoformat(alert.endsAt), now)
    entry = {
        "labels": alert.labels,
        "annotations": {**alert.annotations, "incident": alert.incident, "alert_id": alert.id, "alert_state": alert.state},
        "startsAt": _text(min(starts, ends)),
        "endsAt": _text(ends),
    }
    return {**entry, "generatorURL": alert.generatorURL} if alert.generatorURL else entry


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
