"""What Kafka knows of a task: committed offsets and the chunks cut with them."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import confluent_kafka as ck

from anchorwatch.engine.refusals import REFUSED_ACCESS, Right
from anchorwatch.engine.settings import Consumer, Settings, log_bounds, reader
from anchorwatch.errors import OurError, StateRefused, TopicsMismatch
from anchorwatch.stages.report import Report

log = logging.getLogger(__name__)
HEAD = b""  # name of the chunk that repeats offsets and name of the last cut
PATIENCE = 60.0  # seconds without a step forward; an undecided transaction ends after 20


class Superseded(Exception):
    """The group has moved on while we were reading."""


class Head(NamedTuple):
    """What the chunks say of the cut they belong to."""

    stamp: str  # name of the cut, "" before the first
    next: dict[str, int]  # topic -> offset

    def encode(self) -> bytes:
        return json.dumps({"v": 1, "stamp": self.stamp, "next": self.next}).encode()

    @classmethod
    def decode(cls, chunk: bytes | None) -> "Head":
        if chunk is None:
            return cls("", {})
        try:
            found = json.loads(chunk)
            version = found["v"]
            if version == 1:
                return cls(str(found["stamp"]), {str(topic): int(n) for topic, n in found["next"].items()})
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise StateRefused(
                f"the head of the state cannot be read ({error!r}); `anchorwatch state restart` begins with empty state"
            ) from error
        raise StateRefused(f"state is of a newer release (version {version}); run that one, or `anchorwatch state restart`")


class Committed(NamedTuple):
    """What the group committed for one source of a task."""

    offset: int  # -1: nothing
    stamp: str  # name of the cut, "" when it was not a cut of ours


class Bounds(NamedTuple):
    start: int  # of the log: the first offset that Kafka still holds
    end: int  # after the last one


class Restored(NamedTuple):
    chunks: dict[bytes, bytes] | None  # None: what memory holds is still the truth
    offsets: dict[str, int]
    stamp: str  # name of the last cut, "" before the first
    report: Report | None  # what was lost, if anything


class Store:
    """Reads with clients of its own, so several tasks may be restored at once."""

    def __init__(self, kafka: Settings, group: str, changelog: str, sources: Sequence[str]) -> None:
        self.kafka, self.group, self.changelog, self.sources = kafka, group, changelog, sources

    def restore(self, partition: int, known: str | None, wanted: Callable[[], bool]) -> Restored:
        """Blocks. Offsets first: once they are stable, all chunks cut with them lie below the end of the changelog.

        known: stamp of the cut that memory stands at, if it holds the task.
        Raises StateRefused, Superseded, OurError after 60 s without a step.
        """
        committed = self.committed(partition, wanted)
        if known and all(found.stamp == known for found in committed.values()):
            return Restored(None, {topic: found.offset for topic, found in committed.items()}, known, None)
        bounds = self.bounds(partition, self.changelog, *self.sources)
        latest = dict(self.read(partition, bounds[self.changelog], wanted))
        chunks = {name: chunk for name, chunk in latest.items() if name is not None and chunk is not None}
        head = Head.decode(chunks.pop(HEAD, None))
        self._agree(partition, head, committed, len(chunks))
        offsets, report = self._above_the_start(partition, committed, bounds)
        return Restored(chunks, offsets, head.stamp, report)

    def _agree(self, partition: int, head: Head, committed: dict[str, Committed], chunks: int) -> None:
        """Chunks and offsets are of one cut, else nobody knows what has been counted."""
        where = f"{self.group}, task {partition}"
        if not head.stamp and (chunks or any(found.stamp for found in committed.values())):
            raise StateRefused(
                f"{where}: the group stands at {_told(committed)}, but its state in {self.changelog} is gone; "
                "`anchorwatch state restart` begins with empty state at the committed offsets"
            )
        for topic in self.sources:
            # a source that is new has no place yet
            if topic in head.next and committed[topic] != (head.next[topic], head.stamp):
                raise StateRefused(
                    f"{where}: state is of cut '{head.stamp}' at {topic} {head.next[topic]}, the group stands at {_told(committed)}; "
                    "offsets were reset or expired. `anchorwatch state adopt` goes on from the state's offsets, "
                    "`anchorwatch state restart` begins with empty state"
                )

    def _above_the_start(
        self, partition: int, committed: dict[str, Committed], bounds: dict[str, "Bounds"]
    ) -> tuple[dict[str, int], Report | None]:
        """Kafka would jump over what it no longer holds, without a word."""
        offsets, report = {}, None
        for topic, found in committed.items():
            low, high = bounds[topic]
            if found.offset > high:
                raise StateRefused(
                    f"{topic} {partition} ends at {high}, below our place {found.offset}: it was deleted and made anew; "
                    "`anchorwatch state restart` begins with empty state"
                )
            if 0 <= found.offset < low:
                log.warning("records.lost topic=%s partition=%d from=%d to=%d", topic, partition, found.offset, low)
                report = report or Report()
                report.count("anchorwatch.records.lost", low - found.offset, topic=topic)
            offsets[topic] = max(found.offset, low)
        return offsets, report

    def committed(self, partition: int, wanted: Callable[[], bool]) -> dict[str, Committed]:
        """Waits while a transaction of a former owner is undecided (read_committed asks Kafka for stable offsets)."""
        client = reader(self.kafka, self.group)
        try:
            return self._committed(client, partition, wanted)
        finally:
            client.close()

    def _committed(self, client: Consumer, partition: int, wanted: Callable[[], bool]) -> dict[str, Committed]:
        asked, until = [ck.TopicPartition(topic, partition) for topic in self.sources], time.monotonic() + PATIENCE
        while wanted():
            if time.monotonic() > until:
                raise OurError(f"offsets of {self.group}, task {partition}, undecided for {PATIENCE:g} s: see kafka-transactions")
            try:
                found = client.committed(asked, 2.0)
            except ck.KafkaException as exc:
                error = exc.args[0]
                if error.code() in REFUSED_ACCESS:
                    raise client.reasons.refused(error, Right("Read", "group", self.group)) from exc
                if not (error.retriable() or error.code() == ck.KafkaError._TIMED_OUT):
                    raise
                continue
            if any(tp.error for tp in found):
                time.sleep(0.05)
                continue
            return {tp.topic: Committed(max(tp.offset, -1), (tp.metadata or "") if tp.offset >= 0 else "") for tp in found}
        raise Superseded

    def read(
        self, partition: int, bounds: Bounds, wanted: Callable[[], bool] = lambda: True
    ) -> Iterator[tuple[bytes | None, bytes | None]]:
        """(name, chunk) of all committed records within. That includes open transactions, so those are waited out.

        A client of its own and a plain offset: 0.1 s for little state; after `committed()` on the same client, or from
        OFFSET_BEGINNING, librdkafka waits 0.5 s longer each.
        """
        client = reader(self.kafka, self.group, queued_max_messages_kbytes=65_536)
        try:
            client.assign([ck.TopicPartition(self.changelog, partition, bounds.start)])
            yield from self._read(client, partition, bounds, wanted)
        finally:
            client.close()

    def _read(
        self, client: Consumer, partition: int, bounds: Bounds, wanted: Callable[[], bool]
    ) -> Iterator[tuple[bytes | None, bytes | None]]:
        reached, until = bounds.start, time.monotonic() + PATIENCE
        while reached < bounds.end:
            if not wanted():
                raise Superseded
            if time.monotonic() > until:
                raise OurError(f"{self.changelog} {partition}: a transaction stays undecided before {bounds.end}, see kafka-transactions")
            for message in client.consume(10_000, 0.1):
                error = message.error()
                if error is None:
                    until = time.monotonic() + PATIENCE
                    yield message.key(), message.value()
                elif error.code() == ck.KafkaError._PARTITION_EOF:  # steps over markers and compaction's gaps; position() does not
                    reached = message.offset() or 0
                elif error.code() in REFUSED_ACCESS:
                    raise client.reasons.refused(error, Right("Read", "topic", self.changelog))
                elif error.code() == ck.KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise TopicsMismatch(
                        f"{self.changelog} has no partition {partition}; `anchorwatch topics create` makes what is missing"
                    )
                elif not error.retriable():
                    raise ck.KafkaException(error)

    def bounds(self, partition: int, *topics: str) -> dict[str, "Bounds"]:
        """Open transactions included; a committed reader would be told where the first of them begins."""
        plain = reader(self.kafka, self.group, isolation_level="read_uncommitted")
        try:
            return {topic: Bounds(*log_bounds(plain, ck.TopicPartition(topic, partition))) for topic in topics}
        finally:
            plain.close()


def _told(committed: dict[str, Committed]) -> str:
    return ", ".join(
        f"{topic} {found.offset} of cut '{found.stamp}'" if found.offset >= 0 else f"{topic} nowhere" for topic, found in committed.items()
    )
