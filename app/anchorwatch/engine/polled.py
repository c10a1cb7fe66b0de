"""What one poll gave, by partition and in columns. Each look at a message is a call, 10 to 30 ns, so there are few of them."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import confluent_kafka as ck
import numpy as np

from anchorwatch.engine.task import Run
from anchorwatch.events import Rows

# functions of the class, so that `map` calls them without a statement per message; typed too widely for what a consumer without deserializers gives
TOPIC, PARTITION, OFFSET, TIMESTAMP = (getattr(ck.Message, name) for name in ("topic", "partition", "offset", "timestamp"))
KEY, VALUE = ck.Message.key, ck.Message.value


def by_partition(messages: list[ck.Message]) -> Iterator[tuple[str, int, list[ck.Message]]]:
    """Topic, partition and what stands together of it."""
    at = 0
    for (topic, partition), same in groupby(zip(map(TOPIC, messages), map(PARTITION, messages), strict=True)):
        begin, at = at, at + len(list(same))
        yield topic, partition, messages[begin:at]


def parted(messages: list[ck.Message]) -> tuple[list[ck.Message], list[ck.Message]]:
    """Records, and what librdkafka tells in the form of messages: ends of partitions, errors."""
    told = [m for m in messages if m.error() is not None]  # not `count(None)`: a KafkaError cannot be compared with None
    return [m for m in messages if m.error() is None] if told else messages, told


def run_of(messages: list[ck.Message], polled_ms: int, with_headers: bool = False) -> Run:
    """Consecutive records of one partition; with headers they cost 2 us more each."""
    keys: list[Any] = list(map(KEY, messages))
    values: list[Any] = list(map(VALUE, messages))
    offsets: Sequence[int] = range(OFFSET(messages[0]), OFFSET(messages[-1]) + 1)
    if len(offsets) > len(messages):  # gaps: markers of transactions, compaction
        offsets = list(map(OFFSET, messages))
    stamps = np.fromiter(map(itemgetter(1), map(TIMESTAMP, messages)), np.int64, len(messages))
    headers = list(map(_headers, messages)) if with_headers else ()
    size = sum(map(len, filter(None, values))) + sum(map(len, filter(None, keys)))
    return Run(Rows(keys, values, offsets, stamps, headers), traceparents(messages), polled_ms, size)


def traceparents(messages: list[ck.Message]) -> list[bytes | None] | None:
    """Headers cost 1.6 us a message, so a batch whose first message has no `traceparent` is not asked."""
    if "traceparent" not in _headers(messages[0]):
        return None
    return [_headers(m).get("traceparent") for m in messages]


def _headers(m: ck.Message) -> dict[str, bytes | None]:
    """Of a name given twice the last counts."""
    pairs: Any = m.headers() or ()  # typed too widely
    return dict(pairs)
