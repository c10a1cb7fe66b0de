"""The reliability table against scikit-learn, and an error that luck does not blow up."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve

from anchorwatch.estimators.calibration import Floats, calibration_error, reliability, score_edges
from anchorwatch.estimators.reference_bins import digitize

TENTHS = np.linspace(0.05, 0.95, 10)


def drawn(rng: np.random.Generator, n: int, gap: Floats) -> NDArray[np.int64]:
    """int64[10, 2]: n labels whose rate is the middle of a tenth plus its gap."""
    bins = rng.integers(0, 10, n)
    ones = rng.random(n) < (TENTHS + gap)[bins]
    return np.bincount(2 * bins + ones, minlength=20).reshape(10, 2).astype(np.int64)


def test_the_table_is_scikit_learns_calibration_curve() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random(5_000)
    ones = rng.random(5_000) < scores**1.5
    bins = np.minimum((scores * 10).astype(int), 9)
    cells = np.bincount(2 * bins + ones, minlength=20).reshape(10, 2)
    said = np.bincount(bins, scores, 10) / np.bincount(bins, minlength=10)

    table = reliability(cells, said)
    came, mean = calibration_curve(ones, scores, n_bins=10)
    assert table.came == pytest.approx(came)
    assert table.said == pytest.approx(mean)
    assert (table.low < table.came).all()
    assert (table.came < table.high).all()


def test_a_bin_without_labels_has_no_share() -> None:
    table = reliability([[0, 0], [3, 1]], [0.1, 0.6])

    assert np.isnan(table.came[0])
    assert (table.low[0], table.high[0]) == (0.0, 1.0)
    assert table.came[1] == 0.25


def test_a_perfect_model_shows_next_to_nothing_where_the_plain_error_shows_luck() -> None:
    """1,000 labels in 10 bins, 400 models: median .005 at most, where the weighted mean of gaps says more than .02."""
    rng = np.random.default_rng(2)
    tables = [drawn(rng, 1_000, np.zeros(10)) for _ in range(400)]
    found = [calibration_error(cells, TENTHS) for cells in tables]

    plain = [np.abs(c[:, 1] - c.sum(1) * TENTHS).sum() / c.sum() for c in tables]
    assert np.median([e.value for e in found if e]) <= 0.005
    assert np.median(plain) > 0.02


@pytest.mark.parametrize(("gap", "true"), [(0.0, 0.0), (0.05, 0.05), (0.02, 0.02)])
def test_its_interval_holds_the_true_error(gap: float, true: float) -> None:
    """Every bin off by the same gap: 95 % of 600 intervals, less four standard errors of that rate."""
    rng = np.random.default_rng(3)
    found = [calibration_error(drawn(rng, 2_000, np.where(TENTHS < 0.5, gap, -gap)), TENTHS) for _ in range(600)]

    held = np.mean([e.low <= true <= e.high for e in found if e])
    assert held >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 600)
    if true:
        assert np.median([e.value for e in found if e]) == pytest.approx(true, rel=0.15)


def test_without_two_labels_in_any_bin_there_is_no_error() -> None:
    assert calibration_error([[1, 0], [0, 1]], [0.1, 0.9]) is None


def test_bins_have_enough_labels_and_one_answer_each() -> None:
    scores = np.random.default_rng(4).beta(1, 4, 3_000)
    edges = score_edges(scores, threshold=0.5)
    bins = digitize(scores, edges)

    assert np.bincount(bins)[:-1].min() >= 100
    for b in range(len(edges) + 1):
        assert len(set((scores[bins == b] >= 0.5).tolist())) == 1
    assert digitize([0.5], edges)[0] > digitize([0.4999], edges)[0]


def test_few_scores_give_one_bin_for_each_answer() -> None:
    assert len(score_edges([0.2, 0.7, 0.8], threshold=0.5)) == 1
    assert len(score_edges([0.2, 0.7, 0.8])) == 0
    assert len(score_edges([])) == 0
