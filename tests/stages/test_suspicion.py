"""Which slice is put on trial."""

import numpy as np
from tests.stages.wide import wide_applied

from anchorwatch.estimators.interval import beta_binomial_interval
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.suspicion import SIZE_MIN, TRIED_MAX, WEEK_MS, WEIGHT_OF_PAIR, faded, line_of_whole, score, worst
from anchorwatch.watches.base import Floats

LINE = 0.115


def asked(seen: list[list[float]], line: float = LINE, phi: float = 1.0, free: list[bool] | None = None) -> int | None:
    found: Floats = np.array(seen, np.float64)
    m = len(found)
    return worst(found, found[:, 1] / found[:, 0], np.full(m, line), np.full(m, phi), np.array(free or [True] * m))


def test_the_best_score_that_is_beyond_doubt_is_asked_first() -> None:
    assert asked([[1_000, 200], [1_000, 300], [1_000, 100]]) == 1
    assert asked([[1_000, 200], [1_000, 300], [1_000, 100]], free=[True, False, True]) == 0


def test_what_is_small_or_in_doubt_is_not_suspected() -> None:
    assert asked([[SIZE_MIN - 1, 100]]) is None
    assert beta_binomial_interval(130, 1_000)[0] < LINE
    assert asked([[1_000, 130]]) is None
    assert asked([[1_000, 200]], line=0.19) is None
    assert asked([[1_000, 200]], phi=20.0) is None


def test_only_a_few_are_asked_in_a_window() -> None:
    in_doubt = [[SIZE_MIN, 0.16 * SIZE_MIN]] * TRIED_MAX

    assert asked([*in_doubt, [100_000, 15_000]]) is None
    assert asked([*in_doubt[1:], [100_000, 15_000]]) == TRIED_MAX - 1


def test_twice_the_error_scores_above_0_in_an_eighth_and_in_a_sixteenth_for_pairs() -> None:
    def of(share: float, *weight: float) -> float:
        return float(score(np.array([1e5 * share]), np.array([2e4 * share]), 1e5, 1e4 * (1 + share), *weight)[0])

    assert of(1 / 8) > 0 > of(1 / 32)
    assert of(1 / 32, WEIGHT_OF_PAIR) > 0 > of(1 / 64, WEIGHT_OF_PAIR)


def test_the_line_is_that_of_the_error_of_the_whole() -> None:
    layout = Registry(1_000).apply(wide_applied()).layout
    line = line_of_whole(layout)
    assert line is not None

    assert line.monitors == ("quality:error@late/whole",)
    assert line.reference is not None
    assert 0.09 < line.reference < line.line < 0.13


def test_what_was_counted_is_worth_half_after_a_week() -> None:
    assert faded(-1, 3 * WEEK_MS) == (3, 1.0)  # nothing was counted yet
    assert faded(3, 4 * WEEK_MS - 1) == (3, 1.0)
    assert faded(3, 6 * WEEK_MS) == (6, 0.125)
    assert faded(0, 10_000 * WEEK_MS)[1] > 0  # decades of silence are no number too small
