"""Nobody waits and nothing raises, whatever Kafka does; what is lost is counted."""

import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.conftest import Kafka

from anchorwatch.client import Client
from anchorwatch.errors import ConfigError

NOWHERE = "127.0.0.1:28590"  # nothing listens there
PARTITIONS = 4


@pytest.fixture
def topics(kafka: Kafka, topic_prefix: str) -> str:
    """The standard source topics under a prefix of this test."""
    names = [f"{topic_prefix}{name}" for name in ("predictions", "outcomes", "decisions", "complaints", "flags")]
    admin = AdminClient(dict(kafka.client))
    for future in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        future.result(30)
    return topic_prefix


def read(kafka: Kafka, topic: str, n: int) -> list[Message]:
    consumer = Consumer({**kafka.client, "group.id": "none", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found: list[Message] = []
    end = time.monotonic() + 30
    while len(found) < n and time.monotonic() < end:
        found += [message for message in consumer.consume(n, 0.5) if message.error() is None]
    consumer.close()
    return found


def murmur2(data: bytes) -> int:
    """Java's org.apache.kafka.common.utils.Utils.murmur2, positive."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    for i in range(0, len(data) // 4 * 4, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    rest = data[len(data) // 4 * 4 :]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


@pytest.mark.kafka
def test_events_arrive_on_the_partition_that_java_would_choose(kafka: Kafka, topics: str) -> None:
    with Client(kafka.bootstrap, "fraud", prefix=topics, kafka=kafka.client) as watch:
        ids = []
        for _ in range(50):
            with watch.predict({"amount": 1.0}) as p:
                p.answer("pass")
            ids.append(p.id)
            watch.outcome(p.id, "pass")
        left = watch.flush(30)

    predictions, outcomes = read(kafka, f"{topics}predictions", 50), read(kafka, f"{topics}outcomes", 50)
    assert (left, watch.counts) == (0, {"sent": 100, "delivered": 100, "dropped": 0, "failed": 0})
    for messages in (predictions, outcomes):
        assert {message.key(): message.partition() for message in messages} == {
            one.encode(): murmur2(one.encode()) % PARTITIONS for one in ids
        }
        assert all(json.loads(message.value() or b"")["prediction_id"].encode() == message.key() for message in messages)


@pytest.mark.kafka
def test_a_topic_that_is_missing_is_told_with_the_next_step(kafka: Kafka, topic_prefix: str) -> None:
    told: list[str] = []
    settings = {**kafka.client, "topic.metadata.propagation.max.ms": 100, "message.timeout.ms": 5_000}
    watch = Client(kafka.bootstrap, "fraud", prefix=topic_prefix, kafka=settings, on_error=told.append)

    watch.outcome("p-1", "pass")
    watch.flush(30)

    assert watch.counts["failed"] == 1
    assert any("see that the topic exists" in line for line in told)
    watch.close()


@pytest.mark.kafka
def test_a_client_made_before_a_fork_works_in_the_child(kafka: Kafka, topics: str) -> None:
    watch = Client(kafka.bootstrap, "fraud", prefix=topics, kafka=kafka.client)
    watch.decision("parent", "a")
    watch.flush(30)

    child = os.fork()
    if child == 0:
        watch.decision("child", "a")
        os._exit(0 if watch.flush(20) == 0 and watch.counts["failed"] == 0 else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert {message.key() for message in read(kafka, f"{topics}decisions", 2)} == {b"parent", b"child"}
    watch.close()


@pytest.mark.kafka
def test_a_program_that_ends_delivers_what_waits(kafka: Kafka, topics: str) -> None:
    code = (
        "import json, sys; from anchorwatch.client import Client; c = Client(sys.argv[1], 'fraud', prefix=sys.argv[2]); c.flag('k', 'off')"
    )

    subprocess.run([sys.executable, "-c", code, kafka.bootstrap, topics], check=True, timeout=60, env={**os.environ, "PYTHONPATH": "app"})

    assert [message.key() for message in read(kafka, f"{topics}flags", 1)] == [b"prod/k"]


@pytest.fixture
def lonely() -> Iterator[tuple[Client, list[str]]]:
    """A client whose Kafka is not there, with room for ten events."""
    told: list[str] = []
    kafka = {"queue.buffering.max.messages": 10, "log_level": 0}
    watch = Client(NOWHERE, "fraud", kafka=kafka, on_error=told.append, flush_s=0.2)
    yield watch, told
    watch.close()


def test_without_kafka_nothing_waits_and_what_does_not_fit_is_dropped(lonely: tuple[Client, list[str]]) -> None:
    watch, told = lonely
    began = time.monotonic()

    for i in range(15):
        watch.outcome(f"p-{i}", "pass")

    assert time.monotonic() - began < 1
    assert Counter(watch.counts) == Counter(sent=10, dropped=5)
    assert any("look at the brokers" in line for line in told)


def test_the_end_waits_no_longer_than_it_may_and_says_what_is_lost(lonely: tuple[Client, list[str]]) -> None:
    watch, told = lonely
    watch.outcome("p-1", "pass")
    began = time.monotonic()

    watch.close()
    watch.outcome("p-2", "pass")

    assert time.monotonic() - began < 5
    assert any("1 events were not delivered in the 0.2 s" in line for line in told)
    assert watch.counts["dropped"] == 1, "after the end"


def test_what_cannot_be_written_does_not_disturb_the_request(lonely: tuple[Client, list[str]]) -> None:
    watch, told = lonely

    with watch.predict({"amount": object()}) as p:
        p.answer("pass")
    with watch.predict({}):
        pass
    with watch.predict({}, colour="red") as p:
        p.answer("pass")

    assert watch.counts["failed"] == 3
    ours = [what for what in told if not what.startswith("Kafka at ")]  # which nobody answers at: told by another thread, at any time
    assert ["could not be written" in ours[-3], "had no answer" in ours[-2], "could not be made" in ours[-1]] == [True] * 3


def test_a_callback_that_fails_does_not_disturb_the_request(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: str) -> None:
        raise RuntimeError("the pager is off")

    with caplog.at_level(logging.CRITICAL, "anchorwatch.client"):
        watch = Client(NOWHERE, "fraud", kafka={"log_level": 0}, on_error=broken, flush_s=0)
        watch.outcome("p-1", object())  # type: ignore[arg-type]  # on purpose
        watch.close()

    assert watch.counts["failed"] == 1


def test_settings_that_librdkafka_does_not_know_are_told_at_the_start() -> None:
    with pytest.raises(ConfigError, match="librdkafka's names"):
        Client(NOWHERE, "fraud", kafka={"partitoner": "murmur2"})
