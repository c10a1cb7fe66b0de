"""Installations on the session's Kafka."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.runtime.installation import CONTRACT, Installation


@pytest.fixture
def installation(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Callable[..., Installation]:
    def made(contract: str = CONTRACT) -> Installation:
        return Installation(kafka.client, topic_prefix, tmp_path, contract=contract)

    return made
