"""What does each answer cost? Losses per event whose sums add; a mean loss is a sum over its count.

Binary scores: log loss and Brier. Numbers: the quantile (pinball) loss of any quantile, from two sums alone.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SCORE_MIN = 1e-6  # a score of exactly 0 or 1 that is wrong costs 13.8, not infinity


def log_losses(scores: ArrayLike, ones: ArrayLike) -> Floats:
    """-ln of the probability given to what came.

    Takes:     scores: float64[n] in [0, 1], of the positive class; ones: bool[n], did it come. NaN stays NaN: leave it out of the sum.
    Gives:     float64[n] in [0, 13.8]: scores are moved inside [1e-6, 1 - 1e-6].
    Guarantee: the mean equals scikit-learn's log_loss of the moved scores.
    """
    p = np.clip(np.asarray(scores, np.float64), SCORE_MIN, 1 - SCORE_MIN)
    losses: Floats = -np.log(np.where(np.asarray(ones, np.bool_), p, 1 - p))
    return losses


def brier_losses(scores: ArrayLike, ones: ArrayLike) -> Floats:
    """Squared distance of score and outcome, float64[n] in [0, 1]; the mean equals scikit-learn's brier_score_loss."""
    losses: Floats = (np.asarray(scores, np.float64) - np.asarray(ones, np.bool_)) ** 2
    return losses


def mean_loss(total: float, n: int) -> float | None:
    """None without events."""
    return total / n if n else None


def quantile_loss(q: float, n: int, error_sum: float, abs_error_sum: float) -> float | None:
    """Mean pinball loss of answers that are meant as the q-quantile.

    Takes:     error = truth - answer; its sum and the sum of its size. Every quantile comes from these two.
    Gives:     None without events.
    Guarantee: equals scikit-learn's mean_pinball_loss(alpha=q).
    Source:    q max(e, 0) + (1 - q) max(-e, 0) = |e| / 2 + (q - 1/2) e; Koenker, Bassett 1978, Econometrica 46.

    >>> quantile_loss(0.9, 2, error_sum=1.0 - 3.0, abs_error_sum=4.0)
    0.6
    """
    assert 0 < q < 1, f"quantile {q}: must lie between 0 and 1"
    return None if n == 0 else (abs_error_sum / 2 + (q - 0.5) * error_sum) / n
