"""What stands out is named, what its cells explain is not, and what is held is bounded."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anchorwatch.errors import StateCorrupt
from anchorwatch.estimators.pair_search import HELD_MAX, SHARE_MAX, PairSearch, Together

FIELDS, VALUES = 20, 8
Codes = NDArray[np.uint8]


def search() -> PairSearch:
    return PairSearch([VALUES * field for field in range(FIELDS)], VALUES * FIELDS)


def rows(rng: np.random.Generator, n: int) -> Codes:
    return rng.integers(0, VALUES, (n, FIELDS)).astype(np.uint8)


def test_a_pair_with_five_times_the_error_stands_out_first_among_twelve_thousand() -> None:
    """A 64th of the rows, of 12,160 pairs."""
    for seed in range(8):
        rng, found = np.random.default_rng(seed), search()
        for _ in range(20):
            codes = rows(rng, 500)
            found.add(codes, rng.random(500) < np.where((codes[:, 3] == 0) & (codes[:, 8] == 0), 0.5, 0.1))
        [first] = found.best(1)

        assert (first.first, first.second) == (24, 64)


def test_z_is_that_of_two_poisson_counts() -> None:
    """By hand: 40 cases, 30 of them in the pair; 40 controls, 10 in the pair, 10 more in each of its cells: z = (30 - 10) / sqrt(40)."""
    found = PairSearch([0, 2], 4)
    in_pair, one, two, out = [0, 0], [0, 1], [1, 0], [1, 1]
    cases = [in_pair] * 30 + [out] * 10
    controls = [in_pair] * 10 + [one] * 10 + [two] * 10 + [out] * 10
    found.cases, found.controls = np.array(cases, np.uint8), np.array(controls, np.uint8)

    assert found.best(1) == [Together(0, 2, 30, 10, float(20 / np.sqrt(40)))]


def test_a_cell_that_is_bad_everywhere_makes_no_pair_of_its() -> None:
    rng, found = np.random.default_rng(1), search()
    for _ in range(40):
        codes = rows(rng, 500)
        found.add(codes, rng.random(500) < np.where(codes[:, 3] == 0, 0.4, 0.1))
    of_cell = [each for each in found.best(200) if 24 in (each.first, each.second)]

    assert all(each.z < 4 for each in of_cell)
    assert found.best(1)[0].z < 4.5


def test_two_cells_that_nearly_always_come_together_are_no_pair() -> None:
    rng, found = np.random.default_rng(2), search()
    for _ in range(40):
        codes = rows(rng, 500)
        codes[:, 4] = codes[:, 3]
        found.add(codes, rng.random(500) < np.where(codes[:, 3] == 0, 0.4, 0.1))

    assert (24, 32) not in {(each.first, each.second) for each in found.best(500)}


def test_a_time_when_all_go_wrong_is_no_pair_of_fields_that_follow_the_time() -> None:
    """As many controls as cases of each batch."""
    rng, found = np.random.default_rng(3), search()
    for hour in range(80):
        codes = rows(rng, 500)
        codes[:, 3] = codes[:, 8] = hour % 8
        found.add(codes, rng.random(500) < (0.12 if hour % 8 == 0 else 0.04))

    assert (24, 64) not in {(each.first, each.second) for each in found.best(500)}


def test_what_is_held_is_bounded_and_an_eighth_of_a_batch_at_most() -> None:
    rng, found = np.random.default_rng(4), search()
    taken = [found.add(rows(rng, 800), np.ones(800, np.bool_)) for _ in range(30)]

    assert set(taken) == {int(800 * SHARE_MAX)}
    assert len(found.cases) == len(found.controls) == HELD_MAX


def test_what_is_explained_otherwise_is_left_out_and_the_rest_is_held_against_what_is_left() -> None:
    """By hand: 30 of 40 cases go and 10 of 40 controls; of the others 8 of 10 cases and 10 of 30 controls are in the pair: r = 1/3."""
    found = PairSearch([0, 2], 4)
    gone, in_pair, one, two = [1, 1], [0, 0], [0, 1], [1, 0]
    cases, controls = [gone] * 30 + [in_pair] * 8 + [one] * 2, [gone] * 10 + [in_pair] * 10 + [one] * 10 + [two] * 10
    found.cases, found.controls = np.array(cases, np.uint8), np.array(controls, np.uint8)
    found.leave_out(np.array([row == gone for row in cases]), np.array([row == gone for row in controls]))
    [pair] = found.best(1)

    assert (len(found.cases), len(found.controls)) == (10, 30)
    assert pair[:4] == (0, 2, 8, 10)
    assert pair.z == pytest.approx((8 - 10 / 3) / np.sqrt(18 / 3))


def test_without_a_second_field_or_a_case_nothing_is_named() -> None:
    alone = PairSearch([0], 4)
    alone.add(np.zeros((50, 1), np.uint8), np.ones(50, np.bool_))

    assert alone.best(5) == []
    assert search().best(5) == []


def test_a_twin_names_the_same_and_rows_of_other_fields_are_refused() -> None:
    rng, found, twin = np.random.default_rng(5), search(), search()
    found.add(rows(rng, 4_000), rng.random(4_000) < 0.1)
    twin.restore(found.snapshot())

    assert twin.best(50) == found.best(50) != []
    with pytest.raises(StateCorrupt, match="not rows of 2 fields"):
        PairSearch([0, 4], 8).restore(found.snapshot())
