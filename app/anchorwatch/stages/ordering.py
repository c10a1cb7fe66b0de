"""How well do scores order what came, for people: ROC AUC of the labels that were counted lately, with an interval."""

from typing import TYPE_CHECKING

from anchorwatch.estimators.interval import Estimate
from anchorwatch.estimators.ranking import roc_auc, with_interval
from anchorwatch.watches.base import Ints
from anchorwatch.watches.ordering import judged

if TYPE_CHECKING:
    from anchorwatch.stages.recent import Recent

LABELS_MIN = 30  # for a number of the whole


def cells_of(recent: "Recent", since_ms: int = -1) -> Ints | None:
    """int64[segments, bins, 2]: labels by score bin; None where nothing orders them."""
    ranks = judged(recent.layout)
    if ranks is None or ranks.cells.key not in recent.keys:
        return None
    return recent.total(ranks.cells.key, since_ms).reshape(len(recent.layout.segments), -1, 2)


def ordered(recent: "Recent", row: int, since_ms: int = -1) -> Estimate | None:
    """Of one segment; None without a label of either class. 1 ms."""
    cells = cells_of(recent, since_ms)
    return None if cells is None else with_interval(cells[row])


def every(recent: "Recent", since_ms: int) -> list[tuple[float | None, tuple[float, float] | None, int]]:
    """Value, interval and labels of each segment; an interval, which costs 1 ms, of the whole alone."""
    cells, segments = cells_of(recent, since_ms), recent.layout.segments
    if cells is None:
        return [(None, None, 0)] * len(segments)
    found = ordered(recent, 0, since_ms)
    interval = (found.low, found.high) if found is not None else None
    return [(roc_auc(each), interval if row == 0 else None, int(each.sum())) for row, each in enumerate(cells)]


def without(recent: "Recent", parent: int, row: int, since_ms: int) -> tuple[float | None, int]:
    """ROC AUC, and labels, of a segment without another that lies in it."""
    cells = cells_of(recent, since_ms)
    if cells is None:
        return None, 0
    rest = cells[parent] - cells[row]
    return roc_auc(rest), int(rest.sum())


def told(recent: "Recent") -> dict[str, str]:
    """What a summary says of the whole, where its order is judged."""
    found = ordered(recent, 0) if 0 in recent.layout.ordered else None
    if found is None or found.n < LABELS_MIN:
        return {}
    return {"auc": f"ROC AUC {found.value:.3g} [{found.low:.3g}, {found.high:.3g}] over {found.n} labels"}
