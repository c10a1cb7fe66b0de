"""The stage as the engine drives it, under the wall's clock: blocks in, a grace, commands, a cut."""

from collections.abc import Sequence

import msgspec
import pytest
from tests.traffic import T0, Fault, in_order, loan_applied, quiet_then, traffic

from anchorwatch.errors import StateRefused
from anchorwatch.events import Alert, Command, Observation, Record, Row
from anchorwatch.runtime import formats
from anchorwatch.runtime.drive import TOPICS, Event
from anchorwatch.stages.flags import FlagBook
from anchorwatch.stages.ingest import Ingest, IngestSettings
from anchorwatch.stages.judge import Judge
from anchorwatch.stages.model_judge import JudgeSettings
from anchorwatch.stages.registry import Registry

BOTH = frozenset(TOPICS)
DECODER = msgspec.msgpack.Decoder(Observation)


class Live:
    """Two ingest tasks and a judge, each ticked by the wall. `stuck`: a task that writes nothing."""

    def __init__(self, tasks: int = 2) -> None:
        self.registry = Registry(1_000)
        self.registry.apply(loan_applied())
        ingest = IngestSettings("default", TOPICS, "observations", 1, "dead-letters", window_ms=1_000, lateness_ms=500)
        self.ingests = [Ingest(t, tasks, self.registry, formats.native(), ingest, {}) for t in range(tasks)]
        self.settings = JudgeSettings("findings", "alerts.events", "alerts.state", 1, window_ms=1_000, grace_ms=30_000, recent_ms=60_000)
        self.judge = Judge(0, 1, self.registry, FlagBook(), self.settings, {})
        self.chunks: dict[bytes, bytes] = {}
        self.records: list[Record] = []

    def say(self, events: Sequence[Event], now_ms: int, stuck: int = -1, offset: int = 0) -> None:
        for ingest in self.ingests:
            for role in TOPICS:
                rows: list[Row] = [
                    (e.key, e.value, i, e.at_ms) for i, e in enumerate(events) if e.role == role and task_of(e, self.ingests) == ingest.task
                ]
                if rows:
                    ingest.take(role, rows, now_ms)
            ingest.tick(now_ms, BOTH)
            if ingest.task != stuck:
                spans = {"predictions": (offset, offset + len(events))}
                self.hand_over([r.value or b"" for r in ingest.freeze(spans).records if r.topic == "observations"], now_ms)
        self.judge.tick(now_ms, BOTH)
        self.cut()

    def hand_over(self, values: Sequence[bytes], now_ms: int) -> None:
        self.judge.take("observations", [(b"", value, i, now_ms) for i, value in enumerate(values)], now_ms)

    def cut(self) -> None:
        frozen = self.judge.freeze({})
        for key, chunk in frozen.chunks.items():
            if chunk is None:
                self.chunks.pop(key, None)
            else:
                self.chunks[key] = chunk
        self.records += frozen.records
        self.counted = frozen.report.counters
        self.judged = [end for _, _, end, _ in frozen.report.judged]
        self.alerts = frozen.report.alerts
        self.findings = frozen.report.findings

    def reborn(self) -> None:
        self.judge = Judge(0, 1, self.registry, FlagBook(), self.settings, dict(self.chunks))

    def count(self, name: str) -> int:
        return sum(n for (instrument, _), n in self.counted.items() if instrument == name)


def task_of(event: Event, ingests: Sequence[Ingest]) -> int:
    return event.key[-1] % len(ingests)


def fired(records: Sequence[Record]) -> list[Alert]:
    return [msgspec.json.decode(r.value or b"", type=Alert) for r in records if r.topic == "alerts.events"]


def test_the_last_window_closes_without_any_new_event() -> None:
    """C14: all topics stop; both clocks go on with the wall."""
    live = Live()
    live.say(traffic(400, fault=Fault(slow={"eu": 10, "us": 10, "asia": 10, "af": 10})), T0 + 1_000)
    assert not live.records

    live.say([], T0 + 1_600)

    assert {f.name for f in live.findings} == {"LatencyOverPromise"}


def test_a_model_that_falls_silent_is_dark_on_time() -> None:
    live = Live()
    live.say(traffic(500), T0 + 1_000)
    for second in range(2, 9):
        live.say([], T0 + second * 1_000)
        if live.alerts:
            break

    assert (second, [a.labels["alertname"] for a in live.alerts]) == (7, ["ModelDark"])


