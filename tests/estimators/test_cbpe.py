"""Estimates without labels: they cover what labels show later, as long as scores mean what they meant."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anchorwatch.estimators.calibration import Floats, score_edges
from anchorwatch.estimators.cbpe import METRICS, Calibrated, calibrated, error_rates, estimate, expected_cells
from anchorwatch.estimators.reference_bins import digitize

Mask = NDArray[np.bool_]


def world(rng: np.random.Generator, n: int, a: float = 1.5, b: float = 4.0) -> tuple[Floats, Mask]:
    """Scores and outcomes; the outcome is a little rarer than the score says."""
    scores = rng.beta(a, b, n)
    return scores, rng.random(n) < scores**1.2


def learnt(rng: np.random.Generator, n: int) -> tuple[Calibrated, Floats]:
    scores, ones = world(rng, n)
    edges = score_edges(scores, 0.5)
    bins, size = digitize(scores, edges), len(edges) + 1
    cells = np.bincount(2 * bins + ones, minlength=2 * size).reshape(size, 2)
    said = np.bincount(bins, scores, size) / np.bincount(bins, minlength=size)
    return calibrated(cells, said, said >= 0.5), edges


def truth(metric: str, scores: Floats, ones: Mask) -> float:
    said = scores >= 0.5
    hit, false, miss = (float(cell.sum()) for cell in (said & ones, said & ~ones, ~said & ones))
    wrong = float((said != ones).mean())
    return {"error": wrong, "accuracy": 1 - wrong, "f1": 2 * hit / (2 * hit + false + miss), "precision": hit / (hit + false),
            "recall": hit / (hit + miss)}[metric]  # fmt: skip


@pytest.mark.parametrize("metric", [m for m in METRICS if m != "roc_auc"])
def test_intervals_of_95_percent_cover_what_labels_show(metric: str) -> None:
    """120 worlds, 3,000 labels of reference, 1,000 live predictions; .94 stated, four standard errors of that are allowed."""
    rng, held = np.random.default_rng(1), 0
    for _ in range(120):
        reference, edges = learnt(rng, 3_000)
        scores, ones = world(rng, 1_000)
        found = estimate(reference, np.bincount(digitize(scores, edges), minlength=len(reference.rate)), metric)
        held += bool(found and found.low <= truth(metric, scores, ones) <= found.high)

    assert held / 120 >= 0.94 - 4 * np.sqrt(0.94 * 0.06 / 120)


def test_moved_inputs_are_followed() -> None:
    """More scores near the threshold: the error rises by more than a half and the estimate with it."""
    rng = np.random.default_rng(2)
    reference, edges = learnt(rng, 20_000)
    values = []
    for a, b in ((1.5, 4.0), (3.0, 3.0)):
        scores, ones = world(rng, 20_000, a, b)
        found = estimate(reference, np.bincount(digitize(scores, edges), minlength=len(reference.rate)))
        values.append((found.value if found else np.nan, truth("error", scores, ones)))

    (was, was_true), (now, now_true) = values
    assert now > 1.5 * was
    assert (was, now) == pytest.approx((was_true, now_true), abs=0.012)


def test_a_change_of_the_outcomes_themselves_is_not_seen() -> None:
    """That is for the calibration monitor; the estimate says so in its docstring."""
    rng = np.random.default_rng(3)
    reference, edges = learnt(rng, 5_000)
    scores, _ = world(rng, 5_000)
    live = np.bincount(digitize(scores, edges), minlength=len(reference.rate))

    assert estimate(reference, live) == estimate(reference, live)  # labels are no argument
    assert error_rates(reference).shape == reference.rate.shape


def test_expected_cells_add_up_to_the_predictions() -> None:
    reference = Calibrated(np.array([0.1, 0.8]), np.array([100, 100]), np.array([False, True]))

    assert expected_cells(reference, [50, 10]) == pytest.approx(np.array([[45, 2], [5, 8]]))


def test_the_expected_area_is_the_one_of_the_expected_cells() -> None:
    """By hand: positives 5 and 8, negatives 45 and 2; (45 x 8 + 45 x 5 / 2 + 2 x 8 / 2) / (47 x 13)."""
    reference = Calibrated(np.array([0.1, 0.8]), np.array([100, 100]), np.array([False, True]))

    found = estimate(reference, [50, 10], "roc_auc")
    assert found is not None
    assert found.value == pytest.approx((45 * 8 + 45 * 5 / 2 + 2 * 8 / 2) / (47 * 13))
    assert found.low < found.value < found.high


def test_without_predictions_or_positive_answers_there_is_no_estimate() -> None:
    never = Calibrated(np.array([0.1, 0.2]), np.array([100, 100]), np.array([False, False]))

    assert estimate(never, [0, 0]) is None
    assert estimate(never, [5, 5], "precision") is None


def test_a_bin_with_few_labels_leans_on_its_neighbours() -> None:
    """One lucky label of five does not make a bin's rate a fifth when its score and all others say a hundredth."""
    cells = [[990, 10], [4, 1], [500, 500]]

    rates = calibrated(cells, [0.01, 0.012, 0.5], [False, False, True]).rate
    assert rates[1] < 0.2
    assert rates[2] == pytest.approx(0.5, abs=0.01)
