"""A task: one partition of one stage; its stage, its place in each source, and the batches on their way to its agent.

Two threads meet here. Kafka's thread appends rows and takes batches out; stage, `next` and freezing belong to the event loop.
"""

import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import confluent_kafka as ck
import numpy as np

from anchorwatch.engine.store import HEAD, Head
from anchorwatch.engine.transaction import Cut
from anchorwatch.events import Row, Rows
from anchorwatch.stages.report import Frozen, Report

if TYPE_CHECKING:
    import faust

LEAD_MS = 2_000  # a topic may be ahead of its siblings by so much; at 0 batches are cut in two at every turn, and small ones cost more
SIBLING_PATIENCE = 2.0  # seconds a silent topic holds back the others of its task
AHEAD_BYTES_MAX = 16_000_000  # of one topic waiting for its siblings; above: paused
LOOKED_MS_MAX = 1_000  # since it was last known that a topic was read to its end; above: it does not count as such
CHUNK_BYTES_MAX = 900_000  # a changelog record must fit a topic with Kafka's default limit of 1 MB
Traceparents = Sequence[bytes | None]


class Stage(Protocol):
    """What a stage makes of one task. Pure, and touched in the event loop only."""

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Traceparents | None) -> None:
        """Consecutive records of one partition; offsets have gaps (transaction markers, compaction)."""

    def tick(self, now_ms: int, ended: frozenset[str]) -> None:
        """After each batch, and at least twice a second when idle. ended: topics taken to their end; now_ms: wall clock."""

    def due(self) -> bool:
        """Is there something to cut although no row moved?"""

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        """All that changed since the last call. spans: topic -> (next at the cut before, next now)."""


@dataclass(slots=True)
class Run:
    """Rows of one partition from one poll."""

    rows: Rows
    traceparents: list[bytes | None] | None
    polled_ms: int
    size: int  # bytes of keys and values

    def split(self, n: int) -> tuple["Run", "Run"]:
        first, share = self.traceparents, self.size * n // len(self.rows)
        return (
            Run(self.rows[:n], first and first[:n], self.polled_ms, share),
            Run(self.rows[n:], first and first[n:], self.polled_ms, self.size - share),
        )


