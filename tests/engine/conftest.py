"""A chain of two stages with topics of its own, ended and cleaned up after the test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from tests.engine.chain import Chain


class Kafka(Protocol):
    @property
    def client(self) -> dict[str, str | int]: ...


@pytest.fixture
def chain(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[Chain]:
    chain = Chain(kafka.client, topic_prefix, tmp_path)
    chain.create()
    yield chain
    chain.close()
