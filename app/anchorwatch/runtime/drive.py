"""Both stages in one process, without Kafka: the same classes, the same records, a clock made of the events. For backtest, tests, reference."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import msgspec
import numpy as np

from anchorwatch.contract import JOINED, READ, Contract, to_json
from anchorwatch.events import Alert, Applied, Command, Finding, FlagChange, Heartbeat, Record, Role, Row, Summary
from anchorwatch.runtime import formats
from anchorwatch.stages.flags import FlagBook
from anchorwatch.stages.ingest import Ingest, IngestSettings
from anchorwatch.stages.judge import Judge
from anchorwatch.stages.model_judge import JudgeSettings
from anchorwatch.stages.observe import partition_of
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.report import Report
from anchorwatch.stages.sibling_topic import SiblingSettings, SiblingTopic

BATCH = 2_000  # rows handed over at once; findings do not depend on it
TOPICS: dict[str, Role] = {role: role for role in JOINED}  # beside those that a contract expects


class Event(NamedTuple):
    """One record as a service would write it, at the time at which it would."""

    role: Role
    at_ms: int
    key: bytes
    value: bytes


@dataclass
class Heard:
    """What came out."""

    findings: list[Finding] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    dead: list[Record] = field(default_factory=list)
    report: Report = field(default_factory=Report)


@dataclass(frozen=True)
class Clockwork:
    """The settings that matter in-process."""

    window_ms: int = 10_000
    lateness_ms: int = 5_000
    pages_per_month: float = 1.0
    tasks: int = 1
    summary_ms: int = 60_000
    recent_ms: int = 86_400_000


class Drive:
    """Ingest tasks and one judge; events in the order in which they would have come."""

    def __init__(
        self, applied: Iterable[Applied], clockwork: Clockwork | None = None, passed: Callable[[int], None] = lambda _: None,
        come: Collection[Role] = READ,
    ) -> None:  # fmt: skip
        """passed: told again and again up to which event time all is judged. come: roles of which there are events; a topic that is waited
        for in vain would hold every window open until the end, 30 kB each."""
        self._passed = passed
        c = self.clockwork = clockwork or Clockwork()
        self.registry = Registry(c.window_ms)
        for each in applied:
            self.registry.apply(each)
        read = {role for version in self.registry.latest() for role in version.contract.topics(str)}
        self.topics = TOPICS | {role: role for role in READ if role in read and role in come}
        ingest = IngestSettings(
            feed="default", roles=self.topics, observations="observations", observation_partitions=1, dead_letters="dead-letters",
            window_ms=c.window_ms, lateness_ms=c.lateness_ms, wall=False,
        )  # fmt: skip
        self.flags = FlagBook()
        judge = JudgeSettings(
            findings="findings", alerts_events="alerts.events", alerts_state="alerts.state", partitions=1, window_ms=c.window_ms, wall=False,
            pages_per_month=c.pages_per_month, summary_ms=c.summary_ms, recent_ms=c.recent_ms,
        )  # fmt: skip
        self.siblings = [
            SiblingTopic(0, 1, self.registry, self._outside, SiblingSettings(topic, "observations", 1, c.window_ms, c.lateness_ms))
            for topic in dict.fromkeys(t for version in self.registry.latest() for t in self._outside(version.contract))
        ]
        self.ingests = [Ingest(t, c.tasks, self.registry, formats.native(), ingest, {}) for t in range(c.tasks)]
        self.judge = Judge(0, 1, self.registry, self.flags, judge, {}, outside=self._outside)
        self.heard = Heard()
        self._offsets: dict[tuple[int, str], int] = {}
        self._cut: dict[tuple[int, str], int] = {}  # offsets at the last cut

    def feed(self, events: Iterable[Event]) -> "Drive":
        """May be called again and again; time must not run backwards between calls."""
        stream = iter(events)
        while batch := list(islice(stream, BATCH)):
            flags = [e for e in batch if e.role == "flags"]
            for event in flags:
                self.flag(msgspec.json.decode(event.value, type=FlagChange), event.at_ms)
            for task, ingest in enumerate(self.ingests):
                for topic in self.topics:
                    rows = list(self._rows(task, topic, batch))
                    if rows:
                        ingest.take(topic, rows, batch[-1].at_ms)
                ingest.tick(batch[-1].at_ms, frozenset())
            for beside in self.siblings:
                self._count(beside, batch)
            self._hand_over()
        return self

    def _outside(self, contract: Contract) -> list[str]:
        return [topic for topic in contract.promises.alive.siblings if topic not in self.topics]

    @staticmethod
    def _count(topic: SiblingTopic, batch: Sequence[Event]) -> None:
        """Events come in the order of their time, so it has passed what the batch has."""
        name = topic.settings.named.encode()
        mine = np.array([(e.at_ms, int(e.value)) for e in batch if e.role == "siblings" and e.key == name], np.int64).reshape(-1, 2)
        topic.add(mine[:, 0], mine[:, 1])
        topic.tick(batch[-1].at_ms, frozenset({topic.settings.named}))

    def _rows(self, task: int, topic: str, batch: Sequence[Event]) -> Iterator[Row]:
        """What of the batch belongs to that task. Heartbeats go to all."""
        offset = self._offsets.get((task, topic), 0)
        for event in batch:
            if event.role == topic and (not event.key or partition_of(event.key.decode(), len(self.ingests)) == task):
                yield event.key, event.value, offset, event.at_ms
                offset += 1
        self._offsets[task, topic] = offset

    def _spans(self, task: int) -> dict[str, tuple[int, int]]:
        """Rows read since the cut before, as a consumer's offsets would tell."""
        spans = {}
        for (of, topic), end in self._offsets.items():
            begin = self._cut.get((of, topic), 0)
            if of == task and begin < end:
                spans[topic], self._cut[of, topic] = (begin, end), end
        return spans

    def flag(self, change: FlagChange, at_ms: int) -> None:
        when = change.changed_at_ms if isinstance(change.changed_at_ms, int) else at_ms
        self.flags.add(msgspec.structs.replace(change, changed_at_ms=when))

    def command(self, command: Command) -> None:
        self.judge.command(self.judge.command_offset + 1, command)
        self._hand_over()

    def end(self, at_ms: int) -> Heard:
        """Nothing will come before that time any more: every window up to it is judged."""
        beat = msgspec.json.encode(Heartbeat(at_ms + self.clockwork.lateness_ms))
        for topic in self.siblings:
            topic.tick(at_ms + self.clockwork.lateness_ms, frozenset({topic.settings.named}))
        self.feed(Event(role, at_ms, b"", beat) for role in self.topics.values())
        return self.heard

    def _hand_over(self) -> None:
        rows: list[Row] = []
        for topic in self.siblings:
            rows += [(record.key, record.value, i, 0) for i, record in enumerate(topic.freeze({}).records)]
        for task, ingest in enumerate(self.ingests):
            if not ingest.due():
                continue
            frozen = ingest.freeze(self._spans(task))
            self.heard.report.add(frozen.report)
            for record in frozen.records:
                if record.topic == "observations":
                    rows.append((record.key, record.value, len(rows), 0))
                else:
                    self.heard.dead.append(record)
        for row in rows:
            self.judge.take("observations", [row], 0)
            self._passed(max((feed.closed_ms for feed in self.judge.feeds.values()), default=-1))
        self.judge.tick(0, frozenset())
        if self.judge.due():
            report = self.judge.freeze({}).report
            self.heard.findings += report.findings
            self.heard.alerts += report.alerts
            self.heard.summaries += report.summaries


def applied_of(contract: Contract, reference: dict[str, object] | None = None) -> Applied:
    """In force for all time."""
    return Applied(contract=to_json(contract), actor="backtest", at_ms=0, effective_from_ms=0, reference=reference)
