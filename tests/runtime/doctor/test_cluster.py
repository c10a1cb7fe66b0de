import time
from typing import Any

from confluent_kafka import Consumer, Producer
from tests.conftest import Kafka

from anchorwatch.engine import topics
from anchorwatch.runtime.doctor.cluster import Cluster, instance_of

UUID = "0d5a3f0e-8c1b-4f6e-9a55-1b2c3d4e5f60"


def test_the_instance_of_a_member_is_told_by_its_name() -> None:
    """Kafka names a static member by its instance; ours carry the same as client id."""
    assert instance_of(f"watch-0-{UUID}", "watch-0") == "watch-0"
    assert instance_of(f"rdkafka-{UUID}", "rdkafka") == "rdkafka"
    assert instance_of(f"consumer-7-{UUID}", "elsewhere") == ""
    assert instance_of("", "") == ""


def test_topics_are_told_with_counts_offsets_settings_and_rights(kafka: Kafka, topic_prefix: str) -> None:
    name, other = f"{topic_prefix}scored", f"{topic_prefix}nowhere"
    topics.create(kafka.client, topics.Layout((topics.Topic(name, 2, {"retention.ms": "7200000"}),), 1))
    out = Producer(kafka.client)
    for _ in range(5):
        out.produce(name, b"{}", b"k", partition=1)
    assert out.flush(30) == 0

    with Cluster({name: str(value) for name, value in kafka.client.items()}) as cluster:
        metadata, trouble = cluster.metadata()
        found = cluster.topics([name, other], time.time_ns() // 1_000_000)

    assert (len(metadata.brokers), trouble) == (1, "")
    assert [(part.low, part.decided, part.end) for part in found[name].partitions] == [(0, 0, 0), (0, 5, 5)]
    assert found[name].since("hour_ago") == 5
    assert (found[name].config or {})["retention.ms"] == "7200000"
    assert {"READ", "WRITE"} <= (found[name].rights or frozenset())
    assert (found[other].partitions, found[other].trouble) == ((), "Unknown topic or partition")


def test_a_group_is_told_with_offsets_and_living_members(kafka: Kafka, topic_prefix: str) -> None:
    name, group = f"{topic_prefix}scored", f"{topic_prefix}ingest.default"
    topics.create(kafka.client, topics.Layout((topics.Topic(name, 1),), 1))
    settings: dict[str, Any] = {**kafka.client, "group.id": group, "group.instance.id": "watch-0", "client.id": "watch-0"}
    member = Consumer({**settings, "session.timeout.ms": 6_000, "auto.offset.reset": "earliest"})
    member.subscribe([name])
    until = time.monotonic() + 30
    while not member.assignment():
        assert time.monotonic() < until
        member.poll(0.1)

    with Cluster({key: str(value) for key, value in kafka.client.items()}) as cluster:
        living = cluster.group(group, [name], {name: 1})
        nobody = cluster.group(f"{topic_prefix}judge", [name], {name: 1})
    member.close()

    assert living.members is not None
    assert [(m.client, m.instance) for m in living.members] == [("watch-0", "watch-0")]
    assert (nobody.members, nobody.committed) == ((), {name: {0: -1}})


def test_transactions_are_tried_without_writing_anything(kafka: Kafka, topic_prefix: str) -> None:
    with Cluster({name: str(value) for name, value in kafka.client.items()}) as cluster:
        assert cluster.transactions(f"{topic_prefix}doctor") == ""
