"""What came of what the scores said, for people: the reliability table, its error, and the errors of the last days while labels still come."""

from typing import TYPE_CHECKING, NamedTuple

from anchorwatch.estimators.calibration import calibration_error, reliability
from anchorwatch.estimators.cbpe import estimate
from anchorwatch.estimators.interval import Estimate
from anchorwatch.watches.base import Ints

if TYPE_CHECKING:
    from anchorwatch.stages.recent import Recent

LABELS_MIN = 30  # for a number
Table = list[list[float | int | None]]


def cells_of(recent: "Recent", since_ms: int = -1) -> Ints | None:
    """int64[groups, 2]: outcomes of the whole by score group; None where scores promise nothing."""
    scores = recent.layout.scores
    if scores is None or scores.cells.key not in recent.keys:
        return None
    cells: Ints = recent.total(scores.cells.key, since_ms)[0].reshape(-1, 2)
    return cells


def moved(recent: "Recent", since_ms: int) -> Estimate | None:
    """By how much answers turn out otherwise than in the reference, over score groups, without the share of luck."""
    cells, scores = cells_of(recent, since_ms), recent.layout.scores
    return None if cells is None or scores is None else calibration_error(cells, scores.calibrated.rate)


def table(recent: "Recent", since_ms: int) -> Table:
    """Of each score group: mean score, positive share in the reference, positive share that came, its interval, labels."""
    cells, scores = cells_of(recent, since_ms), recent.layout.scores
    if cells is None or scores is None:
        return []
    found = reliability(cells, scores.said)
    columns = (found.said, scores.calibrated.rate, found.came, found.low, found.high)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [[*(round(x, 4) if n else None for x in row), n] for row, n in zip(rows, found.n.tolist(), strict=True)]


def said(recent: "Recent") -> Estimate | None:
    """By how much scores differ from what came, over score groups, without the share of luck; None with few labels."""
    cells, scores = cells_of(recent), recent.layout.scores
    found = None if cells is None or scores is None else calibration_error(cells, scores.said)
    return found if found is not None and found.n >= LABELS_MIN else None


class LastDays(NamedTuple):
    """Errors of the last days: by the scores alone, corrected by the labels that are in, and whether these two differ beyond chance."""

    expected: Estimate
    corrected: Estimate
    labels: int
    span_ms: int
    apart: bool


def last_days(recent: "Recent") -> LastDays | None:
    """None before labels wait, or where scores promise nothing."""
    arrivals, arrived = recent.layout.arrivals, recent.arrived
    if arrivals is None or arrived is None:
        return None
    found = arrivals.estimate(arrived)
    expected = estimate(arrivals.scores.calibrated, found.live) if found is not None else None
    if found is None or expected is None:
        return None
    apart = found.error.low > expected.high or found.error.high < expected.low
    return LastDays(expected, found.error, found.labels, found.span_ms, apart)