class Task:
    """`next`: offset after the last row that counts; `read_to`: after the last one read; `handed_to`: after the last one handed on."""

    def __init__(self, partition: int, stage: Stage, offsets: dict[str, int], stamp: str, report: Report | None = None) -> None:
        self.partition, self.stage, self.stamp = partition, stage, stamp
        self.next, self.read_to, self.handed_to, self.cut_at = dict(offsets), dict(offsets), dict(offsets), dict(offsets)
        self.open = True  # until it is taken away; batches handed on before then are ignored
        self.busy = 0.0  # since when an agent is at work on a batch: nothing to freeze
        self.broken = False  # an agent broke off within a batch: never cut again
        self.moved = report is not None
        self.due = False
        self.refused: Cut | None = None  # goes with the next cut
        self.report = report  # what restoring found out; goes with the first cut
        self.waiting: dict[str, deque[Run]] = {topic: deque() for topic in offsets}  # read, not handed on
        self.held = dict.fromkeys(offsets, 0)  # bytes of `waiting`
        self.in_channel = 0  # bytes handed on, not taken yet
        self.ended: frozenset[str] = frozenset()  # topics read to their end
        self.stable_end: dict[str, int] = {}  # where a topic's end was met last
        self.undecided_since: dict[str, float] = {}
        self.silent_since: dict[str, float] = {}
        self.looked_ms = dict.fromkeys(offsets, time.time_ns() // 1_000_000)  # wall clock: up to then it is known that all was read
        self.advanced = time.monotonic()  # when `next` last moved, or there was nothing to read

    def add(self, topic: str, run: Run, end: int) -> None:
        """end: the topic's high watermark as known by now."""
        first, last = run.rows.offsets[0], run.rows.offsets[-1]
        assert first >= self.read_to[topic], f"{topic} {self.partition} came again from {first}, was read to {self.read_to[topic]}"
        self.waiting[topic].append(run)
        self.held[topic] += run.size
        self.read_to[topic] = last + 1
        if self.read_to[topic] >= end:
            self.at_end(topic, self.read_to[topic], end)
        elif (
            self.stable_end.get(topic, -1) < self.read_to[topic]
        ):  # else the end came with these rows, behind a marker, and comes no second time
            self.ended -= {topic}

    def at_end(self, topic: str, offset: int, end: int) -> None:
        """All before `offset` is decided and read. What lies up to `end` stands in an undecided transaction: that is not silence."""
        self.stable_end[topic] = offset
        if offset >= end:
            self.ended |= {topic}
            self.undecided_since.pop(topic, None)
        else:
            self.ended -= {topic}
            self.undecided_since.setdefault(topic, time.monotonic())

    def known_to(self, topic: str) -> int:
        """The offset up to which all was read: rows, and the markers behind them that no row tells of."""
        return max(self.read_to[topic], self.stable_end.get(topic, -1))

    def taken_to_the_end(self) -> frozenset[str]:
        """`ended` is looked at first: rows that come between the two looks only make the answer smaller."""
        ended = self.ended
        return frozenset(topic for topic in ended if self.next[topic] >= self.read_to[topic])

    def behind(self) -> bool:
        """Are there rows to read, or read ones that no agent has taken?"""
        return any(n < self.read_to[topic] or self.stable_end.get(topic, -1) < self.read_to[topic] for topic, n in self.next.items())

    def tick(self, now_ms: int) -> None:
        """What comes while Kafka's thread is at a slow cut, or Kafka is away, is not seen: no topic counts as read to its end then, else it
        would be late. Of topics at their end the stage is told the time up to which that is known.
        """
        ended = frozenset(t for t in self.taken_to_the_end() if now_ms - self.looked_ms[t] <= LOOKED_MS_MAX)
        self.stage.tick(min([now_ms, *(self.looked_ms[t] for t in ended)]), ended)
        self.due = self.stage.due()

    def freeze(self, stamp: str) -> Cut:
        frozen = self.stage.freeze({topic: (self.cut_at[topic], n) for topic, n in self.next.items()})
        for name, chunk in frozen.chunks.items():
            assert name != HEAD, "a stage names its chunks; the empty name is the engine's own"
            assert chunk is None or len(chunk) <= CHUNK_BYTES_MAX, (
                f"chunk {name!r} of {len(chunk)} bytes: a stage splits at {CHUNK_BYTES_MAX}"
            )
        report = frozen.report
        if self.report:
            report.add(self.report)
        self.cut_at, self.stamp, self.moved, self.due, self.report = dict(self.next), stamp, False, False, None
        chunks = {**frozen.chunks, HEAD: Head(stamp, self.cut_at).encode()}
        # all sources, also those that stood still: an undecided offset makes a successor wait
        offsets = [ck.TopicPartition(topic, self.partition, n, stamp) for topic, n in self.next.items()]
        cut = Cut(chunks, frozen.records, offsets, report)
        return self.refused.then(cut) if self.refused else cut

    def in_step(self, now: float) -> list["Batch"]:
        """What may be handed on: no topic runs ahead of a sibling that has more to come, but by LEAD_MS."""
        limit = float("inf")  # ms
        for topic, runs in self.waiting.items():
            if runs or topic in self.ended:
                self.silent_since.pop(topic, None)
                if runs and topic not in self.ended:
                    limit = min(limit, int(runs[-1].rows.stamps[-1]))
            elif now - self.silent_since.setdefault(topic, now) < SIBLING_PATIENCE:
                return []
        return [batch for topic in self.waiting for batch in self._up_to(topic, limit + LEAD_MS)]

    def _up_to(self, topic: str, limit: float) -> list["Batch"]:
        batches, runs = [], self.waiting[topic]
        while runs:
            run = runs[0]
            if run.rows.stamps[-1] <= limit:
                runs.popleft()
            else:  # times need not ascend: what stands behind a later row waits with it
                n = int(np.argmax(run.rows.stamps > limit))
                if not n:
                    break
                run, runs[0] = run.split(n)
            batches.append(Batch(self, topic, run.rows, run.polled_ms, run.traceparents, self.handed_to[topic], run.size))
            self.handed_to[topic] = run.rows.offsets[-1] + 1
            self.held[topic] -= run.size
            self.in_channel += run.size
        return batches


class Batch(NamedTuple):
    """Consecutive records of one partition, for an agent."""

    task: Task
    topic: str
    rows: Rows
    polled_ms: int
    traceparents: list[bytes | None] | None
    begins: int  # offset after the batch before
    size: int

    def take(self) -> None:
        """Give it to the stage of its task."""
        self.task.stage.take(self.topic, self.rows, self.polled_ms, self.traceparents)


async def one_by_one(stream: "faust.streams.Stream") -> AsyncGenerator[Batch, None]:
    """A batch counts as fed when its agent asks for the next; one it breaks off at never counts, nor is its task ever cut again."""
    async for batch in stream:
        task = batch.task
        task.in_channel -= batch.size
        if not task.open:
            continue
        # Faust's channels drop what nobody listens to
        assert batch.begins == task.next[batch.topic], f"a batch was lost before offset {batch.begins} of {batch.topic} {task.partition}"
        task.busy = time.monotonic()
        fed = False
        try:
            yield batch
            fed = True
        finally:
            task.broken = task.broken or not fed
        task.next[batch.topic], task.moved = batch.rows.offsets[-1] + 1, True
        task.advanced = time.monotonic()
        if task.open:
            task.tick(time.time_ns() // 1_000_000)
        task.busy = 0.0
