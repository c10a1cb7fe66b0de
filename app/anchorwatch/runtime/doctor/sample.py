"""The newest records of topics, read without a group: what keys, ids, times and models they really have."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import confluent_kafka as ck

from anchorwatch.engine.settings import Consumer, log_bounds, reader
from anchorwatch.errors import AnchorwatchError
from anchorwatch.events import Role, Row, headed
from anchorwatch.runtime.doctor.facts import Sample, Seen
from anchorwatch.runtime.schemas import Registry
from anchorwatch.sources.foreign import Translator
from anchorwatch.sources.native import TIMES, as_map

RECORDS_MAX = 50_000  # of one topic; above: only the newest are looked at, and every sentence says how far back they reach
VALUES_MAX = 2_000  # kept whole
SECONDS_MAX = 10.0  # of reading one topic


def sample(
    kafka: Mapping[str, str], topic: str, partitions: int, role: Role, translator: Translator | None, registry: Registry | None = None,
    records_max: int = RECORDS_MAX,
) -> Sample:  # fmt: skip
    """translator: of a foreign topic, None: native events. Raises nothing that Kafka does: what could not be read is not in it."""
    client = reader(kafka)
    try:
        raws = list(newest(client, topic, partitions, records_max))
        if registry:
            registry.settle(row_of(message) for message, _ in raws)
        return _of(topic, raws, role, translator)
    except (ck.KafkaException, AnchorwatchError):
        return Sample(topic, (), 0)
    finally:
        client.close()


Raw = tuple[ck.Message, bool]  # a record, and whether its partition was read from its very beginning


def newest(client: Consumer, topic: str, partitions: int, records_max: int) -> Iterator[Raw]:
    """The last `records_max / partitions` offsets of each partition."""
    bounds = {p: log_bounds(client, ck.TopicPartition(topic, p), 5) for p in range(partitions)}
    each = max(records_max // max(partitions, 1), 1)
    begins = {p: max(low, high - each) for p, (low, high) in bounds.items()}
    missing = {p for p, (_, high) in bounds.items() if begins[p] < high}
    client.assign([ck.TopicPartition(topic, p, begins[p]) for p in missing])
    until = time.monotonic() + SECONDS_MAX
    while missing and time.monotonic() < until:
        for message in client.consume(5_000, 0.2):
            p = message.partition() or 0
            if message.error() is not None:
                missing.discard(p)  # the end, or no right to read: nothing more will come
                continue
            if (message.offset() or 0) + 1 >= bounds[p][1]:
                missing.discard(p)
            yield message, begins[p] == bounds[p][0]


def _of(topic: str, raws: Sequence[Raw], role: Role, translator: Translator | None) -> Sample:
    found: list[Seen] = []
    unreadable: list[tuple[bytes, str]] = []
    tombstones = 0
    first: dict[int, int] = {}  # partition that was not read whole -> time of its oldest record here
    ordered = sorted(raws, key=lambda raw: raw[0].timestamp()[1])  # the oldest first: halves of a pair come in this order
    for n, (message, whole) in enumerate(ordered):
        at, p, value = message.timestamp()[1], message.partition() or 0, _bytes(message.value())
        if not whole:
            first[p] = min(first.get(p, at), at)
        if value is None:
            tombstones += 1
            continue
        events, refused = _events(message, value, translator)
        if refused is not None:
            unreadable.append((value[:16], refused))
        kept = value if n >= len(ordered) - VALUES_MAX else b""
        found += [_seen(message, event, role, kept) for event in events]
    head, why = unreadable[-1] if unreadable else (b"", "")
    return Sample(topic, tuple(reversed(found)), max(first.values(), default=0), len(unreadable), head, why, tombstones)


def row_of(message: ck.Message) -> Row:
    row = (_bytes(message.key()), _bytes(message.value()), message.offset() or 0, message.timestamp()[1])
    return headed(row, message.headers() or ())  # type: ignore[arg-type]  # typed too widely


def _events(message: ck.Message, value: bytes, translator: Translator | None) -> tuple[list[dict[str, Any]], str | None]:
    """Of one record, in our own names; and why it cannot be read, None: it can. A half that waits for the other one is neither."""
    if translator is None:
        event = as_map(value)
        return ([event], None) if event else ([], "")
    opened = translator.open([row_of(message)])
    why = next((f"{each.path} {each.reason}; {each.fix}" for each in opened.refused), None)
    return [as_map(each[1] or b"") for each in opened.rows], why


def _seen(message: ck.Message, event: Mapping[str, Any], role: Role, value: bytes) -> Seen:
    kind, at = message.timestamp()
    stated = event.get(TIMES[role])
    timed = stated if isinstance(stated, int | float | str) and not isinstance(stated, bool) else None
    identity = event.get("prediction_id")
    by_broker = kind == ck.TIMESTAMP_LOG_APPEND_TIME
    written = None if identity is None else str(identity)
    return Seen(message.partition() or 0, at, by_broker, _bytes(message.key()), written, timed, str(event.get("model") or ""), value)


def _bytes(raw: object) -> bytes | None:
    return raw if isinstance(raw, bytes) else None
