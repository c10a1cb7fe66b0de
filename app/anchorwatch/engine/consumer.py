"""One thread does everything with Kafka: it reads, hands on, cuts and answers the group.

So no cut is ever under way when a partition is taken away, and what the group asks for is answered between two cuts.
Agents run in the event loop and are fed on during a cut: what it holds is bytes.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import confluent_kafka as ck

from anchorwatch.engine.cutter import Cutter
from anchorwatch.engine.ends import Ends
from anchorwatch.engine.polled import by_partition, parted, run_of
from anchorwatch.engine.refusals import REFUSED_ACCESS, Right
from anchorwatch.engine.settings import (
    CLASSIC,
    FENCED,
    FETCHING,
    PASSING,
    READING,
    TP,
    Consumer,
    Settings,
    consumer,
    counts,
    reader,
    same_counts,
)
from anchorwatch.engine.store import Restored, Store
from anchorwatch.engine.task import AHEAD_BYTES_MAX, Batch, Stage, Task
from anchorwatch.errors import OurError, TopicsMismatch, Unreachable
from anchorwatch.events import Row

if TYPE_CHECKING:
    from anchorwatch.engine.control import Control

log = logging.getLogger(__name__)
T = TypeVar("T")
FETCH_ROWS_MAX = 10_000
IN_CHANNEL_BYTES_MAX = 64_000_000  # handed on and not taken; above: nothing more is handed on, nor read
AGENT_PATIENCE = 1.0  # seconds the thread waits for agents before it pauses everything and polls on
STUCK_AFTER = 25.0  # seconds of an agent with one batch
PROGRESS_AFTER = 60.0  # seconds a task that has something to read may stand still
UNDECIDED_AFTER = 30.0  # seconds a source may stand before an undecided transaction; above: a warning
LOOK_EVERY = 30.0  # seconds between two looks at the topics' partition counts
MOVED = "keys moved, so joins and state no longer fit; make new topics, or `anchorwatch state restart`"


class Rising(NamedTuple):
    """A task being restored."""

    work: Future[Restored]
    known: Task | None  # what memory still holds of it
    cancelled: threading.Event
    since: float  # when it began


class Gate(Protocol):
    """What rows may have to wait for before they are handed on, such as schemas that they name. Called by Kafka's thread."""

    def look(self, rows: Sequence[Row]) -> None: ...

    def held(self) -> bool: ...


class Loop(NamedTuple):
    """How the thread reaches what lives in the event loop. All of it runs there."""

    run: Callable[[Coroutine[Any, Any, Any]], Future[Any]]
    put: Callable[[Batch], Coroutine[Any, Any, None]]
    begin: Callable[[int, int, dict[bytes, bytes]], Stage]


