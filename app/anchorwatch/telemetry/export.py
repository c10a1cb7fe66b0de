"""How does a committed cut become telemetry without ever holding up the event loop? It is put down here; a thread does the rest.

`take` only keeps the report. The thread adds it up, makes spans for the few that were kept, and sends both. Without an endpoint there is
no thread: reports are added up when many wait or somebody asks for `/metrics`.
"""

import logging
import os
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan

from anchorwatch import __version__
from anchorwatch.events import Alert
from anchorwatch.stages.report import Kept, Report
from anchorwatch.telemetry import outlets, scrape
from anchorwatch.telemetry.names import STAGE
from anchorwatch.telemetry.spans import Spans
from anchorwatch.telemetry.totals import Exemplified, Snapshot, Totals
from anchorwatch.telemetry.traces import REPLAY_AFTER_MS, Judged, Traces, chosen, cost, judged_of

log = logging.getLogger(__name__)

REPORTS_MAX, VALUES_MAX = 64, 1_000_000  # waiting to be added up; above: added up at once, by whoever put them down (5 ms)
KEPT_WAITING_MAX, ALERTS_WAITING_MAX = 8_192, 1_000  # above: without spans, counted as overflowed
ALERTS_PER_SECOND_MAX = 100  # with two spans each
REQUEST_MAX = 2_048  # spans in one request, about 80 kB on the wire