def test_what_is_told_of_waiting_labels_by_the_clock_makes_no_window_that_evidence_knows() -> None:
    """Else it would depend on how far the watermark jumps through a silence which windows earn credit, and when an alert heals."""
    live, judged = Live(), []
    live.say(traffic(500, fault=Fault(labelled=0.5)), T0 + 1_000)
    for second in range(2, 29):
        live.say([], T0 + second * 1_000)
        judged += live.judged

    arrived = live.judge.models["prod/loan"].recent.arrived
    assert arrived is not None
    assert arrived.any()
    assert judged
    assert max(judged) <= T0 + 6_000, "a second of traffic, judged three seconds later: after that nothing but the table of what waits"


def test_a_task_that_lags_holds_its_windows_until_the_grace() -> None:
    live = Live()
    live.say(traffic(500), T0 + 2_000, stuck=1)
    live.say([], T0 + 31_000, stuck=1)
    early = live.judge.feeds["default"].closed_ms

    live.say(traffic(300, start_ms=T0 + 31_000, fault=Fault(slow={"eu": 10})), T0 + 32_000, stuck=1)
    live.say([], T0 + 62_000, stuck=1)

    assert early == -1
    assert live.judge.feeds["default"].closed_ms >= T0 + 31_000
    assert {f.closed_by for f in live.findings} == {"grace"}


def test_blocks_after_the_grace_are_counted_as_late_and_judged_no_more() -> None:
    live = Live()
    events = traffic(500)
    live.say(events, T0 + 2_000, stuck=1)
    live.say([], T0 + 33_000, stuck=1)
    volume = live.judge.models["prod/loan"].recent.volume()[0]

    live.say([], T0 + 34_000)  # the other task has come back

    assert live.count("anchorwatch.blocks.late") > 0
    assert live.judge.models["prod/loan"].recent.volume()[0] == volume


def test_rows_between_spans_are_counted_as_holes() -> None:
    live = Live(tasks=1)
    live.say(traffic(100), T0 + 2_000)
    none = live.count("anchorwatch.blocks.holes")

    live.say([], T0 + 4_000, offset=500)

    assert (none, live.count("anchorwatch.blocks.holes")) == (0, 300)


FOREIGN = [
    b"",
    b"{}",
    b'{"v": 2}',
    b"hello",
    b"\xc1",
    msgspec.msgpack.encode({"v": 9}),
    msgspec.msgpack.encode({"v": 1, "feed": "x", "task": 0}),
]


def test_what_is_no_observation_is_counted_and_passed_over() -> None:
    """A console producer on the wrong topic: the judge goes on, with all that the ingest tasks wrote around it."""
    live, alone = Live(), Live()
    live.hand_over(FOREIGN, T0)
    live.cut()
    foreign = live.count("anchorwatch.records.foreign")
    for each in (live, alone):
        each.say(traffic(500), T0 + 2_000)

    assert foreign == len(FOREIGN)
    assert live.judge.models["prod/loan"].recent.volume()[0] == alone.judge.models["prod/loan"].recent.volume()[0] > 0


def test_observations_of_a_newer_version_ask_for_an_upgrade() -> None:
    live = Live()
    live.ingests[0].tick(T0, BOTH)
    observation = DECODER.decode(live.ingests[0].freeze({}).records[0].value or b"")
    newer = {**msgspec.to_builtins(observation, builtin_types=(bytes,)), "v": 2}
    another_shape = {**newer, "blocks": "kept elsewhere"}

    for each in (newer, another_shape):
        with pytest.raises(StateRefused, match="version 2, this judge reads 1: upgrade it"):
            live.hand_over([msgspec.msgpack.encode(each)], T0)


# people


def command(verb: str, target: str = "prod/loan", **more: object) -> Command:
    return msgspec.convert({"verb": verb, "target": target, "actor": "ann", "reason": "seen", "at_ms": T0, **more}, Command)


def slow(live: Live) -> Alert:
    live.say(traffic(500, fault=Fault(slow={"eu": 10, "us": 10, "asia": 10, "af": 10})), T0 + 1_000)
    live.say([], T0 + 2_000)
    return next(a for a in fired(live.records) if a.loud)


def test_a_command_is_applied_once_also_over_a_restart() -> None:
    live = Live()
    alert = slow(live)
    live.judge.command(4, command("ack", alert.id))
    live.say([], T0 + 2_100)
    told = [a.state for a in live.alerts]

    live.reborn()
    live.judge.command(4, command("ack", alert.id))
    live.judge.command(3, command("resolve", alert.id))
    live.say([], T0 + 2_200)

    assert told == ["acknowledged"]
    assert live.alerts == []


