"""Quality where truth is hidden: what is visible and what was explored joined by how many each stands for. For people; nothing is judged by it."""

from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.estimators.confusion import ConfusionMetrics
from anchorwatch.watches.base import Floats, Ints
from anchorwatch.watches.ordering import METRIC

if TYPE_CHECKING:
    from anchorwatch.stages.recent import Quality, Recent

EXPLORED_MIN = 30  # labelled: fewer do not stand for all that is hidden
Z95 = 1.96


def joined(recent: "Recent", since_ms: int, make: type["Quality"]) -> "list[Quality] | None":
    """One per segment. Where too little was explored there is no number, since what is visible is not all; n counts labels of both."""
    hidden = recent.layout.hidden
    key = recent.key_of("confusion@late")
    if hidden is None or key is None:
        return None
    visible, explored = recent.total(key, since_ms), recent.total(hidden.cells.key, since_ms)
    return [_quality(recent, v, e, make) for v, e in zip(visible, explored, strict=True)]


def _quality(recent: "Recent", visible: Ints, explored: Ints, make: type["Quality"]) -> "Quality":
    """visible: cells, then without a label; explored: cells, then without a label, then hidden."""
    promised = recent.layout.contract.promises.quality
    name, side = promised.metric if promised else "accuracy", len(recent.layout.classes) + 1
    seen, found = visible[:-1].reshape(side, side), explored[:-2].reshape(side, side)
    n_seen, n_found = int(seen.sum()), int(found.sum())
    all_seen, all_hidden = int(visible.sum()), int(explored.sum())
    if not n_seen or (all_hidden and n_found < EXPLORED_MIN) or name == METRIC:
        return make(name, None, None, n_seen + n_found)
    cells = seen * (all_seen / n_seen) + (found * (all_hidden / n_found) if n_found else 0.0)
    if name not in ("accuracy", "error"):
        metrics = ConfusionMetrics(recent.layout.classes, recent.layout.contract.labels.positive)
        metrics.add(np.rint(cells[:-1, :-1]).astype(np.int64))
        return make(name, metrics.value(name), None, n_seen + n_found)
    value = float(np.trace(cells) / cells.sum())
    share = all_hidden / (all_seen + all_hidden)
    half = Z95 * float(np.sqrt((1 - share) ** 2 * _noise(seen, n_seen) + (share**2 * _noise(found, n_found) if n_found else 0.0)))
    low, high = max(value - half, 0.0), min(value + half, 1.0)
    return (
        make(name, value, (low, high), n_seen + n_found)
        if name == "accuracy"
        else make(name, 1 - value, (1 - high, 1 - low), n_seen + n_found)
    )


def _noise(cells: Ints | Floats, n: int) -> float:
    """Variance of a share of right answers; half an answer of each kind more, so that none wrong is not certain."""
    right = (float(np.trace(cells)) + 0.5) / (n + 1)
    return right * (1 - right) / n


def told(recent: "Recent") -> dict[str, str]:
    """What a summary says of it."""
    hidden = recent.layout.hidden
    if hidden is None or hidden.cells.key not in recent.keys:
        return {}
    counts = recent.total(hidden.cells.key)[0]
    n, found = int(counts.sum()), int(counts[:-2].sum())
    if not n:
        return {}
    text = f"the truth of {n:,} answers {hidden.name!r} is hidden; {found:,} of them were explored"
    if found < EXPLORED_MIN:
        return {"hidden": f"{text}: {EXPLORED_MIN} are needed, so there is no number of all answers"}
    return {"hidden": f"{text} and stand for all"}
