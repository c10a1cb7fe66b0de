"""Where do our partitions end, as far as Kafka says; and when is silence not believed?"""

from collections.abc import Callable
from typing import Any

import confluent_kafka as ck
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.engine.test_task import Notebook, task

from anchorwatch.engine import ends
from anchorwatch.engine.settings import READING, consumer


@pytest.fixture
def filled(kafka: Any, topic_prefix: str) -> Callable[[int], str]:
    """A topic of one partition with so many records."""

    def fill(n: int) -> str:
        topic = f"{topic_prefix}p"
        with AdminClient({**kafka.client}) as admin:
            admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
        producer = ck.Producer({**kafka.client})
        for i in range(n):
            producer.produce(topic, b"%d" % i, partition=0)
        assert producer.flush(20) == 0
        return topic

    return fill


def reading(kafka: Any) -> ck.Consumer:
    return consumer(READING, {**kafka.client}, {"group.id": "ends", "auto.offset.reset": "error"})


@pytest.mark.kafka
def test_a_topic_is_known_to_be_at_its_end_when_nothing_lies_beyond_what_was_read(kafka: Any, filled: Callable[[int], str]) -> None:
    topic = filled(3)
    client = reading(kafka)
    behind, through = task(Notebook(), **{topic: 2}), task(Notebook(), **{topic: 3})
    for one in (behind, through):
        one.looked_ms[topic] = 0
        ends.Ends().look(client, {0: one}, 5_000)
    client.close()

    assert (behind.looked_ms[topic], through.looked_ms[topic]) == (0, 5_000)


@pytest.mark.kafka
def test_after_an_outage_silence_is_not_believed_until_producers_had_time_to_return(
    kafka: Any, filled: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = filled(1)
    client, one, eyes = reading(kafka), task(Notebook(), **{topic: 1}), ends.Ends()
    monkeypatch.setattr(ends, "LOOK_EVERY", 0.0)
    eyes.look(client, {0: one}, 1_000)
    eyes.answered -= ends.AWAY_AFTER + 1  # as if nothing had answered for so long
    eyes.look(client, {0: one}, 2_000)
    held = one.looked_ms[topic]
    eyes.trusted_from -= ends.PRODUCERS_RETURN + 1
    eyes.look(client, {0: one}, 3_000)
    client.close()

    assert (held, one.looked_ms[topic]) == (1_000, 3_000)


def test_a_kafka_that_does_not_answer_proves_nothing() -> None:
    client = consumer(READING, {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, {"group.id": "ends", "auto.offset.reset": "error"})
    one, eyes = task(Notebook(), p=0), ends.Ends()
    before = one.looked_ms["p"]
    eyes.look(client, {0: one}, before + 5_000)
    client.close()

    assert one.looked_ms["p"] == before
    assert eyes.answered == 0
