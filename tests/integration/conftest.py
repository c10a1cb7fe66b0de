"""Grounds on the session's Kafka."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.integration.ground import Ground


@pytest.fixture
def ground(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Callable[..., Ground]:
    def made(**more: str) -> Ground:
        return Ground(kafka.client, topic_prefix, tmp_path, **more)

    return made
