"""How are a model's predictions used? Delays of decisions, and the reasons that people give when they decide otherwise."""

from collections import Counter

import numpy as np

from anchorwatch.stages.columns import Objects
from anchorwatch.watches.base import Ints

REASONS_MAX = 8  # told apart; the others together. Each costs a part of the watch's share of the budget
REASON_ROWS_MIN = 30  # rarer: no line could be drawn for it


def habits(predictions: Objects, at: Ints, decisions: Objects, decided: Ints) -> tuple[tuple[float, float], tuple[str, ...]]:
    """(p50, p95) of the seconds between prediction and decision, (0, 0) without any; reasons of overrides, most frequent first."""
    made = dict(zip((each.prediction_id for each in predictions), at.tolist(), strict=True))
    found = [(max(when - made[each.prediction_id], 0) / 1000, each) for each, when in zip(decisions, decided.tolist(), strict=True)
             if each.prediction_id in made]  # fmt: skip
    if not found:
        return (0.0, 0.0), ()
    p50, p95 = np.quantile([delay for delay, _ in found], [0.5, 0.95])
    reasons = Counter(each.reason for _, each in found if each.reason)
    often = sorted((reason for reason, n in reasons.items() if n >= REASON_ROWS_MIN), key=lambda reason: (-reasons[reason], reason))
    return (float(p50), float(p95)), tuple(often[:REASONS_MAX])