def test_a_command_right_after_a_restart_finds_the_alerts_of_the_last_life() -> None:
    live = Live()
    alert = slow(live)
    live.reborn()

    live.judge.command(4, command("ack", alert.id))
    live.judge.tick(T0 + 2_100, BOTH)
    live.cut()

    assert [(a.id, a.state, a.actor) for a in live.alerts] == [(alert.id, "acknowledged", "ann")]


def test_a_monitor_whose_alert_a_person_resolved_speaks_again_of_a_new_fault() -> None:
    live = Live()
    slow(live)
    live.judge.command(1, command("resolve"))
    live.say([], T0 + 2_100)
    resolved = {a.state for a in live.alerts}

    live.say(traffic(1_000, start_ms=T0 + 3_000, seed=5, fault=Fault(slow={"eu": 10, "us": 10, "asia": 10, "af": 10})), T0 + 5_000)

    assert resolved == {"resolved"}
    assert "firing" in {a.state for a in live.alerts}


def test_alerts_of_a_removed_contract_end_with_a_reason() -> None:
    live = Live()
    slow(live)
    live.registry.record(b"prod/loan", None)

    live.say([], T0 + 5_000)

    assert {a.state for a in live.alerts} == {"resolved"}
    assert "contract was removed" in live.alerts[0].reason


@pytest.mark.parametrize("restart", [False, True])
def test_a_contract_removed_and_applied_again_begins_anew(restart: bool) -> None:
    """Nobody promised anything in between: the gap is no silence, and what was told as over may be told again."""
    live, slow_now = Live(), Fault(slow={"eu": 10, "us": 10, "asia": 10, "af": 10})
    slow(live)
    live.registry.record(b"prod/loan", None)
    live.say([], T0 + 5_000)
    if restart:
        live.reborn()
    applied = loan_applied()
    applied.effective_from_ms = T0 + 60_000
    live.registry.apply(applied)
    live.records = []
    for second in (61, 62, 64):
        live.say([], T0 + second * 1_000)
    silent = fired(live.records)
    live.say(traffic(1_000, start_ms=T0 + 64_000, seed=5, fault=slow_now), T0 + 65_000)
    live.say([], T0 + 68_000)
    live.say([], T0 + 90_000)

    assert silent == []
    assert {(a.labels["alertname"], a.state) for a in fired(live.records)} >= {("LatencyOverPromise", "firing"), ("ModelDark", "firing")}


def test_an_escalation_is_written_so_that_a_restart_does_not_repeat_it() -> None:
    live = Live()
    applied = loan_applied()
    applied.contract["owner"]["escalation"] = [{"to": "first", "after": "0m"}, {"to": "second", "after": "1m"}]
    live.registry.apply(applied)
    slow(live)
    live.judge.tick(T0 + 70_000, BOTH)
    live.cut()
    steps = [a.owner["route"] for a in live.alerts if a.loud]

    live.reborn()
    live.judge.tick(T0 + 70_500, BOTH)
    live.cut()

    assert "second" in steps
    assert [a for a in live.alerts if a.owner["route"] == "second" and a.loud] == []


# contracts that change


def test_a_changed_line_keeps_the_evidence_of_every_other_monitor() -> None:
    live = Live(tasks=1)
    live.say(traffic(1_000, fault=Fault(error=0.09)), T0 + 2_000)
    for second in range(3, 9):
        live.say([], T0 + second * 1_000)
    before = live.judge.models["prod/loan"].monitors.evidence()

    applied = loan_applied()
    applied.contract["promises"]["latency"]["inference_p99"] = "90ms"
    applied.effective_from_ms = T0 + 9_000
    live.registry.apply(applied)
    live.say([], T0 + 11_000)

    after = live.judge.models["prod/loan"].monitors.evidence()
    changed = {key for key in before if after[key] != before[key]}
    assert any(before[key] > 0 for key in before if key.startswith("quality:"))
    assert changed
    assert {key.partition("/")[0] for key in changed} == {"latency:inference_p99"}


def test_findings_do_not_depend_on_the_clock_of_the_judge() -> None:
    """The wall decides when; what is found is a function of the events, as long as no window is closed by grace."""
    events, _, end = quiet_then(1_000, Fault(slow={"asia": 5}), quiet=1_000)
    found = []
    for step in (500, 1_700):
        live = Live()
        every = []
        for now in range(T0, end + 3_000, step):
            live.say(in_order(e for e in events if now - step < e.at_ms <= now), now)
            every += [msgspec.structs.replace(f, trace_ids=[]) for f in live.findings]
        found.append([f for f in every if f.watch != "alive"])

    assert found[0]
    assert found[0] == found[1]
