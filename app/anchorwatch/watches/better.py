"""Did the error fall by far? That is news, not harm: a better model, a leak and labels that stay away look alike (detection.md 7).

Judged against the reference alone, at `late`, on the counts of the error itself with the line on their other side, twice as far away: the error
must fall by two points and by a fifth of itself. It is told once, as `info`, on a list of the budget of its own; it shares the clumping of the
error that it mirrors, and whoever accepts it moves the line of that too.
"""

from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.estimators.tables import promise, promise_heal
from anchorwatch.watches.base import NEWS_RUNBOOK, Explained, Ints, Monitor, Seen, Stream, Tilt
from anchorwatch.watches.lines import EVENTS_MIN, line_of

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

FELL, FELL_SHARE, FELL_MOST = 0.02, 0.20, 0.50  # points, and share of the reference's error; of a small error half of it is enough
ERROR_MIN = 0.01  # of the reference: half of less is not half a point, which nobody cares about
CLEAR_DAYS = 1.0
ERROR, ABS_ERROR = "lower.error@late", "lower.abs_error@late"


def fewer_errors(layout: "Layout", row: int, segment: str, key: str, side: int) -> list[Monitor]:
    """key: of the confusion cells at `late`, label * side + answer."""
    counts = layout.reference_counts(key)
    if counts is None:
        return []
    cells = counts[row, : side * side].reshape(side, side)
    n, right = int(cells.sum()), int(np.trace(cells))
    if n < EVENTS_MIN or n - right < ERROR_MIN * n:
        return []
    error, like = 1 - right / n, f"quality:error@late/{segment}"
    line = line_of(layout, like, right, n, fall_of(error))
    every: Ints = np.arange(side * side)
    stream = Stream(key, every, every[every % side == every // side], line, "down", "wrong")
    return [
        Monitor(
            "quality", ERROR, segment, row, False, CLEAR_DAYS, (stream,), None, error, "1", "error", ERROR, 1 - line, news=True, like=like
        )
    ]


def smaller_errors(layout: "Layout", row: int, segment: str, key: str, usual: float, unit: float) -> list[Monitor]:
    """key: of the bins of |e| / unit at `late`, the last symbol those without a label. usual: the reference's mean |e| itself.

    Means of the bins' upper edges are compared with each other; they lie half a bin above the errors, in the reference as now.
    """
    counts = layout.reference_counts(key)
    if counts is None:
        return []
    binned, like = counts[row, :-1], f"quality:abs_error@late/{segment}"
    upper, n = (np.arange(len(binned)) + 1) / len(binned), int(binned.sum())
    if n < EVENTS_MIN:
        return []
    mean = float((binned * upper).sum() / n)
    variance = float((binned * (upper - mean) ** 2).sum() / n)
    line = mean * (1 - FELL_SHARE) - 2 * float(np.sqrt(variance * layout.phi(like, 1)[0] / n))
    if line <= upper[0]:  # no error could be smaller than what the first bin holds
        return []
    table, heal = promise(upper - line), promise_heal(upper - line)
    tilt = Tilt(key, np.arange(len(upper)), table, heal, ("abs_error",) * len(table))
    shown = max(usual + (line - mean) * unit, 0.0)
    return [
        Monitor(
            "quality", ABS_ERROR, segment, row, False, CLEAR_DAYS, (), tilt, usual, "1", "abs_error", ABS_ERROR, shown, news=True, like=like
        )
    ]


def fall_of(error: float) -> float:
    """By how much an error must fall.

    >>> [round(fall_of(error), 3) for error in (0.02, 0.05, 0.27)]
    [0.01, 0.02, 0.054]
    """
    return min(max(FELL, FELL_SHARE * error), FELL_MOST * error)


def explain(seen: Seen) -> Explained:
    where = seen.where
    now, was = seen.current or 0.0, seen.reference or 0.0
    low, high = seen.interval or (None, None)
    unknown = low is None or high is None
    if seen.subject == ERROR:
        span = "" if unknown else f" [{100 * (low or 0):.3g}, {100 * (high or 0):.3g}]"
        text = f"Answers{where} are wrong {100 * now:.3g} %{span} of the time, was {100 * was:.3g} %"
    else:
        span = "" if unknown else f" [{low:.3g}, {high:.3g}]"
        text = f"The mean error{where} is {'not measurable' if seen.current is None else f'{now:.3g}'}{span}, was {was:.3g}"
    over = now > was - (fall_of(was) if seen.subject == ERROR else FELL_SHARE * was)  # not the line: that may be of one hour of the week
    return Explained("QualityRose", f"{text}: {'no longer better' if over else 'ask why before you celebrate'}.", NEWS_RUNBOOK)
