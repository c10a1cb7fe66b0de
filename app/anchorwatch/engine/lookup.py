"""Single records by their place: what Kafka still holds of them."""

import time
from collections import deque
from collections.abc import Iterable

import confluent_kafka as ck

from anchorwatch.engine.refusals import GROUPLESS, REFUSED_ACCESS, Right
from anchorwatch.engine.settings import Consumer, Settings, log_bounds, reader
from anchorwatch.errors import Unreachable

Place = tuple[str, int, int]  # topic, partition, offset
Headers = tuple[tuple[str, bytes | None], ...]
NEAR = 1_000  # records that are read over rather than jumped: a jump costs a round trip
PATIENCE_S = 20.0  # without any answer


def headers_at(kafka: Settings, places: Iterable[Place]) -> dict[Place, Headers]:
    """Of each record that is there; one that was deleted is left out. Raises Unreachable, ConfigError."""
    wanted: dict[tuple[str, int], set[int]] = {}
    for topic, partition, offset in places:
        wanted.setdefault((topic, partition), set()).add(offset)
    client = reader(kafka, auto_offset_reset="error")
    found: dict[Place, Headers] = {}
    try:
        for (topic, partition), offsets in sorted(wanted.items()):
            low, high = log_bounds(client, ck.TopicPartition(topic, partition))
            found |= _of_partition(client, topic, partition, deque(sorted(each for each in offsets if low <= each < high)))
    finally:
        client.close()
    return found


def _of_partition(client: Consumer, topic: str, partition: int, wanted: deque[int]) -> dict[Place, Headers]:
    found: dict[Place, Headers] = {}
    position, heard = -1, time.monotonic()
    while wanted:
        if position < 0 or wanted[0] - position > NEAR:
            position = wanted[0]
            client.assign([ck.TopicPartition(topic, partition, position)])
        messages = client.consume(NEAR, 0.2)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > PATIENCE_S:
            raise Unreachable(f"Kafka does not tell what stands in {topic} {partition} at {wanted[0]}; try again")
        for m in messages:
            if _ended(client, m, topic):
                wanted.clear()  # behind the last record
                break
            offset = m.offset()
            if m.error() is not None or offset is None:
                continue
            while wanted and wanted[0] < offset:
                wanted.popleft()  # it was deleted
            if wanted and wanted[0] == offset:
                found[topic, partition, wanted.popleft()] = tuple(m.headers() or ())  # type: ignore[arg-type]  # typed too widely
            position = offset + 1
    return found


def _ended(client: Consumer, m: ck.Message, topic: str) -> bool:
    error = m.error()
    if error is None or error.code() == GROUPLESS:
        return False
    if error.code() in (ck.KafkaError._PARTITION_EOF, ck.KafkaError._AUTO_OFFSET_RESET):  # the latter: deleted since it was asked
        return True
    if client.reasons.refusal:
        raise client.reasons.refusal
    if error.code() in REFUSED_ACCESS:
        raise client.reasons.refused(error, Right("Read", "topic", topic))
    if error.fatal() or not error.retriable():
        raise Unreachable(f"reading {topic}: {error.str()}; try again")
    return False
