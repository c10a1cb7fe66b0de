import json
import time
from typing import Any

from confluent_kafka import Producer
from tests.conftest import Kafka

from anchorwatch.contract import parse
from anchorwatch.engine import topics
from anchorwatch.runtime.doctor.sample import sample
from anchorwatch.runtime.schemas import Fetched, Registry, Unknown
from anchorwatch.sources import foreign
from anchorwatch.sources.foreign.wire import Ref

CONTRACT = """
contract: 1
model: fraud
task: regression
owner: {team: t}
source: {predictions: {format: json, fields: {prediction_id: payment.id, predicted_at_ms: {path: at, unit: s}, prediction: p}}}
"""
BEGIN = time.time_ns() // 1_000_000 - 60_000  # what is older than its retention, Kafka deletes while we read
TRANSLATOR = foreign.of_contracts("predictions", [parse(CONTRACT, "t")])


def filled(kafka: Kafka, topic: str, values: list[bytes | None]) -> dict[str, Any]:
    """One partition, record i keyed k-<i>."""
    topics.create(kafka.client, topics.Layout((topics.Topic(topic, 1),), 1))
    out = Producer(kafka.client)
    for i, value in enumerate(values):
        out.produce(topic, value, f"k-{i}".encode(), timestamp=BEGIN + i)
    assert out.flush(30) == 0
    return dict(kafka.client)


def test_records_of_a_foreign_topic_are_told_apart_from_tombstones_and_from_what_is_no_json(kafka: Kafka, topic_prefix: str) -> None:
    name = f"{topic_prefix}scored"
    settings = filled(kafka, name, [b'{"payment": {"id": 7}, "at": 5, "p": 1}', None, b"\0\0\0\0\x2aavro"])

    found = sample(settings, name, 1, "predictions", TRANSLATOR)

    assert [(seen.key, seen.id, seen.stated, seen.model) for seen in found.records] == [(b"k-0", "7", 5_000, "fraud")]
    assert (found.tombstones, found.unreadable, found.reach_ms) == (1, 1, 0)
    assert found.unreadable_head == b"\0\0\0\0\x2aavro"


def test_records_of_a_registry_are_read_by_it(kafka: Kafka, topic_prefix: str) -> None:
    """Those of a schema that it does not know are told in its words."""
    name = f"{topic_prefix}scored"
    settings = filled(kafka, name, [b'\0\0\0\0\7{"payment": {"id": 7}, "at": 5, "p": 1}', b"\0\0\0\0\x2a\x02"])

    def fetch(ref: Ref) -> Fetched:
        if ref != 7:
            raise Unknown("the registry does not know it")
        return Fetched(json.loads)

    registry = Registry(fetch)
    found = sample(settings, name, 1, "predictions", foreign.of_contracts("predictions", [parse(CONTRACT, "t")], registry), registry)
    registry.close()

    assert [(seen.id, seen.stated) for seen in found.records] == [("7", 5_000)]
    assert (found.unreadable, found.unreadable_why.partition(";")[0]) == (1, "$ schema id 42: the registry does not know it")


def test_of_a_long_topic_the_newest_are_read_and_it_is_said_how_far_back(kafka: Kafka, topic_prefix: str) -> None:
    name = f"{topic_prefix}scored"
    settings = filled(kafka, name, [b'{"prediction_id": "p"}'] * 100)

    found = sample(settings, name, 1, "predictions", None, records_max=30)

    assert [seen.key for seen in found.records] == [f"k-{i}".encode() for i in range(99, 69, -1)]
    assert found.reach_ms == BEGIN + 70


def test_a_topic_that_cannot_be_read_is_an_empty_sample(kafka: Kafka, topic_prefix: str) -> None:
    assert sample({"bootstrap.servers": kafka.bootstrap}, f"{topic_prefix}nowhere", 1, "outcomes", None).records == ()
