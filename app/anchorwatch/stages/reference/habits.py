"""How do people react to a model's predictions? Delays of decisions and complaints, and the words they use most: reasons and kinds."""

from collections import Counter

import numpy as np

from anchorwatch.stages.columns import Objects
from anchorwatch.watches.base import Ints

WORDS_MAX = 8  # told apart; the others together. Each costs a part of the watch's share of the budget
ROWS_MIN = 30  # rarer: no line could be drawn for it


def habits(predictions: Objects, at: Ints, events: Objects, made_ms: Ints, word: str) -> tuple[tuple[float, float], tuple[str, ...]]:
    """(p50, p95) of the seconds between prediction and event, (0, 0) without any; what stands in their field `word`, most frequent first."""
    known = dict(zip((each.prediction_id for each in predictions), at.tolist(), strict=True))
    found = [(max(when - known[each.prediction_id], 0) / 1000, getattr(each, word)) for each, when in zip(events, made_ms.tolist(), strict=True)
             if each.prediction_id in known]  # fmt: skip
    if not found:
        return (0.0, 0.0), ()
    p50, p95 = np.quantile([delay for delay, _ in found], [0.5, 0.95])
    counts = Counter(said for _, said in found if said)
    often = sorted((said for said, n in counts.items() if n >= ROWS_MIN), key=lambda said: (-counts[said], said))
    return (float(p50), float(p95)), tuple(often[:WORDS_MAX])
