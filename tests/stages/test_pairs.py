"""Which pairs are counted, and when one of them is ripe for a trial."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tests.stages.wide import NARROW, wide_applied

from anchorwatch.stages.drawn import drawn
from anchorwatch.stages.pairs import BATCH, COUNTED_MAX, Pairs
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.suspicion import WEEK_MS
from anchorwatch.watches.cells import Cells

LINE = 0.115


@cache
def cells() -> Cells:
    found = Registry(1_000).apply(wide_applied(NARROW)).layout.cells
    assert found is not None
    return found


def pairs(phi: float = 1.0) -> Pairs:
    return Pairs(cells(), LINE, np.full(len(cells().names), phi))


def number(first: int, second: int) -> int:
    """Of the pair of the second range of two fields."""
    fields = cells().fields
    return int(cells().pair(np.array([fields[first].first + 2]), np.array([fields[second].first + 2]))[0])


def feed(
    found: Pairs, rng: np.random.Generator, batches: int, bad: float, taken: set[int] | None = None, to_ms: int = 0, size: int = BATCH
) -> None:
    """bad: error where the first two fields are in their second of four ranges; .1 else."""
    for _ in range(batches):
        codes = rng.integers(2, 6, (size, len(cells().fields))).astype(np.uint8)
        wrong: NDArray[np.bool_] = rng.random(size) < np.where((codes[:, 0] == 3) & (codes[:, 1] == 3), bad, 0.1)
        found.add(drawn(rng.integers(1, 1 << 63, size).astype(np.uint64), codes, wrong), taken or set(), to_ms)


def test_what_stands_out_is_counted_and_ripe_once_later_predictions_say_the_same() -> None:
    found, rng = pairs(), np.random.default_rng(1)
    while number(0, 1) not in found.pairs:
        assert found.worst() is None
        feed(found, rng, 1, 0.3)
    assert found.counts[found.pairs == number(0, 1)].sum() == 0, "what made it stand out does not count"
    feed(found, rng, 12, 0.3)
    assert found.worst() == number(0, 1)

    taken = found.take(number(0, 1))
    own, first, second, everything = taken[:, 0].tolist()
    assert everything == 12 * BATCH
    assert own < first < everything
    assert own < second < everything
    assert number(0, 1) not in found.pairs
    feed(found, rng, 12, 0.3, taken={number(0, 1)})
    assert number(0, 1) not in found.pairs, "it is on trial"


def test_of_two_pairs_that_hold_the_same_predictions_one_is_tried() -> None:
    """The second field says what the third one says, nine times of ten."""
    found, rng = pairs(), np.random.default_rng(10)

    def more(batches: int, taken: set[int]) -> None:
        for _ in range(batches):
            codes = rng.integers(2, 6, (BATCH, len(cells().fields))).astype(np.uint8)
            codes[:, 2] = np.where(rng.random(BATCH) < 0.9, codes[:, 1], codes[:, 2])
            wrong = rng.random(BATCH) < np.where((codes[:, 0] == 3) & (codes[:, 1] == 3), 0.4, 0.1)
            found.add(drawn(rng.integers(1, 1 << 63, BATCH).astype(np.uint64), codes, wrong), taken, 0)

    while found.worst() is None or number(0, 1) not in found.pairs or number(0, 2) not in found.pairs:
        more(1, set())
    first = found.worst()
    assert first is not None
    other = {number(0, 1): number(0, 2), number(0, 2): number(0, 1)}[first]
    found.take(first)
    assert found.counts[found.pairs == other].sum() == 0, "what the first one explains was counted for it"
    more(60, {first})

    assert found.worst() is None


def test_what_stood_out_by_luck_is_given_up() -> None:
    found, rng = pairs(), np.random.default_rng(2)
    while number(0, 1) not in found.pairs:
        feed(found, rng, 1, 0.4)
    feed(found, rng, 60, 0.1)

    assert number(0, 1) not in found.pairs
    assert found.worst() is None


def test_errors_that_clump_have_to_say_more() -> None:
    one, other = pairs(), pairs(phi=20.0)
    for found in (one, other):
        feed(found, np.random.default_rng(3), 18, 0.25)

    assert (one.worst(), other.worst()) == (number(0, 1), None)
    assert other.phi_of(np.array([number(0, 1)])).tolist() == [20.0]


def test_few_at_a_time_are_looked_at_together() -> None:
    one, other, rng = pairs(), pairs(), np.random.default_rng(4)
    feed(one, rng, 1, 0.3, size=BATCH - 1)
    assert (one.rows, len(one.held.wrong)) == (0, BATCH - 1)
    feed(one, rng, 1, 0.3, size=1)
    assert (one.rows, len(one.held.wrong)) == (BATCH, 0)
    assert other.rows == 0


def test_counts_are_halved_each_week() -> None:
    found, rng = pairs(), np.random.default_rng(5)
    feed(found, rng, 8, 0.4)
    before = found.counts[found.pairs == number(0, 1)].sum()
    found._halve(2 * WEEK_MS)

    assert before > 0
    assert found.counts[found.pairs == number(0, 1)].sum() == before / 4


def test_places_are_bounded_and_there_is_room_for_what_stands_out_next() -> None:
    found, rng = pairs(), np.random.default_rng(6)
    for _ in range(100):
        feed(found, rng, 1, 0.1)
        assert len(found.pairs) == len(set(found.pairs.tolist())) <= COUNTED_MAX
    feed(found, rng, 30, 0.4)

    assert found.worst() == number(0, 1)


def test_a_twin_from_its_state_has_the_same_future() -> None:
    found, twin = pairs(), pairs()
    feed(found, np.random.default_rng(7), 9, 0.3)
    feed(found, np.random.default_rng(8), 1, 0.3, size=100)
    twin.restore(*found.snapshot())
    for each in (found, twin):
        feed(each, np.random.default_rng(9), 20, 0.3)

    assert found.pairs.tolist() == twin.pairs.tolist()
    assert found.counts.tolist() == twin.counts.tolist()
    assert found.worst() == twin.worst() == number(0, 1)
