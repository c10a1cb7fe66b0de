"""How every client is made: librdkafka's own names, what the operator wrote under `kafka:`, and what is ours to decide.

Raises ConfigError for a name or value that librdkafka refuses.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import confluent_kafka as ck
from confluent_kafka.admin import ClusterMetadata  # type: ignore[attr-defined]

from anchorwatch.engine.refusals import REFUSED_ACCESS, Reasons, Right
from anchorwatch.errors import ConfigError, OperatorError, TopicsMismatch, Unreachable

Settings = Mapping[str, Any]
Client = TypeVar("Client", "Consumer", "Producer")
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
FETCHING: Settings = {
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 32_768,
    "max.partition.fetch.bytes": 2_097_152,  # 1 MB by default: some 4,500 predictions, and a batch of 9,000 costs a tenth less each
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


class Consumer(ck.Consumer):
    """`reasons`: what it said of itself."""

    def __init__(self, settings: Settings) -> None:
        self.reasons = Reasons(settings)
        super().__init__({**settings, "error_cb": self.reasons})


class Producer(ck.Producer):
    """`reasons`: what it said of itself."""

    def __init__(self, settings: Settings) -> None:
        self.reasons = Reasons(settings)
        super().__init__({**settings, "error_cb": self.reasons})


def consumer(*settings: Settings) -> Consumer:
    """Later settings win."""
    return _client(Consumer, QUIET, *settings)


def producer(*settings: Settings) -> Producer:
    return _client(Producer, QUIET, *settings)


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


def reader(kafka: Settings, group: str = "anchorwatch.reader", **own: Any) -> Consumer:
    """A consumer that joins no group; `group` only names whose offsets are asked for."""
    dotted = {name.replace("_", "."): value for name, value in own.items()}
    lazy = {"fetch.wait.max.ms": 50, "queued.max.messages.kbytes": 16_384}
    client = consumer(lazy, kafka, READING, {"group.id": group, "auto.offset.reset": "earliest"}, dotted)
    client.reasons.met = False
    return client


def counts(client: Consumer, topics: Iterable[str], patience: float = 20.0, operation: str = "Read") -> dict[str, int]:
    """Partitions of each topic, 0 for one that is not there. `operation`: what we mean to do with them, should we have no right to.

    The client must read nothing yet. Raises Unreachable, ConfigError.
    """
    found = {}
    for topic in topics:
        metadata = asked(client, topic, patience).topics[topic]
        error = metadata.error
        if error is not None and error.code() in REFUSED_ACCESS:
            raise client.reasons.refused(error, Right(operation, "topic", topic))
        found[topic] = 0 if error is not None and not metadata.partitions else len(metadata.partitions)
    return found


def asked(client: Consumer, topic: str | None, patience: float = 20.0) -> ClusterMetadata:
    """What Kafka tells of one topic, or of all. In slices: a refused password is told to `error_cb` alone, and that by poll."""
    until, wait = time.monotonic() + patience, 0.5
    while True:
        left = until - time.monotonic()
        try:
            told: ClusterMetadata = client.list_topics(topic, max(min(wait, left), 0.1))
        except ck.KafkaException as exc:
            error = exc.args[0]
            client.poll(0)
            if why := client.reasons.why():
                raise why from exc
            if error.code() in REFUSED_ACCESS:
                raise client.reasons.refused(error, Right("Describe", "topic", topic or "*")) from exc
            if left <= wait:
                what = f"about topic {topic}" if topic else "its topics"
                raise Unreachable(f"Kafka does not tell {what}: {silence(client, error)}") from exc
            wait = 2 * wait
            time.sleep(0.05)  # with all brokers down the call fails at once
        else:
            client.reasons.met = True
            return told


def flushed(client: Producer, seconds: float) -> int:
    """Records that still wait after so long. Raises ConfigError as soon as Kafka refuses us: no use in waiting on."""
    until = time.monotonic() + seconds
    while left := client.flush(0.5):
        if why := client.reasons.why():
            raise why
        if time.monotonic() > until:
            break
    return left


def not_taken(client: Producer, topic: str, error: ck.KafkaError) -> OperatorError | None:
    """What a delivery report says that only a person can mend."""
    return client.reasons.refused(error, Right("Write", "topic", topic)) if error.code() in REFUSED_ACCESS else client.reasons.why()


def silence(client: "Consumer | Producer", error: ck.KafkaError) -> str:
    """Why no answer came, and what to look at."""
    told = client.reasons.last or error.str()
    if "brokers are down" in told:  # it was connected, was given up by the other side, and no more is known
        return (
            f"{told}, each connection is closed at once; is `kafka.bootstrap.servers` right, and security.protocol that of this listener?"
        )
    return f"{told}; is `kafka.bootstrap.servers` right and up?"


def log_bounds(client: Consumer, tp: ck.TopicPartition, patience: float = 20.0) -> tuple[int, int]:
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
                raise client.reasons.refused(error, Right("Read", "topic", tp.topic)) from exc
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