@dataclass
class Waiting:
    """What spans will be made from."""

    kept: list[Kept] = field(default_factory=list)
    alerts: list[tuple[Alert, Judged, int]] = field(default_factory=list)  # with when its window was judged, and committed (ms)
    lost: int = 0  # spans that will not be made

    def add(self, report: Report, now_ns: int) -> None:
        room = KEPT_WAITING_MAX - len(self.kept)
        self.kept += report.kept[:room]
        self.lost += cost(report.kept[room:])
        judged, free = judged_of(report), ALERTS_WAITING_MAX - len(self.alerts)
        self.alerts += [(alert, judged, now_ns // 1_000_000) for alert in report.alerts[:free]]
        self.lost += 2 * len(report.alerts[free:])


@dataclass
class Allowance:
    """So many a second, and no more than a second's worth at once."""

    per_second: int
    left: float = 0.0
    at_s: float = float("-inf")

    def refill(self, now_s: float) -> int:
        self.left = min(self.per_second, self.left + (now_s - self.at_s) * self.per_second)
        self.at_s = now_s
        return int(self.left)


class Telemetry:
    """One per process. `take`, `snapshot`, `prometheus` from any thread; `close` once, off the event loop.

    service:  `service.name`, unless OTEL_SERVICE_NAME says otherwise.
    stage, instance: make `<stage>.<instance>`, the `service.instance.id` and the label `worker`; no two processes may share it.
    group:    consumer group, on spans.
    Raises ConfigError for OTEL_* variables that ask for what we do not speak.
    """

    def __init__(
        self,
        service: str,
        stage: str,
        instance: str,
        *,
        group: str = "",
        alerts_topic: str = "alerts.events",
        spans_per_second_max: int = 500,
    ) -> None:
        self.worker = f"{stage}.{instance}"
        self.outlets = outlets.read(os.environ)
        self._totals, self._lock = Totals(time.time_ns()), threading.Lock()
        self._door = threading.Lock()  # guards the next three; never held for long, since the event loop comes through it
        self._reports: list[tuple[Report, int]] = []
        self._values = 0
        self._waiting = Waiting()
        self._spans: deque[ReadableSpan] = deque()
        self._allowance, self._alarms = Allowance(spans_per_second_max), Allowance(2 * ALERTS_PER_SECOND_MAX)
        self._metrics_due_s = time.monotonic() + self.outlets.interval_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if self.outlets.any:
            from anchorwatch.telemetry.sender import Sender  # 0.2 s of imports that nobody needs without an endpoint

            resource = describe(service, stage, self.worker)
            self._traces = Traces(Spans(resource), group, self.worker, alerts_topic)
            self._sender = Sender(self.outlets, resource)
            self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)  # a daemon: `close` may give up on it
            self._thread.start()

    # --- on the event loop --------------------------------------------------------------------------------------------------

    def take(self, report: Report, now_ns: int) -> None:
        """After the commit, at `now_ns`; the report is ours from here on. Some microseconds, and no I/O."""
        values = sum(array.size for arrays in report.latencies.values() for array in arrays)
        with self._door:
            self._reports.append((report, now_ns))
            self._values += values
            if self.outlets.traces:
                self._waiting.add(report, now_ns)
            full = len(self._reports) >= REPORTS_MAX or self._values >= VALUES_MAX
        if full:
            self._fold()

    # --- read ---------------------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """All totals as plain data, for the supervisor's `scrape.text`. Off the event loop: 50 us a histogram, and the lock."""
        self._fold()
        with self._lock:
            return self._totals.snapshot(self.worker, time.time_ns())

    def prometheus(self) -> str:
        """The text of `/metrics` for this process alone (`scrape.CONTENT_TYPE`). Off the event loop: 0.2 ms a histogram."""
        return scrape.text([self.snapshot()])

    def close(self, timeout_s: float = 2.0) -> bool:
        """Sends what is there, within `timeout_s`; True when all went out. Call it after the last cut."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._stop.set()
        thread.join(timeout_s)
        in_time = not thread.is_alive()
        self._sender.shutdown()
        if not in_time:
            log.warning("telemetry_abandoned spans=%d seconds=%g; the endpoint is slow or dead", len(self._spans), timeout_s)
        return in_time and not any(self._sender.failed.values())

    # --- on the thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.wait(self.outlets.delay_s):
            self._round(last=False)
        self._round(last=True)

    def _round(self, *, last: bool) -> None:
        try:
            self._fold()
            if self.outlets.traces:
                self._make()
                self._send_spans()
            if self.outlets.metrics and (last or time.monotonic() >= self._metrics_due_s):
                self._metrics_due_s = time.monotonic() + self.outlets.interval_s
                self._send_metrics()
        except Exception:  # the edge of this thread: telemetry may fail, monitoring may not; an error in the log is fatal in tests
            log.exception("telemetry_failed what=round; this is a fault of ours, please report it")

    def _fold(self) -> None:
        with self._lock:  # taken first, so that reports are added in their order
            with self._door:
                reports, self._reports, self._values = self._reports, [], 0
                lost, self._waiting.lost = self._waiting.lost, 0
            for report, at_ns in reports:
                try:
                    self._totals.fold(report, at_ns)
                except Exception:  # an edge too: `take` may be the one that adds up, on the event loop
                    log.exception("telemetry_failed what=report; this is a fault of ours, please report it")
            self._count_spans("overflowed", lost)

    def _count_spans(self, result: str, n: int) -> None:
        """Under the lock."""
        if n:
            self._totals.count("anchorwatch.spans", (("result", result),), n, time.time_ns())

    def _make(self) -> None:
        with self._door:
            waiting, self._waiting = self._waiting, Waiting(lost=self._waiting.lost)
        now_s, capped = time.monotonic(), 0
        alarms_left = self._alarms.refill(now_s)
        alarms = waiting.alerts[: alarms_left // 2]
        self._alarms.left -= 2 * len(alarms)
        capped += 2 * (len(waiting.alerts) - len(alarms))
        kept = chosen(waiting.kept, self._allowance.refill(now_s))
        self._allowance.left -= cost(kept)
        capped += cost(waiting.kept) - cost(kept)
        overflowed = sum(self._queue(self._traces.alert(*alarm)) for alarm in alarms)
        overflowed += sum(self._queue_kept(one) for one in kept)
        with self._lock:
            self._count_spans("capped", capped)
            self._count_spans("overflowed", overflowed)

    def _queue_kept(self, kept: Kept) -> int:
        """Spans of one event, and the exemplars that lead to them. How many found no room."""
        predicted = kept.role == "predictions"
        spans = self._traces.prediction(kept) if predicted else self._traces.outcome(kept)
        lost = self._queue(spans)
        if spans and not lost:
            self._exemplify(kept, spans)
        return lost

    def _exemplify(self, kept: Kept, spans: list[ReadableSpan]) -> None:
        waited = kept.polled_ms - kept.appended_ms
        context, now_ns, late = spans[-1].get_span_context(), time.time_ns(), waited > REPLAY_AFTER_MS
        assert context, "our spans have a context"

        def about(ms: int) -> Exemplified:
            return Exemplified(kept.environment, kept.model, late, ms / 1_000)

        with self._lock:
            totals = self._totals
            if kept.role != "predictions":
                if kept.delay_ms >= 0:
                    totals.exemplar("anchorwatch.outcome.delay", about(kept.delay_ms)._replace(replay=False), context, now_ns)
                return
            totals.exemplar("anchorwatch.process", about(kept.counted_ms - kept.polled_ms), context, now_ns)
            queue = spans[0].get_span_context() or context
            for name in ("anchorwatch.queue", "anchorwatch.transit"):  # whichever the topic's timestamps allow
                totals.exemplar(name, about(waited), queue, now_ns)

    def _queue(self, spans: list[ReadableSpan]) -> int:
        """All of them or none: half a trace misleads. How many found no room."""
        if len(self._spans) + len(spans) > self.outlets.queue_max:
            return len(spans)
        self._spans.extend(spans)
        return 0

    def _send_spans(self) -> None:
        delivered = True
        while self._spans and delivered:  # after a refusal: next round
            batch = [self._spans.popleft() for _ in range(min(REQUEST_MAX, len(self._spans)))]
            delivered = self._sender.send_spans(batch)
            with self._lock:
                self._count_spans("sent" if delivered else "refused", len(batch))
                self._count_export("traces", delivered)

    def _send_metrics(self) -> None:
        with self._lock:
            metrics = self._totals.metrics(time.time_ns())
        if metrics:
            delivered = self._sender.send_metrics(metrics)
            with self._lock:
                self._count_export("metrics", delivered)

    def _count_export(self, signal: str, delivered: bool) -> None:
        labels = (("result", "delivered" if delivered else "refused"), ("signal", signal))
        self._totals.count("anchorwatch.exports", labels, 1, time.time_ns())


def describe(service: str, stage: str, worker: str) -> Resource:
    """Whose telemetry it is; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word."""
    ours = Resource.create(
        {
            "service.name": service,
            "service.instance.id": worker,
            "service.version": __version__,
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
            STAGE: stage,
        }
    )
    return ours.merge(OTELResourceDetector().detect())
