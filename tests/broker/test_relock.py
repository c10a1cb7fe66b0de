"""Is kafka.lock what the registry resolves?"""

import pytest

from anchorwatch.broker.jars import LOCK, kafka_version
from anchorwatch.broker.relock import resolve


@pytest.mark.slow
def test_the_lock_is_what_the_registry_resolves_today() -> None:
    """Reads the registry: 44 MB, 20 to 40 s."""
    assert resolve(kafka_version()) == LOCK.read_text("utf-8").splitlines()
