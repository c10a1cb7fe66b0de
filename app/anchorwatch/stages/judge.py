"""One task of the judge stage: blocks of one partition of `observations` in, findings and alerts out. Pure: time is an argument.

Blocks of a window are added up; the window is judged once, when every ingest task of its feed has passed it, or after a grace.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from anchorwatch.alerting.budget import level_days
from anchorwatch.alerting.records import alert_records
from anchorwatch.errors import UNREADABLE, AnchorwatchError, ContractError, StateRefused
from anchorwatch.events import Alert, Command, Finding, FlagChange, Observation, Record, Row, Summary
from anchorwatch.stages import judge_state
from anchorwatch.stages.feed import FeedClock
from anchorwatch.stages.flags import FlagBook
from anchorwatch.stages.learning import ready_of
from anchorwatch.stages.model_judge import Judged, JudgeSettings, ModelJudge
from anchorwatch.stages.observe import VERSION, partition_of
from anchorwatch.stages.pile import Pile
from anchorwatch.stages.ready import Ready
from anchorwatch.stages.registry import Registry, Version
from anchorwatch.stages.report import Frozen, Report
from anchorwatch.stages.sibling_clock import FeedOf, SiblingClocks
from anchorwatch.stages.sibling_topic import MARK, Outside
from anchorwatch.stages.strangers import Strangers
from anchorwatch.stages.summary import count_labels, tell


class Head(msgspec.Struct):
    """What an observation of any version begins with: enough to tell a newer one from a record that somebody else wrote."""

    v: int
    feed: str
    task: int


DECODER = msgspec.msgpack.Decoder(Observation)
HEAD = msgspec.msgpack.Decoder(Head)
ENCODER = msgspec.json.Encoder()
COMMANDS_MAX = 1_000  # waiting for their turn; above: the oldest leave, counted


class Judge:
    def __init__(
        self, task: int, tasks: int, registry: Registry, flags: FlagBook, settings: JudgeSettings, chunks: Mapping[bytes, bytes],
        feed_of: FeedOf = lambda _: "default", outside: Outside = lambda _: (),
    ) -> None:  # fmt: skip
        """chunks: what the last life of this task wrote. Raises StateCorrupt."""
        self.task, self.tasks = task, tasks
        self.registry, self.flags, self.settings, self.feed_of = registry, flags, settings, feed_of
        self.feeds: dict[str, FeedClock] = {}
        self.models: dict[str, ModelJudge] = {}
        self.siblings = SiblingClocks(registry, outside, feed_of, wall=settings.wall)
        self.strangers = Strangers(settings)
        self.command_offset = -1  # of the last command applied
        self.commands: list[tuple[int, Command]] = []
        self.out: list[Judged] = []
        self.gone: list[str] = []
        self.report = Report()
        self.moved = False
        self.touched: set[str] = set()  # models whose state changed since the last cut; that time passed quietly changes nothing
        self.prepared = -1  # changes of the registry seen
        self.book = judge_state.Book()
        self.book.restore(self, chunks)

    def mine(self, key: str) -> bool:
        return partition_of(key, self.tasks) == self.task

    # blocks in

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Sequence[bytes | None] | None = None) -> None:
        """Observation records of this partition; what is none is passed over and counted. Raises OurError for one of another version."""
        del traceparents
        for _, value, offset, _ in rows:
            observation = self._read(value or b"", offset)
            if observation is None:
                self.report.count("anchorwatch.records.foreign", topic=topic)
            else:
                self._add(observation, polled_ms)
        self.moved = True

    def _read(self, value: bytes, offset: int) -> Observation | None:
        """None: no observation. Another version is not passed over: its counts would be lost."""
        head: Observation | Head
        try:
            head = DECODER.decode(value)
        except UNREADABLE:
            try:
                head = HEAD.decode(value)
            except UNREADABLE:
                return None
        if head.v != VERSION:
            raise StateRefused(f"observations {self.task}@{offset} is of version {head.v}, this judge reads {VERSION}: upgrade it")
        return head if isinstance(head, Observation) else None

    def _add(self, observation: Observation, now_ms: int) -> None:
        if observation.feed.startswith(MARK):
            self.report.count("anchorwatch.blocks.late", self.siblings.add(observation, self._closed_ms, now_ms))
            for waiting in self.feeds.values():
                if self.siblings.named(waiting.name):
                    self._close(waiting, self.siblings.reach(waiting), "watermark", now_ms)
            return
        feed = self.feeds.get(observation.feed)
        if feed is None:
            feed = self.feeds[observation.feed] = FeedClock(observation.feed)
        holes = feed.note_spans(observation)
        self.report.count("anchorwatch.blocks.holes", holes)
        if not feed.add(observation, self._pile):
            self.report.count("anchorwatch.blocks.late", len(observation.blocks))
        feed.passed(observation.task, observation.tasks, observation.watermark_ms, now_ms)
        self._close(feed, self.siblings.reach(feed), "watermark", now_ms)

    def _closed_ms(self, key: str) -> int:
        feed = self.feeds.get(self.feed_of(key))
        return feed.closed_ms if feed is not None else -1

    def _pile(self, key: str, window_from: int) -> Pile | None:
        version = self.registry.at(key, window_from)
        return Pile(version.layout) if version is not None else None

    # windows

    def _close(self, feed: FeedClock, boundary: int, closed_by: str, now_ms: int) -> None:
        if boundary <= feed.closed_ms:
            return
        at_ms = now_ms if self.settings.wall else boundary
        closed_by = closed_by if feed.boundary() < boundary else "watermark"  # else only siblings were waited for
        for window, piles, tallies in feed.close(boundary, self.siblings.windows(feed.name, boundary)):
            self.siblings.into(feed.name, window, piles, self._pile)
            for key in sorted(piles.keys() | {k for k in tallies if k in self.registry.versions}):
                version = self.registry.at(key, window[0])
                if version is None:
                    continue
                judge = self._model(version)
                judge.offsets_since = feed.offsets.since
                judge.note(tallies.get(key, {}))
                self.touched.add(key)
                if key not in piles:
                    continue  # tallies come with whichever window closed last: they make no window of their own
                if piles[key].silent:  # of labels that are waited for: for people alone, evidence knows no such window
                    judge.recent.take(piles[key].apart)
                    continue
                count_labels(piles[key], self.report)
                known = piles[key].siblings_known = self.siblings.knows(self.siblings.outside(version.contract), window[1])
                by = closed_by if known else "grace"
                self.out.append(judge.window(window, piles[key], self.flags.of(version.contract), by, at_ms))
                self.report.judged.append((key, window[0], window[1], at_ms))
            self.out += self.strangers.window(feed.name, window, tallies, self.registry, at_ms)
        for key in self.models.keys() - self.registry.versions.keys():
            self._say(key, self.models[key].alerts.keep_only((), at_ms, "no longer watched, its contract was removed"))
        for version in self.registry.latest():
            key = version.layout.key
            if self.mine(key) and self.feed_of(key) == feed.name:
                judge = self._model(self.registry.at(key, boundary - 1) or version)
                judge.offsets_since = feed.offsets.since
                passed = judge.pass_time(boundary, self.flags.of(version.contract), closed_by, at_ms)
                if passed.findings or passed.alerts or passed.summaries:
                    self.out.append(passed)
                    self.touched.add(key)
        self.moved = True

    def _model(self, version: Version) -> ModelJudge:
        level = level_days(self.settings.pages_per_month, version.contract.budget.weight, self.registry.weights())
        judge = self.models.get(version.layout.key)
        if judge is None:
            with _usable(version):
                judge = ModelJudge(version, self.settings, level)
            self.models[version.layout.key] = judge
            self.book.restore_model(judge)
        with _usable(version):
            changed = judge.change(version, level)
        self._say(version.layout.key, changed)
        return judge

    def _wake(self) -> None:
        """Models of the last life, as soon as their contract is known: commands and escalation must find their alerts."""
        for key, kept in list(self.book.kept.items()):
            version = self.registry.at(key, int(kept.header["to_ms"]))
            if version is not None:
                self._model(version)

    def ready(self) -> dict[str, Ready]:
        """What can be learnt now, by `<environment>/<model>`. Any thread may ask."""
        found = {key: ready_of(m.layout, m.learning, m.to_ms, self.settings.window_ms) for key, m in list(self.models.items())}
        return {key: ready for key, ready in found.items() if ready is not None}

    # people and time

    def command(self, offset: int, command: Command) -> None:
        """From the topic `commands`, in order; each is applied once, also over restarts."""
        if offset > self.command_offset:
            self.commands.append((offset, command))
            del self.commands[:-COMMANDS_MAX]

    def flag(self, change: FlagChange) -> None:
        self.flags.add(change)

    def _prepare(self) -> None:
        """Monitors of new contracts, 0.1 s for 3,000 of them: made now, the first window need not wait for them."""
        if self.prepared == self.registry.changes:
            return
        self.prepared = self.registry.changes
        for version in self.registry.latest():
            if self.mine(version.layout.key):
                len(version.layout.monitors)

    def tick(self, now_ms: int, ended: frozenset[str]) -> None:
        del ended
        self._wake()
        self._prepare()
        for offset, command in self.commands:
            self.command_offset, self.moved = offset, True
            for key, judge in self.models.items():
                self._say(key, judge.command(command, now_ms))
            for key, alerts in self.strangers.alerts.items():
                self._say(key, alerts.command(command, now_ms))
        self.commands = []
        for feed in self.feeds.values():
            if self.settings.wall:
                self._close(feed, feed.overdue(now_ms - self.settings.grace_ms), "grace", now_ms)
        clock = now_ms if self.settings.wall else max((f.closed_ms for f in self.feeds.values()), default=-1)
        if clock < 0:
            return
        for key, alerts in [*((key, judge.alerts) for key, judge in self.models.items()), *self.strangers.alerts.items()]:
            self._say(key, alerts.tick(clock))
            self.gone += alerts.gone()

    def _say(self, key: str, alerts: list[Alert]) -> None:
        if not alerts:
            return
        self.out.append(Judged(alerts=alerts))
        self.moved = True
        if key in self.models:
            self.touched.add(key)

    # the cut

    def due(self) -> bool:
        return self.moved or bool(self.out or self.gone)

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        del spans
        out, self.out = self.out, []
        gone, self.gone = self.gone, []
        report, self.report = self.report, Report()
        records: list[Record] = []
        alerts: list[Alert] = []
        for judged in out:
            told: list[Finding | Summary] = [*judged.findings, *judged.summaries]
            for message in told:
                key = f"{message.environment}/{message.model}".encode()
                records.append(Record(self.settings.findings, -1, key, ENCODER.encode(message)))
            alerts += judged.alerts
            report.findings += judged.findings
            report.summaries += judged.summaries
        topics = {"alerts.events": self.settings.alerts_events, "alerts.state": self.settings.alerts_state}
        records += alert_records(alerts, topics, gone)
        report.alerts = alerts
        for alert in alerts:
            report.count("anchorwatch.alerts", 1, **{name: alert.labels[name] for name in ("environment", "model", "watch", "severity")})
        for summary in report.summaries:
            tell(summary, report)
        self.moved = False
        return Frozen(self.book.freeze(self), records, report)


@contextmanager
def _usable(version: Version) -> Iterator[None]:
    """Raises ContractError: what a reference says cannot be judged, which no restart mends."""
    try:
        yield
    except AnchorwatchError:
        raise
    except Exception as error:
        problem = f"{version.layout.key}: its reference cannot be judged ({error!r}); make it anew: `anchorwatch apply --reference`"
        raise ContractError(problem) from error
