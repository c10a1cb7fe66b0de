"""The cut: changed chunks, output and offsets of all tasks leave in one Kafka transaction, or not at all."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import confluent_kafka as ck

from anchorwatch.engine.refusals import REFUSED_ACCESS, Right
from anchorwatch.engine.settings import FENCED, WRITING, Settings, producer
from anchorwatch.errors import OperatorError, OurError, TopicsMismatch
from anchorwatch.events import Record
from anchorwatch.stages.report import Report

log = logging.getLogger(__name__)
Chunks = Mapping[bytes, bytes | None]
CUT_SECONDS_MAX = 10.0  # as transaction.timeout.ms: Kafka itself gives up then
OVERHEAD = 200  # bytes of a record beside key and value, headers of ours included


@dataclass
class Cut:
    """What one task puts into a transaction, frozen at one instant."""

    chunks: Chunks  # None removes
    records: list[Record]
    offsets: list[ck.TopicPartition]  # of all sources of the task, with the name of the cut as metadata
    report: Report

    def then(self, later: "Cut") -> "Cut":
        self.report.add(later.report)
        return Cut({**self.chunks, **later.chunks}, self.records + later.records, later.offsets, self.report)

    def size(self) -> int:
        chunks = sum(len(name) + len(chunk or b"") for name, chunk in self.chunks.items())
        return chunks + sum(len(r.key or b"") + len(r.value or b"") for r in self.records)


class Refused(Exception):
    """Kafka took nothing of it."""


class Transactions:
    """One transactional producer per process, used by one thread. Its name is stable: a restart aborts what a crash left."""

    def __init__(self, kafka: Settings, name: str, changelog: str) -> None:
        self.changelog = changelog
        self.began = 0.0  # when the commit now under way began
        self.limits: dict[str, int] = {}  # topic -> bytes a record may have, for topics that refused one as too large
        self.refusals: dict[str, ck.KafkaError] = {}  # topic -> why it took a record of this transaction not
        self.producer = producer(WRITING, kafka, {"transactional.id": name})
        self.name = name
        self.largest = int({**WRITING, **kafka}["message.max.bytes"])

    def begin(self) -> None:
        """Ends what the last life left open. Blocks until Kafka answers, 20 s at most."""
        try:
            self.producer.init_transactions(20)
        except ck.KafkaException as exc:
            raise self._meant(exc) from exc

    def commit(self, consumer: ck.Consumer, cuts: Mapping[int, Cut], probe: Callable[[str], None]) -> None:
        """Blocks for some 10 ms. Refused: memory is as good as before, try again. Anything else: leave the process."""
        member = consumer.consumer_group_metadata()
        if not consumer.memberid():  # thrown out, on_lost still to come: Kafka takes a nameless commit from anybody
            raise Refused("not a member of the group")
        self.began = time.monotonic()
        until = self.began + CUT_SECONDS_MAX
        self.refusals.clear()
        try:
            self.producer.begin_transaction()
            offsets = [tp for cut in cuts.values() for tp in cut.offsets]
            if self._send(cuts):
                probe("sent")
                self._persist(until, self.producer.send_offsets_to_transaction, offsets, member)
                probe("offsets sent")
            if not self._delivered_all(until):
                self._abort(until)
                raise self._learnt(cuts, "records were not taken")
            self._persist(until, self.producer.commit_transaction)
        except ck.KafkaException as exc:
            if not exc.args[0].txn_requires_abort():
                raise self._meant(exc) from exc  # fatal: somebody bears our name, or Kafka aborted us for being late
            self._abort(until)
            if exc.args[0].code() in REFUSED_ACCESS:  # found before any record was sent, so no delivery names the topic
                topics = dict.fromkeys([self.changelog, *(record.topic for cut in cuts.values() for record in cut.records)])
                raise self.producer.reasons.refused(exc.args[0], *(Right("Write", "topic", topic) for topic in topics)) from exc
            raise self._learnt(cuts, f"{exc.args[0].name()} {exc.args[0].str()}") from exc
        finally:
            self.began = 0.0

    def late(self) -> bool:
        """send_offsets_to_transaction may ignore its time-out and never return (librdkafka#5456)."""
        began = self.began
        return began > 0 and time.monotonic() - began > CUT_SECONDS_MAX + 3

    def _send(self, cuts: Mapping[int, Cut]) -> bool:
        for partition, cut in cuts.items():
            for name, chunk in cut.chunks.items():
                self._produce(Record(self.changelog, partition, name, chunk))
            for record in cut.records:
                if self.refusals:
                    return False
                self._produce(self._shortened(record))
        return True

    def _delivered_all(self, until: float) -> bool:
        """False once a topic refused a record: what stands behind it is never sent, and commit_transaction would wait for it in vain."""
        while len(self.producer) and not self.refusals and time.monotonic() < until:
            self.producer.flush(0.1)
        return not self.refusals

    def _abort(self, until: float) -> None:
        try:
            self._persist(until, self.producer.abort_transaction)
        except ck.KafkaException as exc:
            raise self._meant(exc) from exc

    def _produce(self, record: Record) -> None:
        topic, partition, key, value, headers = record
        while True:
            try:
                self.producer.produce(topic, value, key, partition, self._delivered, headers=list(headers))
                break
            except BufferError:
                self.producer.poll(0.1)
            except ck.KafkaException as exc:
                if exc.args[0].code() != ck.KafkaError._STATE:
                    raise
                self.producer.poll(0)  # the transaction has failed already, by a record before this one
                self.refusals.setdefault(topic, exc.args[0])
                return
        if topic in self.limits and not self.refusals:
            self.producer.flush(5)  # alone in its batch: librdkafka fails a batch as a whole

    def _delivered(self, error: ck.KafkaError | None, message: ck.Message) -> None:
        if error is not None and error.code() not in (ck.KafkaError._PURGE_QUEUE, ck.KafkaError._PURGE_INFLIGHT):
            self.refusals.setdefault(str(message.topic()), error)

    def _shortened(self, record: Record) -> Record:
        """A value over the limit is cut off, with its size and hash: raising would come back for ever."""
        room = self.limits.get(record.topic, self.largest) - OVERHEAD - len(record.key or b"") - _size(record.headers)
        value = record.value
        if value is None or len(value) <= room:
            return record
        log.warning("record.shortened topic=%s bytes=%d to=%d", record.topic, len(value), room)
        told = f"{len(value)} bytes, sha256 {hashlib.sha256(value).hexdigest()}".encode()
        return record._replace(value=value[: max(0, room)], headers=(*record.headers, ("anchorwatch.shortened", told)))

    def _learnt(self, cuts: Mapping[int, Cut], otherwise: str) -> Refused:
        """From why a topic refused: what a person must repair is raised, what to send smaller next time is kept."""
        for topic, error in self.refusals.items():
            if error.code() in REFUSED_ACCESS:
                raise self.producer.reasons.refused(error, Right("Write", "topic", topic))
            if error.code() in (ck.KafkaError._UNKNOWN_TOPIC, ck.KafkaError.UNKNOWN_TOPIC_OR_PART, ck.KafkaError._UNKNOWN_PARTITION):
                raise TopicsMismatch(
                    f"topic {topic} does not take our records: {error.str()}; `anchorwatch topics create` makes what is missing"
                )
            if error.code() == ck.KafkaError.MSG_SIZE_TOO_LARGE:
                if topic == self.changelog:
                    raise TopicsMismatch(f"{topic} refuses a chunk as too large; set its max.message.bytes to {self.largest}")
                sizes = [len(r.value or b"") for cut in cuts.values() for r in cut.records if r.topic == topic]
                self.limits[topic] = max(
                    self.limits.get(topic, max(sizes, default=0)) // 2, 1_000
                )  # halved until it fits; the least that tells anything
            log.warning("topic.refused topic=%s reason=%s", topic, error.str())
        return Refused("; ".join(f"{topic}: {error.str()}" for topic, error in self.refusals.items()) or otherwise)

    def _meant(self, exc: ck.KafkaException) -> OperatorError | OurError:
        """What an error that ends the process tells a person."""
        error: ck.KafkaError = exc.args[0]
        if error.code() in REFUSED_ACCESS:
            is_group = error.code() == ck.KafkaError.GROUP_AUTHORIZATION_FAILED
            return self.producer.reasons.refused(error, *(() if is_group else (Right("Write", "transactional-id", self.name),)))
        if error.code() in FENCED:
            return OurError(
                f"another worker took the name {self.name} ({error.str()}); each worker of a stage needs an instance name of its own"
            )
        return OurError(f"a transaction of {self.name} ended unexpectedly: {error.name()} {error.str()}; starting again is safe")

    @staticmethod
    def _persist(until: float, call: Callable[..., None], *args: object) -> None:
        """A passing error leaves the transaction as it was, and the same call may be made again."""
        while True:
            try:
                return call(*args, max(1.0, until - time.monotonic()))
            except ck.KafkaException as exc:
                if not exc.args[0].retriable() or time.monotonic() > until:
                    raise


def _size(headers: Sequence[tuple[str, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)
