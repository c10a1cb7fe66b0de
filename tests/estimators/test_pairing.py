"""Draws of the AUC: fair whatever the distributions, the mix and the shift of all scores; exact where chance has no say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from anchorwatch.estimators.pairing import LEVELS, WAITING_MAX, Ints, dealt, left_over
from anchorwatch.estimators.tables import promise

VALUES = np.arange(LEVELS + 1) / LEVELS
BINS = 16


def windows(n: int, labels: int, positive: float, apart: float, rng: np.random.Generator, shift: float = 0.0) -> Ints:
    """int64[n, BINS, 2]: windows of normal scores, positives `apart` sd above negatives."""
    truth = rng.random((n, labels)) < positive
    scores = rng.normal(size=(n, labels)) + apart * truth + shift
    bins = np.clip((scores + 3) / 6 * BINS, 0, BINS - 1).astype(np.int64)
    place = (np.arange(n)[:, None] * BINS + bins) * 2 + truth
    return np.bincount(place.reshape(-1), minlength=n * BINS * 2).reshape(n, BINS, 2)


def auc(cells: Ints) -> float:
    """By scikit-learn, of all windows together."""
    bins, labels = np.indices(cells.shape[1:])
    times = cells.sum(0).reshape(-1)
    return float(roc_auc_score(np.repeat(labels.reshape(-1), times), np.repeat(bins.reshape(-1), times)))


@pytest.mark.parametrize("positive", [0.5, 0.1, 0.9])
def test_the_mean_of_the_draws_is_the_auc_whatever_the_mix(positive: float) -> None:
    """20,000 windows of 12 labels; bound: four standard errors of the mean of the draws."""
    cells = windows(20_000, 12, positive, 1.2, np.random.default_rng(1))
    draws = dealt(cells).sum(0)
    mean = (draws * VALUES).sum() / draws.sum()
    error = np.sqrt((draws * (VALUES - mean) ** 2).sum()) / draws.sum()

    assert abs(mean - auc(cells)) < 4 * error


@pytest.mark.parametrize(("positive", "shift"), [(0.5, 0.0), (0.1, 0.0), (0.1, 1.0), (0.5, -1.0), (0.02, 0.5)])
def test_a_bet_against_the_auc_is_expected_to_win_nothing(positive: float, shift: float) -> None:
    """Each bet's mean gain per window over 40,000 windows on the very line, also where all scores and the mix moved; oracle: it is at most 1.

    The two boldest of six bets are left out: they win too seldom for a mean to show anything.
    """
    rng = np.random.default_rng(2)
    line = auc(windows(40_000, 40, 0.5, 1.2, rng, shift))
    gains = np.exp(dealt(windows(40_000, 40, positive, 1.2, rng, shift)) @ promise(VALUES - line).T)

    assert (gains[:, :4].mean(0) <= 1 + 4 * gains[:, :4].std(0) / 200).all()


def test_a_label_is_dealt_once_and_a_class_alone_makes_no_draw() -> None:
    cells = np.zeros((3, 4, 2), np.int64)
    cells[0, :, 0], cells[0, 2, 1] = 5, 1  # one positive, twenty negatives
    cells[1, 3, 1] = 7
    draws = dealt(cells)

    assert draws.sum(1).tolist() == [1, 0, 0]
    assert draws[0, 20:21].tolist() == [1]  # (5 + 5 + 2.5) / 20 of 32, exactly


def test_perfect_order_is_one_and_perfect_disorder_nought() -> None:
    cells = np.array([[[9, 0], [0, 9]], [[0, 9], [9, 0]]])
    draws = dealt(cells)

    assert draws[0, -1] == draws[0].sum() > 0
    assert draws[1, 0] == draws[1].sum() > 0


@given(st.lists(st.integers(0, 30), min_size=24, max_size=24))
def test_draws_are_no_more_than_the_rarer_class_and_the_same_for_the_same_cells(counts: list[int]) -> None:
    cells = np.array(counts).reshape(3, 4, 2)
    draws = dealt(cells)

    assert (draws.sum(1) <= cells.sum(1).min(1)).all()
    assert ((draws.sum(1) > 0) == (cells.sum(1).min(1) > 0)).all()
    assert np.array_equal(draws, dealt(cells.copy()))


def test_what_waits_for_the_other_class_is_kept_up_to_a_bound() -> None:
    cells = np.zeros((3, 2, 2), np.int64)
    cells[0, :, 0], cells[1, 0, 0], cells[2, 0] = 10, 1_000_000, (3, 3)
    left = left_over(cells)

    assert np.array_equal(left[0], cells[0])
    assert WAITING_MAX / 3 < left[1].sum() <= WAITING_MAX
    assert not left[2].any(), "both classes were there: all of it was dealt"