class Reader:
    """The thread's work. Everything here is called by it alone, but `tasks`, which the event loop looks at."""

    def __init__(
        self,
        kafka: Settings,
        group: str,
        instance: str,
        sources: Sequence[str],
        loop: Loop,
        *,
        cutter: Cutter,
        group_settings: Settings | None = None,
        control: "Control | None" = None,
        headed: Callable[[str], bool] = lambda _: False,
        gate: Gate | None = None,
    ) -> None:
        self.headed, self.gate = headed, gate
        self.kafka, self.group, self.instance, self.sources = kafka, group, instance, list(sources)
        self.loop, self.cutter, self.control = loop, cutter, control
        self.group_settings = {**CLASSIC, "group.instance.id": instance} if group_settings is None else group_settings
        self.store = Store(kafka, group, cutter.changelog, sources)
        self.tasks: dict[int, Task] = {}
        self.mine: set[TP] = set()
        self.paused: set[TP] = set()
        self.rising: dict[int, Rising] = {}
        self.left: dict[int, Task] = {}  # taken away, their last cut committed; often they come back at once
        self.handed: Future[None] = Future()
        self.handed.set_result(None)
        self.pool = ThreadPoolExecutor(4, "restore")
        self.listening = threading.Event()  # an agent waits for batches; before that a channel drops them
        self.stopping, self.slow, self.joined = False, False, False
        self.turned = time.monotonic()  # when the thread last came round
        self.partitions = 0
        self.lag: dict[str, int] = {}  # topic -> records to read, of our tasks
        self.trouble: Exception | None = None  # met in a callback of librdkafka
        self.ends = Ends()

    def work(self) -> None:
        """Until `stopping`. Raises what should end the process."""
        self.partitions = self._wait_for_topics()
        if self._asked_to_stop():
            return
        self.cutter.outlet.begin()  # before we join: ends what our last life left open
        self.consumer = self._join()
        look = time.monotonic() + LOOK_EVERY
        looking: Future[dict[str, int]] | None = None
        while not self.stopping:
            self.turned = now = time.monotonic()
            self._read()
            self._bring_up()
            self._hand_on()
            self._pause()
            self.cutter.now_and_then(self.consumer, self.tasks, self.loop.run)
            self._check(now)
            if looking is not None and looking.done():
                self._same_as_before(looking)
                looking = None
            if now >= look and looking is None:
                look, looking = now + LOOK_EVERY, self.pool.submit(self._counts)
        self.consumer.close()  # the last cut is made in _revoked
        if self.trouble:
            raise self.trouble

    def _asked_to_stop(self) -> bool:
        return self.stopping  # set by the event loop

    # the topics

    def _counts(self, patience: float = 2.0) -> dict[str, int]:
        client = reader(self.kafka, self.group)
        try:
            return counts(client, [*self.sources, self.cutter.changelog, *(self.control.topics if self.control else ())], patience)
        finally:
            client.close()

    def _wait_for_topics(self) -> int:
        """The partition count that sources and changelog share. Raises Unreachable after a minute, TopicsMismatch at once."""
        until = time.monotonic() + 60
        while not self._asked_to_stop():
            self.turned = time.monotonic()
            try:
                found = self._counts()
                control = {topic: found.pop(topic) for topic in (self.control.topics if self.control else ()) if topic in found}
                if missing := {topic: 0 for topic, n in control.items() if not n}:
                    same_counts(missing)
                return same_counts(found)
            except Unreachable as exc:
                if time.monotonic() > until:
                    raise
                log.warning("kafka.waiting reason=%s", exc)
        return 0

    def _same_as_before(self, looked: Future[dict[str, int]]) -> None:
        try:
            found = looked.result()
        except Unreachable:
            return
        now = {topic: found[topic] for topic in self.sources if found[topic] != self.partitions}
        changed = [f"{topic} had {self.partitions} partitions and has {n} now" for topic, n in now.items()]
        if changed:
            raise TopicsMismatch(f"{'; '.join(changed)}: {MOVED}")

    def _join(self) -> Consumer:
        settings = {"client.id": self.instance, **FETCHING}
        ours = {**READING, "group.id": self.group, "auto.offset.reset": "error"}
        client = consumer(settings, self.kafka, self.group_settings, ours)
        self.incremental = {**self.kafka, **self.group_settings}.get("group.protocol") == "consumer"
        client.subscribe(self.sources, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        return client

    # reading

    def _read(self) -> None:
        """Groups what came by partition. When agents are slow everything is paused, and this serves the group only."""
        if not self.handed.done() and not self.slow:
            return
        found = self.consumer.consume(FETCH_ROWS_MAX, 0.05)
        if trouble := self.trouble or self.consumer.reasons.refusal:
            raise trouble
        polled_ms = time.time_ns() // 1_000_000
        for topic, partition, messages in by_partition(found):
            task = self.tasks.get(partition)
            good, told = parted(messages)
            for m in told:
                self._trouble(m, task)
            if task and good:
                run = run_of(good, polled_ms, self.headed(topic))
                if self.gate:
                    self.gate.look(run.rows)
                task.add(topic, run, self._end(topic, partition))
        if not self.slow:  # else all is paused
            self.ends.look(self.consumer, self.tasks, polled_ms)

    def _end(self, topic: str, partition: int) -> int:
        end: int = self.consumer.get_watermark_offsets(ck.TopicPartition(topic, partition), cached=True)[1]
        return end

    def _trouble(self, m: ck.Message, task: Task | None) -> None:
        """Events that come as messages: ends of partitions, passing errors, and the fatal ones, after which all is silent for ever."""
        error = m.error()
        assert error is not None
        code, topic = error.code(), m.topic()
        if code == ck.KafkaError._PARTITION_EOF:
            if task and topic:
                task.at_end(topic, m.offset() or 0, self._end(topic, task.partition))
        elif code in FENCED or (code == ck.KafkaError._FATAL and "fenced" in error.str()):
            raise OurError(f"another worker took the name {self.instance} in {self.group} ({error.str()}); each needs a name of its own")
        elif code in REFUSED_ACCESS:
            is_group = code == ck.KafkaError.GROUP_AUTHORIZATION_FAILED
            needs = Right("Read", "group", self.group) if is_group else Right("Read", "topic", str(topic))
            raise self.consumer.reasons.refused(error, needs)
        elif code == ck.KafkaError._AUTO_OFFSET_RESET:
            raise OurError(f"{topic} {m.partition()}: our place {m.offset()} is gone ({error.str()}); the restart counts what was lost")
        elif error.fatal() or code == ck.KafkaError._FATAL:
            raise OurError(f"Kafka's client ended: {error.str()}; starting again is safe")
        else:
            log.warning("kafka.read topic=%s code=%s reason=%s", topic, error.name(), error.str())

    def _hand_on(self) -> None:
        if self.gate and self.gate.held():
            for task in self.tasks.values():
                task.advanced = time.monotonic()
            return
        wait({self.handed}, AGENT_PATIENCE if not self.slow else 0)
        self.slow = not self.handed.done()
        if not self.slow:
            self.handed.result()
            now = time.monotonic()
            batches = [batch for task in self.tasks.values() for batch in task.in_step(now)]
            if batches:
                self.handed = self.loop.run(self._put(batches))

    async def _put(self, batches: list[Batch]) -> None:
        """All batches of one poll cross to the loop in one call. Done when there is room again: the channel holds back beyond 16."""
        for batch in batches:
            await self.loop.put(batch)
        while sum(task.in_channel for task in list(self.tasks.values())) > IN_CHANNEL_BYTES_MAX:  # noqa: ASYNC110  # rare, and short
            await asyncio.sleep(0.005)

    def _pause(self) -> None:
        """`pause` throws away what was prefetched: so only for a topic far ahead, a task not up, or agents at a standstill."""
        wanted = {tp for tp in self.mine if self._must_wait(*tp)}
        for call, tps in ((self.consumer.pause, wanted - self.paused), (self.consumer.resume, self.paused - wanted)):
            if tps:
                call([ck.TopicPartition(*tp) for tp in tps])
        if resumed := self.paused - wanted:
            self._wake(resumed)
        self.paused = wanted

    def _wake(self, resumed: set[TP]) -> None:
        """librdkafka's broker threads sleep up to 1 s and are not told of a resume; a question to each leader wakes them (1.08 -> 0.08 s)."""
        now_ms = time.time_ns() // 1_000_000
        with suppress(ck.KafkaException):  # the answer does not matter
            self.consumer.offsets_for_times([ck.TopicPartition(*tp, now_ms) for tp in resumed], 0.05)

    def _must_wait(self, topic: str, partition: int) -> bool:
        task = self.tasks.get(partition)
        return self.slow or task is None or task.held[topic] > AHEAD_BYTES_MAX

    def _check(self, now: float) -> None:
        """Does every task go forward? Also takes stock for `status`."""
        lag = dict.fromkeys(self.sources, 0)
        for task in self.tasks.values():
            if task.busy and now - task.busy > STUCK_AFTER:
                raise OurError(f"an agent is at one batch of task {task.partition} for {STUCK_AFTER:g} s; batches must take less")
            if not task.behind():
                task.advanced = now
            elif now - task.advanced > PROGRESS_AFTER:
                raise OurError(f"task {task.partition} has records to read and stood still for {PROGRESS_AFTER:g} s; starting again")
            for topic, since in task.undecided_since.items():
                if now - since > UNDECIDED_AFTER:
                    log.warning("source.undecided topic=%s partition=%d offset=%d", topic, task.partition, task.stable_end[topic])
                    task.undecided_since[topic] = now
            for topic, n in task.next.items():
                if task.stable_end.get(topic, -1) < task.read_to[topic] or n < task.read_to[topic]:
                    lag[topic] += max(0, self._end(topic, task.partition) - n)
        self.lag = lag

    # the group

    def _assigned(self, client: ck.Consumer, tps: list[ck.TopicPartition]) -> None:
        beyond = [tp for tp in tps if tp.partition >= self.partitions]
        if beyond:
            self.trouble = TopicsMismatch(f"{beyond[0].topic} had {self.partitions} partitions and has more now: {MOVED}")
        try:
            tps = self._log_starts(client, tps)
        except (ck.KafkaException, Unreachable) as exc:  # a callback must not raise: the thread does, after it
            self.trouble = OurError(f"Kafka does not tell where our sources begin ({exc}); starting again")
        (client.incremental_assign if self.incremental else client.assign)(tps)
        client.pause(tps)
        self.paused |= {(tp.topic, tp.partition) for tp in tps}
        self.mine |= {(tp.topic, tp.partition) for tp in tps}
        log.info("group.assigned group=%s partitions=%d", self.group, len(tps))
        for p in sorted({tp.partition for tp in tps}):
            if all((topic, p) in self.mine for topic in self.sources):  # a task is up when it has all its sources
                self._restore(p)
        self.left = {}
        self.joined = True

    def _log_starts(self, client: ck.Consumer, tps: list[ck.TopicPartition]) -> list[ck.TopicPartition]:
        """A place that exists, for each partition to stand at, paused, until its task is up and we seek to ours.

        Not 0, which may lie below the log start: the client ends in a state that no seek leaves. Nor OFFSET_END, which librdkafka must ask for:
        if we seek before it has the answer, it asks again after 500 ms and goes on from there, without a word (a block was lost so, once).
        """
        asked = [ck.TopicPartition(tp.topic, tp.partition, ck.OFFSET_BEGINNING) for tp in tps]
        until = time.monotonic() + 10
        while asked:
            try:
                found: list[ck.TopicPartition] = client.offsets_for_times(asked, 5.0)
                if all(tp.error is None and tp.offset >= 0 for tp in found):
                    return found
            except ck.KafkaException as exc:
                if not (exc.args[0].retriable() or exc.args[0].code() in PASSING):
                    raise
            if time.monotonic() > until:
                raise Unreachable("no answer within 10 s")
            time.sleep(0.1)
        return []

    def _restore(self, p: int) -> None:
        known, cancelled = self.left.get(p), threading.Event()
        work = self.pool.submit(self.store.restore, p, known.stamp if known else None, lambda: not (cancelled.is_set() or self.stopping))
        self.rising[p] = Rising(work, known, cancelled, time.monotonic())

    def _bring_up(self) -> None:
        if not self.rising or not self.listening.is_set() or (self.control and not self.control.complete):
            return
        for p, (work, known, _, since) in [item for item in self.rising.items() if item[1].work.done()]:
            chunks, offsets, stamp, report = work.result()
            try:
                for topic, offset in offsets.items():
                    self.consumer.seek(ck.TopicPartition(topic, p, offset))
            except ck.KafkaException as exc:
                if exc.args[0].code() != ck.KafkaError._STATE or time.monotonic() - since > PROGRESS_AFTER:
                    raise
                continue  # the partition is not set up yet: next time
            del self.rising[p]
            stage = known.stage if known and chunks is None else self.loop.run(self._begin(p, chunks or {})).result()
            self.tasks[p] = Task(p, stage, offsets, stamp, report)
            self.turned = time.monotonic()
            log.info("task.up group=%s task=%d chunks=%s next=%s", self.group, p, "kept" if chunks is None else len(chunks), offsets)

    async def _begin(self, p: int, chunks: dict[bytes, bytes]) -> Stage:
        return self.loop.begin(p, self.partitions, chunks)

    def _revoked(self, client: ck.Consumer, tps: list[ck.TopicPartition]) -> None:
        going = {tp.partition: self.tasks[tp.partition] for tp in tps if tp.partition in self.tasks}
        done: set[int] = set()
        try:
            done = self.cutter.last(client, going, self.loop.run)
        except Exception as exc:  # a callback must not raise: the thread does, after it
            self.trouble = self.trouble or exc
        self._forget(tps)
        self.left = {p: task for p, task in going.items() if p in done}  # of the others Kafka is behind this memory

    def _lost(self, _client: ck.Consumer, tps: list[ck.TopicPartition]) -> None:
        log.warning("group.lost group=%s partitions=%d", self.group, len(tps))
        self._forget(tps)

    def _forget(self, tps: list[ck.TopicPartition]) -> None:
        gone = {(tp.topic, tp.partition) for tp in tps}
        self.mine -= gone
        self.paused -= gone
        for p in {p for _, p in gone}:
            if p in self.rising:
                self.rising.pop(p).cancelled.set()
            if p in self.tasks:
                self.tasks.pop(p).open = False
