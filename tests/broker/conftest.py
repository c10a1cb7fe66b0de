"""What the broker's tests do with it: make a topic, write, read, wait."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from anchorwatch.broker import Broker

FIRST_PORT = 28100  # apart from the session's Kafka


class Talk:
    """Two verbs for one topic; every error is an exception."""

    def __init__(self, client: Mapping[str, str | int]) -> None:
        self.client: dict[str, str | int | float | bool] = {**client, "log_level": 0}

    def make(self, topic: str, copies: int = 1, **config: str) -> None:
        settings = {key.replace("_", "."): value for key, value in config.items()}
        with AdminClient(self.client) as admin:
            admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=copies, config=settings)])[topic].result()

    def write(self, topic: str, *values: str) -> None:
        errors: list[object] = []
        with Producer({**self.client, "acks": "all"}) as producer:
            for value in values:
                producer.produce(topic, value, "key", on_delivery=lambda error, _: errors.append(error))
            producer.flush(60)
        assert errors == [None] * len(values), "a broker that says nothing has not got the record"

    def read(self, topic: str, count: int) -> list[str]:
        settings = {"group.id": f"{topic}-readers", "auto.offset.reset": "earliest"}
        with Consumer({**self.client, **settings}) as consumer:
            consumer.subscribe([topic])
            return [(message.value() or b"").decode() for message in consumer.consume(count, timeout=60)]


@pytest.fixture
def start() -> Iterator[Callable[..., Broker]]:
    """`start(nodes=3)` gives a running broker that ends with the test."""
    with ExitStack() as brokers:

        def start_one(nodes: int = 1, **options: Any) -> Broker:
            return brokers.enter_context(Broker(nodes, first_port=FIRST_PORT, start_s_max=120, **options))

        yield start_one


@pytest.fixture
def talk() -> type[Talk]:
    return Talk


@pytest.fixture
def until() -> Callable[..., bool]:
    def poll(condition: Callable[[], bool], seconds: float = 60) -> bool:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)
        return condition()

    return poll
