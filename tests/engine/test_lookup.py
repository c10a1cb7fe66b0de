import pytest
from confluent_kafka import Producer
from tests.conftest import Kafka

from anchorwatch.engine import lookup, topics
from anchorwatch.engine.lookup import headers_at


@pytest.mark.parametrize("near", [1, 1_000])
def test_records_are_found_by_their_place_and_what_is_not_there_is_left_out(
    kafka: Kafka, topic_prefix: str, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read over and jumped: the same."""
    monkeypatch.setattr(lookup, "NEAR", near)
    name, empty = f"{topic_prefix}a", f"{topic_prefix}b"
    topics.create(kafka.client, topics.Layout((topics.Topic(name, 2), topics.Topic(empty, 1)), 1))
    out = Producer(kafka.client)
    for i in range(40):
        out.produce(name, b"v", None, i % 2, headers=[("n", b"%d" % i)])
    assert out.flush(30) == 0

    found = headers_at(kafka.client, [(name, 0, 0), (name, 0, 1), (name, 0, 19), (name, 0, 77), (name, 1, 7), (empty, 0, 3)])

    assert found == {
        (name, 0, 0): (("n", b"0"),),
        (name, 0, 1): (("n", b"2"),),
        (name, 0, 19): (("n", b"38"),),
        (name, 1, 7): (("n", b"15"),),
    }
