"""How every client is made: librdkafka's own names, what the operator wrote under `kafka:`, and what is ours to decide.

Raises ConfigError for a name or value that librdkafka refuses.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any, TypeVar

import confluent_kafka as ck

from anchorwatch.errors import ConfigError, OperatorError, TopicsMismatch, Unreachable

log = logging.getLogger(__name__)
Settings = Mapping[str, Any]
Client = TypeVar("Client", ck.Consumer, ck.Producer)
TP = tuple[str, int]

CLASSIC: Settings = {  # partition p of every source goes to one worker; an instance that comes back takes its own place at once
    "partition.assignment.strategy": "range",
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 1_000,
}
# For each attempt to connect librdkafka writes a line to stderr. The same comes as an error, which we tell; `kafka: {log_level: 6}` shows both.
QUIET: Settings = {"log_level": 2}
READING: Settings = {  # ours: exactness rests on them
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
}
WRITING: Settings = {
    "transaction.timeout.ms": 10_000,  # how long readers and a successor wait for a worker that died in a transaction
    "linger.ms": 0,  # a cut ends in a flush; lingering only adds to it
    "retry.backoff.ms": 10,  # 100 by default, and met whenever one cut follows another at once (CONCURRENT_TRANSACTIONS)
    "topic.metadata.propagation.max.ms": 5_000,  # 30 s by default: a missing topic is told before the transaction times out
    "compression.type": "zstd",
    "message.max.bytes": 2_000_000,
    "partitioner": "murmur2_random",  # as Java's; librdkafka's own is CRC32
}

REFUSED_ACCESS = {
    ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
    ck.KafkaError.GROUP_AUTHORIZATION_FAILED,
    ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    ck.KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ck.KafkaError.SASL_AUTHENTICATION_FAILED,
    ck.KafkaError._AUTHENTICATION,
}
PASSING = {  # right after a topic was made, or its leader changed
    ck.KafkaError._TIMED_OUT,
    ck.KafkaError._TRANSPORT,
    ck.KafkaError._ALL_BROKERS_DOWN,
    ck.KafkaError._UNKNOWN_PARTITION,
    ck.KafkaError.NOT_LEADER_FOR_PARTITION,
    ck.KafkaError.LEADER_NOT_AVAILABLE,
    ck.KafkaError.UNKNOWN_TOPIC_OR_PART,
}
FENCED = {
    ck.KafkaError._FENCED,
    ck.KafkaError.INVALID_PRODUCER_EPOCH,
    ck.KafkaError.PRODUCER_FENCED,
    ck.KafkaError.FENCED_INSTANCE_ID,
}


REPEATED_S = 30.0  # the same trouble is told once in so long: a client tries some 20 times a second to connect


class Reasons:
    """The last things a client said of itself; the calls that fail say "transport failure" and no more."""

    def __init__(self) -> None:
        self.last = ""
        self._told: dict[int, float] = {}  # code -> when
        self.refusal: OperatorError | None = None  # an access that was refused: no use in trying on

    def __call__(self, error: ck.KafkaError) -> None:
        self.last, now = error.str(), time.monotonic()
        if now - self._told.get(error.code(), -REPEATED_S) >= REPEATED_S:
            self._told[error.code()] = now
            log.warning("kafka.trouble code=%s reason=%s", error.name(), error.str())
        if error.code() in REFUSED_ACCESS:
            self.refusal = refusal(error)


def refusal(error: ck.KafkaError) -> ConfigError:
    return ConfigError(
        f"Kafka refuses us: {error.str()} ({error.name()}); check user and password under `kafka:`, and give that user this right"
    )


def consumer(*settings: Settings) -> ck.Consumer:
    """Later settings win."""
    return _client(ck.Consumer, QUIET, *settings)


def producer(*settings: Settings) -> ck.Producer:
    return _client(ck.Producer, QUIET, *settings)


def _client(kind: type[Client], *settings: Settings) -> Client:
    merged: dict[str, Any] = {}
    for some in settings:
        merged |= some
    try:
        return kind(merged)
    except ck.KafkaException as exc:
        raise ConfigError(f"kafka: {exc.args[0].str()}; names and values are librdkafka's, see its CONFIGURATION.md") from exc
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"kafka: {exc}; names and values are librdkafka's, see its CONFIGURATION.md") from exc


def reader(kafka: Settings, group: str = "anchorwatch.reader", **own: Any) -> ck.Consumer:
    """A consumer that joins no group; `group` only names whose offsets are asked for."""
    dotted = {name.replace("_", "."): value for name, value in own.items()}
    lazy = {"fetch.wait.max.ms": 50, "queued.max.messages.kbytes": 16_384}
    return consumer(lazy, kafka, READING, {"group.id": group, "auto.offset.reset": "earliest", "error_cb": Reasons()}, dotted)


def counts(client: ck.Consumer, topics: Mapping[str, Any] | list[str], patience: float = 20.0) -> dict[str, int]:
    """Partitions of each topic, 0 for one that is not there. Raises Unreachable."""
    found = {}
    for topic in topics:
        try:
            metadata = client.list_topics(topic, patience).topics[topic]
        except ck.KafkaException as exc:
            if exc.args[0].code() in REFUSED_ACCESS:
                raise refusal(exc.args[0]) from exc
            raise Unreachable(
                f"Kafka does not tell about topic {topic}: {exc.args[0].str()}; is `kafka.bootstrap.servers` right and up?"
            ) from exc
        error = metadata.error
        if error is not None and error.code() in REFUSED_ACCESS:
            raise refusal(error)
        found[topic] = 0 if error is not None and not metadata.partitions else len(metadata.partitions)
    return found


def log_bounds(client: ck.Consumer, tp: ck.TopicPartition, patience: float = 20.0) -> tuple[int, int]:
    """First offset that Kafka still holds, and the one after the last; for a committed reader the first that is undecided."""
    until = time.monotonic() + patience
    while True:
        try:
            found: tuple[int, int] | None = client.get_watermark_offsets(tp, 5)
            if found:
                return found
            why = "no answer within 5 s"
        except ck.KafkaException as exc:
            error, why = exc.args[0], exc.args[0].str()
            if error.code() in REFUSED_ACCESS:
                raise refusal(error) from exc
            if not (error.retriable() or error.code() in PASSING):
                raise
        if time.monotonic() > until:
            raise Unreachable(f"Kafka does not tell where {tp.topic} {tp.partition} begins and ends: {why}; is its leader up?")
        time.sleep(0.1)


def same_counts(found: Mapping[str, int]) -> int:
    """The one count that all share. Raises TopicsMismatch, which names them."""
    missing = [topic for topic, n in found.items() if not n]
    if missing:
        raise TopicsMismatch(f"{', '.join(missing)}: no such topic; `anchorwatch topics create` makes what is missing")
    if len(set(found.values())) > 1:
        told = ", ".join(f"{topic} has {n} partitions" for topic, n in found.items())
        raise TopicsMismatch(
            f"{told}: topics of one feed and their changelog need equal counts, else events that belong together never meet; "
            "make new topics with one count, or read the odd one with `keyed: false`"
        )
    return next(iter(found.values()))
