"""Stage processes are killed while events stream in: totals per segment stay exact, alerts are neither lost nor doubled.

`kill -9` of one stage's process or of both at once, at random moments; a supervisor, or the test, starts them again.
"""

import random
import time
from collections.abc import Callable

import pytest
from tests.integration.ground import Ground, killed_in_turn
from tests.integration.stream import Stream, now_ms
from tests.integration.totals import broken, exact, expected, histories
from tests.integration.workers import Worker


def test_four_kills_under_the_supervisor_cost_nothing(ground: Callable[..., Ground]) -> None:
    there, rng = ground().prepare(), random.Random(1)
    with there.run() as running:
        running.wait_ready()
        stream = Stream(there.kafka, there.prefix, rate=400)
        for state in ("off", "on"):
            there.turn(state, now_ms())
            killed_in_turn(running, rng)
        fed = stream.end()
        found = exact(there, fed)
        restarts = [stage["restarts"] for stage in running.ready()["stages"]]

    assert found == expected(fed), running.words[-4_000:]
    assert restarts == [2, 2]
    assert "exit=70" not in running.words
    assert broken(there) == {}
    assert {"firing", "resolved"} <= {state for history in histories(there).values() for _, state in history}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_four_kills_in_foul_weather_cost_nothing(ground: Callable[..., Ground], seed: int) -> None:
    """Mostly one after the other, also in the midst of a restart."""
    there, rng = ground().prepare(), random.Random(seed)
    with Worker(there, "ingest") as ingest, Worker(there, "judge") as judge:
        stages = [ingest, judge]
        for stage in stages:
            stage.wait_ready()
        stream = Stream(there.kafka, there.prefix, rate=300, foul=True)
        for number in range(16):
            there.turn("off" if number % 2 == 0 else "on", now_ms())
            time.sleep(rng.uniform(0.1, 1.5))  # a random moment is the very thing
            for victim in stages if number % 2 else [rng.choice(stages)]:
                victim.kill()
            if rng.random() < 0.7:  # else the next kill falls into the restart
                for stage in stages:
                    stage.wait_ready()
        fed = stream.end()
        found = exact(there, fed)
        exits = [*ingest.exits, *judge.exits]

    assert found == expected(fed), f"{ingest.said()}\n{judge.said()}"
    assert exits == [-9] * 24
    assert broken(there) == {}
    assert len(there.told("dead-letters")) == stream.poison.total()
