"""The evening: an installation is built, four acts are played, each must be heard rightly, and nothing else may be."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from anchorwatch import trace
from anchorwatch.client import Client
from anchorwatch.events import Alert
from anchorwatch.runtime.demo import acts as script
from anchorwatch.runtime.demo import loans, waterfall
from anchorwatch.runtime.demo.acts import Act, Played
from anchorwatch.runtime.demo.ears import Ears, wait
from anchorwatch.runtime.demo.house import LATENESS_MS, WINDOW_MS, House, write_quiet_time
from anchorwatch.runtime.demo.table import Screen, View, acts_table, result, segments_table
from anchorwatch.runtime.demo.traffic import Traffic
from anchorwatch.telemetry.endpoint import Endpoint, SeenSpan
from anchorwatch.telemetry.service import ServiceTraces

RATE = 600.0  # predictions a second; two cores carry twice as many beside broker and stages
TRACED = 0.05  # of the requests
QUIET_ROWS = 18_000
SEED_TRAINING, SEED_QUIET, SEED_LIVE = 1, 11, 5
LATE_MS, SILENT_MS = 3_000, 5_000  # as the contract says
ROUND_MS = LATENESS_MS + 2 * WINDOW_MS  # from an event to its window judged, with one to spare
STEPS = {"predict", "send", "queue", "process"}  # of a prediction's trace
WARM_LABELS = 1_000.0
WARM_S_MAX, JUDGED_S_MAX, TRACE_S_MAX = 60.0, 30.0, 8.0


@dataclass(frozen=True)
class Pace:
    """act_s_max: an act that was not heard by then has failed; calm_s_max: how long to watch its alerts end; pause_s: to look around."""

    act_s_max: float
    calm_s_max: float
    pause_s: float


QUICK, USUAL = Pace(45.0, 0.0, 0.0), Pace(90.0, 45.0, 6.0)


@dataclass
class Outcome:
    """What the demo found. `strangers`: what fired and belongs to no act."""

    acts: list[Played] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    predictions: int = 0
    outcomes: int = 0
    client: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    spans: list[SeenSpan] = field(default_factory=list)  # of one prediction
    alert_spans: list[SeenSpan] = field(default_factory=list)  # of the alert that names it

    @property
    def ok(self) -> bool:
        return len(self.acts) == len(script.acts()) and all(one.caught for one in self.acts) and not self.strangers

    def told(self) -> dict[str, Any]:
        return {
            "schema": "demo.v1", "ok": self.ok, "acts": [one.told() for one in self.acts], "also_fired": self.strangers,
            "predictions": self.predictions, "outcomes": self.outcomes, "client": self.client, "rate": RATE, "seconds": round(self.seconds, 1),
            "trace": {"prediction": [_plain(span) for span in self.spans], "alert": [_plain(span) for span in self.alert_spans]},
        }  # fmt: skip


def _plain(span: SeenSpan) -> dict[str, Any]:
    return span._asdict() | {"links": [link._asdict() for link in span.links]}


class Play:
    """Raises OperatorError when the house cannot be built or falls apart."""

    def __init__(self, console: Console, pace: Pace, over: Callable[[Outcome], None] = lambda _: None, *, keep: bool = False) -> None:
        """over: told when the last act is; keep: everything goes on after that, until Ctrl-C."""
        self.screen, self.pace, self.over, self.keep = Screen(console), pace, over, keep
        self.outcome, self.view = Outcome(), View(RATE, acts=script.acts())
        self.endpoint: Endpoint | None = None

    # --- all of it

    def perform(self) -> Outcome:
        began = time.monotonic()
        with ExitStack() as stack:
            try:
                self._build(stack)
                self._warm_up()
                for act in self.view.acts:
                    self._act(act)
                self._finish(time.monotonic() - began)
                self.over(self.outcome)
                if self.keep:
                    self._go_on()
            finally:
                self.screen.close()
        return self.outcome

    def _build(self, stack: ExitStack) -> None:
        say = self.screen.say
        if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            self.endpoint = stack.enter_context(Endpoint())
        otlp = self.endpoint.url if self.endpoint else ""
        say("… a real Kafka starts on this machine; meanwhile a model learns to lend money, and is frozen")
        house = House(lambda text: say(f"… {text}"), otlp)
        pool = stack.enter_context(ThreadPoolExecutor(1, "learning"))
        learning = pool.submit(learn, house.folder)
        self.house = stack.enter_context(house)
        settings = house.settings()
        house.create_topics()
        model, rows = learning.result()
        house.apply(rows)
        say("… anchorwatch run")
        self.house.run()
        traces = ServiceTraces("loan-service", otlp, TRACED)
        stack.callback(traces.close)
        quiet = {"log_level": 3}  # a broker a second old has its coordinator still loading; the client waits for it, and need not say so
        client = Client(self.house.broker.bootstrap, loans.MODEL, loans.VERSION, kafka=quiet, tracer_provider=traces.provider)
        stack.callback(client.close)
        self.ears = Ears(settings.kafka, settings.topic("alerts.events"), settings.topic("findings"))
        self.traffic = Traffic(client, model, RATE, SEED_LIVE)
        self._do("its stages take their partitions")
        self.house.wait_until_ready(lambda: self.screen.show(self.view))
        self.ears.start()
        stack.callback(self.ears.stop)
        self.traffic.start()
        stack.callback(self.traffic.stop)

    def _warm_up(self) -> None:
        self._do("first labels are awaited")

        def warm() -> bool:
            summary = self.ears.heard.summary
            return summary is not None and (summary.columns["labels"][0] or 0) >= WARM_LABELS

        self._wait(warm, WARM_S_MAX)
        self.screen.say(f"✓ {loans.MODEL} is watched: {len(self._segments())} segments, owner {loans.OWNER}")
        self._pause()

    # --- an act

    def _act(self, act: Act) -> None:
        number, heard = len(self.outcome.acts) + 1, self.ears.heard
        self.screen.say("")
        self.screen.say(f"Act {number}: {act.title}. {act.story}", "bold")
        seen, (before_all, before) = heard.n, self.traffic.seen()
        played = Played(act, _now_ms())
        self.outcome.acts.append(played)
        self.view.played = self.outcome.acts
        act.inject(self.traffic)
        self._do(f"act {number}: {act.title}")

        def caught() -> bool:
            nonlocal seen
            new = heard.changes(seen)
            seen += len(new)
            script.hear(played, new)
            return played.caught

        if self._wait(caught, self.pace.act_s_max):
            played.seconds = (_now_ms() - played.injected_at_ms) / 1000
            after_all, after = self.traffic.seen()
            played.events_all, played.events = after_all - before_all, after - before
        self.screen.say(f"  injected at {_clock(played.injected_at_ms)}, {result(played)}", "green" if played.caught else "red")
        if played.alert is not None:
            self.screen.say(f"  “{played.alert.annotations['summary']}”")
        if act.silence:
            self._do("nothing comes any more, and no second alarm must")
            self._judged(played.injected_at_ms + SILENT_MS + WINDOW_MS)
        self._pause()
        act.heal(self.traffic)
        played.healed_at_ms = _now_ms()
        self._heal(played)

    def _heal(self, played: Played) -> None:
        """What the fault left behind is judged too, labels included, before the next act begins."""
        assert played.healed_at_ms is not None, "healed before"
        self._do("the fault is over")
        self._judged(played.healed_at_ms + LATE_MS)
        mine = played.alert.incident if played.alert else ""
        if played.alert and self.pace.calm_s_max:
            self._wait(lambda: not any(alert.incident == mine for alert in self.ears.heard.open()), self.pace.calm_s_max)
        played.members = len({alert.id for alert in self.ears.heard.changes() if alert.incident == mine})

    # --- the end

    def _finish(self, seconds: float) -> None:
        outcome, counts = self.outcome, self.traffic.counts
        outcome.strangers = script.strangers(outcome.acts, self.ears.heard.changes())
        outcome.predictions, outcome.outcomes = counts.predictions, counts.outcomes
        outcome.seconds = seconds
        self._trace()
        self.traffic.client.flush()
        outcome.client = self.traffic.client.counts
        self._report()

    def _trace(self) -> None:
        """The slowest prediction that alerts about latency name, and the trace of the first of those alerts."""
        first = next((one.alert for one in self.outcome.acts if one.alert and one.alert.labels["watch"] == "latency"), None)
        if self.endpoint is None or first is None:
            return
        endpoint = self.endpoint
        firing = [alert for alert in self.ears.heard.changes() if alert.incident == first.incident and alert.state == "firing"]
        alike = list({alert.id: alert for alert in reversed(firing)}.values())  # as first said: what it named then, its trace links to

        def come() -> bool:
            spans, alert = self._slowest(alike)
            self.outcome.spans = spans
            self.outcome.alert_spans = endpoint.trace(trace.alert_context(alert.id, alert.sequence).trace_id) if alert else []
            return bool(self.outcome.alert_spans)

        wait(come, TRACE_S_MAX, self._look)

    def _slowest(self, alerts: Sequence[Alert]) -> tuple[list[SeenSpan], Alert | None]:
        """Of the traces that have come completely (asked, sent, queued, counted), and the first alert that names it."""
        assert self.endpoint, "asked only where there is one"
        found: dict[str, tuple[list[SeenSpan], Alert]] = {}
        for alert in alerts:
            for trace_id in alert.trace_ids:
                if trace_id not in found:
                    found[trace_id] = self.endpoint.trace(trace_id), alert
        whole = [one for one in found.values() if {span.name.partition(" ")[0] for span in one[0]} >= STEPS]
        return max(whole, key=lambda one: one[0][0].end_ms - one[0][0].start_ms, default=([], None))

    def _report(self) -> None:
        outcome, say = self.outcome, self.screen.say
        self.screen.close()
        say("")
        self.screen.draw(acts_table(self.view.acts, outcome.acts))
        if summary := self.ears.heard.summary:
            say("")
            self.screen.draw(segments_table(summary, self.ears.heard.open()))
        say("")
        self._report_trace()
        for stranger in outcome.strangers:
            say(f"✗ also fired, and should not have: {stranger}", "red")
        for number, played in enumerate(outcome.acts, 1):
            if not played.caught:
                say(f"✗ act {number}, {played.act.title}: {result(played)}", "red")
        if outcome.ok:
            say(f"✓ all four failures were heard, each for the right reason, and nothing else ({outcome.seconds:.0f} s)", "bold green")
        if not self.keep:
            say(
                "Next: `anchorwatch demo --keep` leaves everything running to explore; `anchorwatch broker start` gives a Kafka for trials."
            )

    def _report_trace(self) -> None:
        spans, say = self.outcome.spans, self.screen.say
        if self.endpoint is None:
            say(f"traces went to {os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}; an alert's `trace_ids` lead to them")
            return
        if not spans:
            return
        say(f"One slow prediction, as its trace shows it ({spans[0].trace_id}):")
        for line in waterfall.lines(spans):
            say(f"  {line}")
        if self.outcome.alert_spans:
            say("The alert that names it as evidence, in a trace of its own, linked to the one above:")
            for line in waterfall.lines(self.outcome.alert_spans):
                say(f"  {line}")
        say("")

    def _go_on(self) -> None:
        """Everything goes on until Ctrl-C."""
        settings = self.house.settings_file
        self.screen.say("")
        self.screen.say("Everything goes on; end it with Ctrl-C. In another terminal:", "bold")
        for command in ("status", "alerts ls", "alerts tail --since beginning", "tail findings"):
            self.screen.say(f"  anchorwatch {command} --settings {settings}", verbatim=True)
        self.screen.say(f"  curl http://127.0.0.1:{self.house.port}/metrics")
        self._do("everything goes on; Ctrl-C ends it")
        try:
            while True:
                self._look()
                time.sleep(0.25)
        except KeyboardInterrupt:
            self.screen.close()

    # --- small things

    def _segments(self) -> list[str]:
        summary = self.ears.heard.summary
        return [segment for segment in summary.segments if segment != "other"] if summary else []

    def _do(self, doing: str) -> None:
        self.view.doing = doing

    def _look(self) -> None:
        """Refresh what is seen; notice when something broke."""
        self.house.check()
        self.ears.check()
        self.view.predictions = self.traffic.seen()[0]
        self.view.summary, self.view.open = self.ears.heard.summary, self.ears.heard.open()
        self.screen.show(self.view)

    def _wait(self, until: Callable[[], bool], seconds: float) -> bool:
        return wait(until, seconds, self._look)

    def _judged(self, at_ms: int) -> None:
        """Until all that happened before then was judged."""
        self._wait(lambda: self.ears.heard.judged_to_ms >= at_ms + ROUND_MS, JUDGED_S_MAX)

    def _pause(self) -> None:
        """For people to look around; nothing waits for it."""
        self._wait(lambda: False, self.pace.pause_s)


def learn(folder: Path) -> tuple[loans.Frozen, Path]:
    """The model, and a file with rows of a quiet time."""
    model, rows = loans.Frozen(SEED_TRAINING), folder / "last_week.csv"
    write_quiet_time(rows, model, QUIET_ROWS, RATE, SEED_QUIET, _now_ms())
    return model, rows


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _clock(ms: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(ms / 1000))
