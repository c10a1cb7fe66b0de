"""Kafka itself is killed, or does not answer, under load: stages go on by themselves, totals per segment stay exact.

Killed: a node of three, since a single node killed in the middle of a commit may leave a transaction without its end for good (1 of some
20 kills; engine.md F21), which no client can mend. Silent: the only node is stopped for longer than the lateness, under the wall's clock;
what producers held back meanwhile must not be late.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.integration.ground import Ground, until
from tests.integration.stream import Stream, now_ms
from tests.integration.totals import broken, exact, expected, observed

from anchorwatch.broker import Broker

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(280)]


@pytest.fixture
def three() -> Iterator[Broker]:
    with Broker(nodes=3, first_port=29_200, start_s_max=120) as mine:
        yield mine


@pytest.fixture
def single() -> Iterator[Broker]:
    with Broker(first_port=29_220, start_s_max=120) as mine:
        yield mine


def totals(there: Ground, harm: Callable[[], None]) -> tuple[object, object, object]:
    """Twice: some seconds of traffic, the harm, and on until ingest counts again. What was found, what was fed, what was not as it must be."""
    with there.run() as running:
        running.wait_ready()
        stream = Stream(there.kafka, there.prefix, rate=300)

        def counted() -> int:
            return int(observed(there)[0]["predictions"].get("whole", 0))

        for _ in range(2):
            before = counted()
            until(lambda before=before: counted() > before + 300, 60, lambda: running.words)  # type: ignore[misc]
            harm()
            until(lambda before=before: counted() > before + 900, 120, lambda: running.words)  # type: ignore[misc]
        fed = stream.end()
        if "clock: events" in (there.folder / "anchorwatch.yaml").read_text():
            there.heartbeat(now_ms() + 60_000)
        found = exact(there, fed, patience=120)
    return found, expected(fed), broken(there)


def test_a_node_that_dies_under_load_costs_nothing(three: Broker, topic_prefix: str, tmp_path: Path) -> None:
    there = Ground(three.client, topic_prefix, tmp_path, clock="events").prepare()
    turn = count()

    def kill() -> None:
        node = three.nodes[next(turn) % 3]
        node.kill()
        node.start()
        three.wait_until_ready()

    found, fed, wrong = totals(there, kill)

    assert found == fed
    assert wrong == {}


def test_what_producers_held_back_while_kafka_was_silent_is_not_late(single: Broker, topic_prefix: str, tmp_path: Path) -> None:
    there = Ground(single.client, topic_prefix, tmp_path).prepare()

    def silence() -> None:
        process = single.nodes[0].pid
        assert process, "the node runs"
        os.kill(process, signal.SIGSTOP)
        over = time.monotonic() + 8  # longer than the lateness of 3 s
        until(lambda: time.monotonic() > over, 20)
        os.kill(process, signal.SIGCONT)

    found, fed, wrong = totals(there, silence)

    assert found == fed
    assert wrong == {}
