"""Committed records as a stream, from any time, to the end or beyond it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.engine.chain import create, delete
from tests.engine.conftest import Kafka

from anchorwatch.engine import tail as of_tail
from anchorwatch.engine.tail import by_time, tail
from anchorwatch.errors import TopicsMismatch

NOW_MS = time.time_ns() // 1_000_000 - 5_000  # retention takes what is older than a week, at once


@dataclass
class Log:
    client: dict[str, Any]
    prefix: str

    def write(self, *values: bytes, topic: str = "a", **how: Any) -> None:
        plain = Producer(self.client)
        for n, value in enumerate(values):
            plain.produce(self.prefix + topic, value, partition=n % 2, **how)
        plain.flush(20)

    def values(self, *topics: str, **how: Any) -> list[bytes]:
        return sorted(told.value or b"" for told in tail(self.client, [self.prefix + topic for topic in topics], until_end=True, **how))


@pytest.fixture
def log(kafka: Kafka, topic_prefix: str) -> Iterator[Log]:
    create(kafka.client, {f"{topic_prefix}a": 2, f"{topic_prefix}b": 2, f"{topic_prefix}empty": 1})
    yield Log(dict(kafka.client), topic_prefix)
    delete(kafka.client, topic_prefix)


def test_all_topics_are_read_from_the_beginning_to_the_end(log: Log) -> None:
    log.write(b"1", b"2", b"3", key=b"k", headers={"h": b"v"}, timestamp=NOW_MS)
    log.write(b"4", topic="b")
    told = {told.value: told for told in tail(log.client, [f"{log.prefix}a"], since="beginning", until_end=True)}

    assert log.values("a", "b", "empty", since="beginning") == [b"1", b"2", b"3", b"4"]
    assert told[b"3"] == (f"{log.prefix}a", 0, 1, NOW_MS, b"k", b"3", (("h", b"v"),))


def test_a_reader_may_begin_at_a_time(log: Log) -> None:
    log.write(b"old", b"old", timestamp=NOW_MS)
    log.write(b"new", timestamp=NOW_MS + 1_000)

    assert log.values("a", since=NOW_MS + 500) == [b"new"]
    assert log.values("a", since=NOW_MS + 1_500) == []
    assert log.values("a", since="end") == []


def test_what_was_aborted_is_not_told_and_does_not_delay_the_end(log: Log) -> None:
    log.write(b"1")
    other = Producer({**log.client, "transactional.id": log.prefix})
    other.init_transactions(20)
    other.begin_transaction()
    other.produce(f"{log.prefix}a", b"never", partition=0)
    other.flush(20)
    open_still = log.values("a", since="beginning")
    other.abort_transaction(20)

    assert open_still == log.values("a", since="beginning") == [b"1"]


def test_a_reader_follows_until_it_is_told_to_stop(log: Log) -> None:
    log.write(b"1")
    ends: list[str] = []
    found: list[bytes | None] = []

    def on_end() -> None:
        ends.append("end")
        log.write(b"2")

    stream = tail(log.client, [f"{log.prefix}a"], since="beginning", on_end=on_end, stop=lambda: "2" in ends)
    for told in stream:
        found += [told.value]
        ends += ["2"] if told.value == b"2" else []

    assert (found, ends) == ([b"1", b"2"], ["end", "2"])


def test_a_missing_topic_is_named(log: Log) -> None:
    with pytest.raises(TopicsMismatch, match="none: no such topic"):
        log.values("none")


def test_several_partitions_are_told_in_the_order_of_time(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """One partition holds what is old, one what is new, and one a little of both: each pauses for the others, and no record comes twice."""
    monkeypatch.setattr(of_tail, "AHEAD_MAX", 300)
    out = Producer({**log.client, "enable.idempotence": True})  # else what is sent again comes after what was sent later
    for n in range(6_000):
        topic, partition = ("a", 0) if n < 3_000 else ("a", 1) if n % 3 else ("b", 1)
        out.produce(log.prefix + topic, b"%d" % n, partition=partition, timestamp=NOW_MS - 6_000 + n)
    assert out.flush(20) == 0

    told = [int(told.value or 0) for told in by_time(log.client, [f"{log.prefix}{topic}" for topic in ("a", "b", "empty")], "beginning")]
    later = [int(told.value or 0) for told in by_time(log.client, [f"{log.prefix}a"], NOW_MS - 3_000)]

    assert told == list(range(6_000))
    assert later == [n for n in range(3_000, 6_000) if n % 3]
    assert list(by_time(log.client, [f"{log.prefix}empty"], "beginning")) == []
