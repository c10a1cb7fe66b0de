"""Losses against scikit-learn and river."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import metrics as river_metrics
from sklearn import metrics as oracle

from anchorwatch.estimators.losses import brier_losses, log_losses, mean_loss, quantile_loss


def test_log_loss_and_brier_are_scikit_learns_and_rivers() -> None:
    rng = np.random.default_rng(1)
    scores, ones = rng.random(500), rng.random(500) < 0.4
    log_loss = river_metrics.LogLoss()
    for one, score in zip(ones.tolist(), scores.tolist(), strict=True):
        log_loss.update(one, score)

    mean = mean_loss(float(log_losses(scores, ones).sum()), 500)
    assert mean == pytest.approx(oracle.log_loss(ones, scores))
    assert mean == pytest.approx(log_loss.get())
    assert brier_losses(scores, ones).mean() == pytest.approx(oracle.brier_score_loss(ones, scores))


def test_certainty_that_is_wrong_costs_much_but_not_infinity() -> None:
    assert log_losses([0.0, 1.0, 1.0], [True, False, True]).round(1).tolist() == [13.8, 13.8, 0.0]


@settings(deadline=None)
@given(st.floats(0.01, 0.99), st.lists(st.tuples(st.floats(-100, 100), st.floats(-10, 10)), min_size=1, max_size=30))
def test_every_quantile_loss_comes_from_two_sums(q: float, rows: list[tuple[float, float]]) -> None:
    truth, error = np.array(rows).T

    found = quantile_loss(q, len(truth), float(error.sum()), float(np.abs(error).sum()))
    assert found == pytest.approx(oracle.mean_pinball_loss(truth, truth - error, alpha=q), abs=1e-9)


def test_without_events_there_is_no_loss() -> None:
    assert mean_loss(0.0, 0) is None
    assert quantile_loss(0.5, 0, 0.0, 0.0) is None
