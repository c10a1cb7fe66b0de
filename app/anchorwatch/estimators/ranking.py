"""Do scores put the right ones first? ROC AUC and PR AUC from two score histograms that add over tasks and windows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorwatch.estimators.interval import Estimate, at_this_look

Floats = NDArray[np.float64]

DRAWS = 200
_SEED = 20_261_125  # an interval asked for twice is the same


def roc_auc(cells: ArrayLike) -> float | None:
    """How often a positive scores above a negative; equal bins count half.

    Takes:     cells: int64[bins, 2], labels 0 and 1 by score bin, bins ascending.
    Gives:     in [0, 1]; None with one class only.
    Guarantee: equals scikit-learn's roc_auc_score on the binned scores; with 32 quantile bins within .003 of the unbinned one.
    Source:    Mann and Whitney 1947.

    >>> roc_auc([[8, 1], [1, 4]])
    0.8444444444444444
    """
    value = float(_roc(np.asarray(cells, np.float64)[None])[0])
    return value if np.isfinite(value) else None


def pr_auc(cells: ArrayLike) -> float | None:
    """Average precision: the mean precision over the recall gained, from the highest score down.

    Takes, gives: as `roc_auc`; None without a positive label.
    Guarantee:    equals scikit-learn's average_precision_score on the binned scores.
    """
    value = float(_precision(np.asarray(cells, np.float64)[None])[0])
    return value if np.isfinite(value) else None


def with_interval(cells: ArrayLike, metric: str = "roc_auc") -> Estimate | None:
    """metric: roc_auc or pr_auc, with an interval of 95 % at this look, from 200 multinomial draws of the cells. Cost: 1 ms."""
    counts = np.asarray(cells, np.int64)
    score = {"roc_auc": _roc, "pr_auc": _precision}[metric]
    value, n = float(score(counts[None].astype(np.float64))[0]), int(counts.sum())
    if not np.isfinite(value):
        return None
    draws = np.random.default_rng(_SEED).multinomial(n, counts.reshape(-1) / n, DRAWS).reshape(DRAWS, *counts.shape)
    return at_this_look(score(draws.astype(np.float64)), value, n)


def _roc(cells: Floats) -> Floats:
    """cells: float64[draws, bins, 2]; NaN with one class only."""
    negative, positive = cells[..., 0], cells[..., 1]
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = negative.sum(1) * positive.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Floats = (below * positive).sum(1) / pairs
    return share


def _precision(cells: Floats) -> Floats:
    """cells: float64[draws, bins, 2]; NaN without a positive label."""
    down = cells[:, ::-1]
    hits, called = np.cumsum(down[..., 1], axis=1), np.cumsum(down.sum(2), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Floats = (down[..., 1] * hits / np.maximum(called, 1)).sum(1) / hits[:, -1]
    return share
