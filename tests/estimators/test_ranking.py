"""ROC AUC and average precision by counts against scikit-learn on the unfolded events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from anchorwatch.estimators.ranking import pr_auc, roc_auc, with_interval

cells = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12)


@settings(deadline=None)
@given(cells)
def test_both_areas_are_scikit_learns(counts: list[tuple[int, int]]) -> None:
    bins = np.repeat(np.arange(len(counts)), [a + b for a, b in counts])
    ones = np.concatenate([[0] * a + [1] * b for a, b in counts]) if len(bins) else np.zeros(0)

    if 0 < ones.sum() < len(ones):
        assert roc_auc(counts) == pytest.approx(oracle.roc_auc_score(ones, bins))
    else:
        assert roc_auc(counts) is None
    if ones.sum():
        assert pr_auc(counts) == pytest.approx(oracle.average_precision_score(ones, bins))
    else:
        assert pr_auc(counts) is None


def test_32_bins_lose_little() -> None:
    rng = np.random.default_rng(1)
    ones = rng.random(20_000) < 0.2
    scores = rng.normal(ones * 1.2, 1)
    bins = np.searchsorted(np.quantile(scores, np.arange(1, 32) / 32), scores)

    counts = np.bincount(2 * bins + ones, minlength=64).reshape(32, 2)
    assert roc_auc(counts) == pytest.approx(oracle.roc_auc_score(ones, scores), abs=0.003)


def test_its_interval_holds_the_true_area_at_this_look() -> None:
    """Positives score one standard deviation higher: AUC = .7602; 300 samples of 500."""
    rng, held = np.random.default_rng(2), 0
    for _ in range(300):
        ones = rng.random(500) < 0.3
        bins = np.clip(np.floor(rng.normal(ones * 1.0, 1) * 8) + 24, 0, 55).astype(int)
        found = with_interval(np.bincount(2 * bins + ones, minlength=112).reshape(56, 2))
        held += bool(found and found.low <= 0.7602 <= found.high)

    assert held / 300 >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 300)


def test_an_interval_asked_for_twice_is_the_same() -> None:
    counts = [[30, 3], [10, 9]]

    assert with_interval(counts, "pr_auc") == with_interval(counts, "pr_auc")
    assert with_interval([[5, 0]]) is None
