"""The model against other arms, for people: what it gains over a part of the traffic where nothing is done, and over a shadow's answers."""

from typing import NamedTuple

import numpy as np

from anchorwatch.estimators.interval import beta_binomial_interval, difference, mean_interval
from anchorwatch.stages.recent import Recent
from anchorwatch.watches.base import Floats, Ints
from anchorwatch.watches.baseline import BOTH, LABELS_MIN, MODEL_ALONE, NEITHER, SHADOW, SHADOW_ALONE, arms, raw_values

ALPHA_LARGE, ALPHA_SMALL = 0.01, 0.04  # of .05: the larger arm can afford the smaller part (detection.md 5.5)


class Uplift(NamedTuple):
    """Mean of the model less mean of the other, in money or shares, and between which values it lies."""

    value: float
    low: float
    high: float
    n: int  # labels of the model
    others: int
    unit: str  # 1: share of right answers


def by_arm(recent: Recent) -> Uplift | None:
    """None: no arm `baseline` came, or one of both has fewer than 30 labels. Holds however often one looks."""
    layout = recent.layout
    if arms(layout).key not in layout.counts:
        return None
    mine, theirs = np.split(recent.total(arms(layout).key)[0], 2)
    n, others, worth = int(mine.sum()), int(theirs.sum()), raw_values(layout)
    if min(n, others) < LABELS_MIN:
        return None
    alphas = (ALPHA_LARGE, ALPHA_SMALL) if n >= others else (ALPHA_SMALL, ALPHA_LARGE)
    baseline = layout.contract.baseline
    unit = baseline.value.unit if baseline and baseline.value else "1"
    low, high = difference(_interval(mine, worth, alphas[0], unit), _interval(theirs, worth, alphas[1], unit))
    return Uplift(float((mine * worth).sum() / n - (theirs * worth).sum() / others), low, high, n, others, unit)


def _interval(counts: Ints, worth: Floats, alpha: float, unit: str) -> tuple[float, float]:
    if unit == "1":
        return beta_binomial_interval(int(counts[worth == 1].sum()), int(counts.sum()), alpha)
    return mean_interval(counts, worth, alpha)


def by_shadow(recent: Recent) -> Uplift | None:
    """Share of answers that the model alone got right less those that the shadow alone did, of the same predictions; None: fewer than 30."""
    if SHADOW.key not in recent.layout.counts:
        return None
    counts = recent.total(SHADOW.key)[0]
    paired = counts[[BOTH, MODEL_ALONE, SHADOW_ALONE, NEITHER]]
    n = int(paired.sum())
    if n < LABELS_MIN:
        return None
    low, high = mean_interval(paired, np.array([0.0, 1.0, -1.0, 0.0]))
    return Uplift(float(counts[MODEL_ALONE] - counts[SHADOW_ALONE]) / n, low, high, n, n, "1")


def told(recent: Recent) -> dict[str, str]:
    """In words: what is known of other arms; nothing where none came."""
    found = {}
    if (uplift := by_arm(recent)) is not None:
        found["arms"] = (
            f"{_number(uplift)} than where nothing is done (arm baseline), by {uplift.n:,} labels of the model and {uplift.others:,} of the arm"
        )
    if (shadow := by_shadow(recent)) is not None:
        found["shadow"] = f"{_number(shadow)} than the shadow's answers to the same {shadow.n:,} predictions: agreement, not cause"
    return found


def _number(uplift: Uplift) -> str:
    if uplift.unit == "1":
        value, low, high = (100 * each for each in uplift[:3])
        return f"{value:+.3g} points [{low:.3g}, {high:.3g}] of right answers"
    return f"{uplift.value:+.3g} {uplift.unit} [{uplift.low:.3g}, {uplift.high:.3g}] a prediction"
