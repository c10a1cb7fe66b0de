"""Topics as a stream of committed records, for people and views: no group, nothing is marked as read."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Literal, NamedTuple

import confluent_kafka as ck

from anchorwatch.engine.refusals import GROUPLESS, REFUSED_ACCESS, Right
from anchorwatch.engine.settings import TP, Consumer, Settings, counts, log_bounds, reader, same_counts
from anchorwatch.errors import Unreachable

Headers = tuple[tuple[str, bytes], ...]
Since = Literal["beginning", "end"] | int  # ms since 1970: from the first record at or after it
AHEAD_MAX = 5_000  # records of one partition that wait for a slower one; above: it pauses


class Told(NamedTuple):
    topic: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def tail(
    kafka: Settings,
    topics: Sequence[str],
    *,
    since: Since = "end",
    until_end: bool = False,
    stop: Callable[[], bool] = lambda: False,  # looked at ten times a second: how another thread ends this one
    on_end: Callable[[], None] = lambda: None,  # called once when all that was there at the start has been told
) -> Iterator[Told]:
    """In order within a partition, as they come between partitions. Memory: librdkafka's queue of 16 MB.

    Raises TopicsMismatch for a topic that is not there, Unreachable.
    """
    client = reader(kafka)
    try:
        missing, ended = _assign(client, topics, since), False
        while not stop():
            if not missing and not ended:
                ended = True
                on_end()
                if until_end:
                    return
            if client.reasons.refusal:  # a password changed while we read
                raise client.reasons.refusal
            for m in client.consume(1_000, 0.1):
                if told := _told(client, m, missing):
                    yield told
    finally:
        client.close()


def by_time(kafka: Settings, topics: Sequence[str], since: Since) -> Iterator[Told]:
    """As `tail` up to the end that was there at the start, in the order of record times between partitions as well.

    Memory: AHEAD_MAX records a partition. Raises as `tail`.
    """
    client = reader(kafka)
    try:
        missing = _assign(client, topics, since)
        held: dict[TP, deque[Told]] = {tp: deque() for tp in missing}
        paused: set[TP] = set()
        while missing:
            if client.reasons.refusal:
                raise client.reasons.refusal
            for m in client.consume(1_000, 0.1):
                if told := _told(client, m, missing):
                    held[told.topic, told.partition].append(told)
            yield from _earliest(held, missing.keys())
            _even(client, held, paused)
        yield from _earliest(held, frozenset())
    finally:
        client.close()


def _earliest(held: Mapping[TP, deque[Told]], missing: Set[TP]) -> Iterator[Told]:
    """What no record that is still to come can precede: until a partition that goes on has none left."""
    if any(not held[tp] for tp in missing):
        return
    heads = [(waiting[0].time_ms, tp) for tp, waiting in held.items() if waiting]
    heapq.heapify(heads)
    while heads:
        tp = heads[0][1]
        yield held[tp].popleft()
        if held[tp]:
            heapq.heapreplace(heads, (held[tp][0].time_ms, tp))
        elif tp in missing:
            return
        else:
            heapq.heappop(heads)


def _even(client: Consumer, held: Mapping[TP, deque[Told]], paused: set[TP]) -> None:
    """Who is far ahead pauses until half of it is told."""
    ahead = {tp for tp, waiting in held.items() if len(waiting) > (AHEAD_MAX // 2 if tp in paused else AHEAD_MAX)}
    for change, tps in ((client.pause, ahead - paused), (client.resume, paused - ahead)):
        if tps:
            change([ck.TopicPartition(*tp) for tp in tps])
    paused.clear()
    paused |= ahead


def _assign(client: Consumer, topics: Sequence[str], since: Since) -> dict[TP, int]:
    """Where each partition ends now (decided records only); what is empty or behind `since` has ended already."""
    found = counts(client, list(topics))
    same_counts({topic: n for topic, n in found.items() if not n} or {"": 1})
    tps = [ck.TopicPartition(topic, p) for topic, n in found.items() for p in range(n)]
    try:
        ends = {(tp.topic, tp.partition): log_bounds(client, tp) for tp in tps}
        begins = _begins(client, tps, since)
    except ck.KafkaException as exc:
        raise Unreachable(f"Kafka does not tell where {', '.join(topics)} end: {exc.args[0].str()}; try again") from exc
    at = {tp: begins.get(tp, low if since == "beginning" else high) for tp, (low, high) in ends.items()}
    client.assign([ck.TopicPartition(topic, p, offset) for (topic, p), offset in at.items()])
    return {tp: ends[tp][1] for tp, offset in at.items() if offset < ends[tp][1]}


def _begins(client: Consumer, tps: list[ck.TopicPartition], since: Since) -> dict[TP, int]:
    if isinstance(since, str):
        return {}
    asked = client.offsets_for_times([ck.TopicPartition(tp.topic, tp.partition, since) for tp in tps], 20)
    return {(tp.topic, tp.partition): tp.offset for tp in asked if tp.offset >= 0}


def _told(client: Consumer, m: ck.Message, missing: dict[TP, int]) -> Told | None:
    error, tp = m.error(), (str(m.topic()), m.partition() or 0)
    if error is None:
        if (m.offset() or 0) + 1 >= missing.get(tp, 0):
            missing.pop(tp, None)
        headers = tuple(m.headers() or ())
        return Told(*tp, m.offset() or 0, m.timestamp()[1], m.key(), m.value(), headers)  # type: ignore[arg-type]  # typed too widely
    if error.code() == ck.KafkaError._PARTITION_EOF:
        if (m.offset() or 0) >= missing.get(tp, 0):
            missing.pop(tp, None)
    elif error.code() == GROUPLESS:
        return None
    elif error.code() in REFUSED_ACCESS:
        raise client.reasons.refused(error, Right("Read", "topic", tp[0]))
    elif error.fatal() or not error.retriable():
        raise Unreachable(f"reading {tp[0]}: {error.str()}; try again")
    return None
