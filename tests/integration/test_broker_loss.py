"""Kafka itself is killed and started again under load: stages go on by themselves, totals per segment stay exact.

Time is that of the events (`clock: events`): under the wall's clock an outage longer than the lateness makes what producers held back late.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.ground import Ground, until
from tests.integration.stream import Stream, now_ms
from tests.integration.totals import broken, exact, expected, observed

from anchorwatch.broker import Broker


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker(first_port=29_200, start_s_max=120) as mine:
        yield mine


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.timeout(280)
def test_a_broker_that_dies_under_load_costs_nothing(broker: Broker, topic_prefix: str, tmp_path: Path) -> None:
    there = Ground(broker.client, topic_prefix, tmp_path, clock="events").prepare()
    with there.run() as running:
        running.wait_ready()
        stream = Stream(there.kafka, there.prefix, rate=300)
        for _ in range(2):
            before = observed(there)[0]["predictions"].get("whole", 0)
            time.sleep(3)  # under load, whatever step a cut is at
            broker.nodes[0].kill()
            time.sleep(2)
            broker.nodes[0].start()
            broker.wait_until_ready()
            # cutting again
            until(lambda before=before: observed(there)[0]["predictions"].get("whole", 0) > before + 600, 120, lambda: running.words)  # type: ignore[misc]
        fed = stream.end()
        there.heartbeat(now_ms() + 60_000)
        found = exact(there, fed, patience=120)

    assert found == expected(fed), running.words[-6_000:]
    assert broken(there) == {}
