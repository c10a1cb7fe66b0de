"""Kill -9 at each step of a cut: state, output and position move together or not at all."""

import itertools

import pytest
from tests.engine.chain import STEPS, Chain


@pytest.mark.parametrize("foul", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "foul"])
def test_totals_are_exact_after_a_kill_at_each_step_of_a_cut(chain: Chain, foul: bool) -> None:
    """Ten kills, twenty with poison, 1 MB records, four codecs and aborted transactions among the rows."""
    chain.feed(1000, foul)
    dies = [f"{step}:{2 + number}:KILL" for number, step in itertools.product(range(2 if foul else 1), STEPS)]

    killed = [chain.start(stage, dies=dies) for stage in ("join", "total")]
    for worker in killed:
        worker.until(lambda w=worker: w.lives > len(dies) and w.cuts >= 2, 240)  # type: ignore[misc]
    found, expected = chain.counted()

    assert found == expected
