"""Which of many slices is the worst, and beyond doubt worse than it may be? What is put on trial (detection.md 6)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.estimators.interval import beta_binomial_interval
from anchorwatch.watches.base import WHOLE, Floats
from anchorwatch.watches.layout import Layout

SIZE_MIN = 200  # labelled predictions of a slice
WEIGHT = 0.95  # of a cell's error against its size; with .6 an eighth of the traffic with twice the error scores below 0
WEIGHT_OF_PAIR = 0.98  # with .95 a sixteenth with twice the error scores hardly above 0, a 64th needs 4.3 times
ERRORS = ("error@late", "accuracy@late")  # subjects whose line is one of errors
WEEK_MS = 7 * 86_400_000
REST_MIN = 30  # predictions outside of a slice, to say that it is worse than they are
REST_SDS = 2.0  # beyond them: of hundreds of slices of a whole that is bad everywhere the luckiest would be tried
TRIED_MAX = 16  # slices whose interval is asked for in a window, best first


class Line(NamedTuple):
    """Of the whole."""

    line: float
    reference: float | None
    monitors: tuple[str, ...]  # keys of the monitors that judge the error of the whole


def line_of_whole(layout: Layout) -> Line | None:
    """Up to which the error of the whole is fine; None while nothing is known or promised of it."""
    found = [m for m in layout.monitors if m.watch == "quality" and m.segment == WHOLE and m.subject in ERRORS]
    if not found:
        return None
    line = min(m.streams[0].line for m in found)
    return Line(line, next((m.reference for m in found if m.reference is not None), None), tuple(m.key for m in found))


def score(n: Floats, k: Floats, total: Floats | float, wrong: Floats | float, weight: float = WEIGHT) -> Floats:
    """float64[slices]: how much worse than all, against how small. Source: Sagadeeva, Boehm 2021, SliceLine, SIGMOD, definition 1.

    >>> score(np.array([100.0, 10.0]), np.array([40.0, 4.0]), 200.0, 50.0).round(3).tolist()
    [0.52, -0.38]
    """
    size = np.maximum(n, 1.0)
    return weight * (k / size * total / np.maximum(wrong, 1e-9) - 1) - (1 - weight) * (total / size - 1)


def faded(week: int, to_ms: int) -> tuple[int, float]:
    """The week of that time, and what is left of counts of `week`: half of them for each week since. week: -1: there are none yet.

    >>> faded(2, 4 * WEEK_MS)
    (4, 0.25)
    """
    now = to_ms // WEEK_MS
    return now, 0.5 ** min(now - week, 60) if week >= 0 else 1.0


def limits(line: float, rest: Floats) -> Floats:
    """float64[slices]: the error that each has to surpass: the line; where what lies outside of it is over that, this, beyond its own luck.

    rest: float64[slices, 2], n and wrong outside of each. 1 where too little is left to tell.

    >>> limits(0.1, np.array([[800.0, 65.0], [500.0, 60.0]])).round(3).tolist()
    [0.1, 0.149]
    """
    n, k = rest.T
    size = np.maximum(n, 1.0)
    rate = np.clip(k / size, 0.0, 1.0)
    over = rate + REST_SDS * np.sqrt(rate * (1 - rate) / size)
    found: Floats = np.where(n < REST_MIN, 1.0, np.where(rate > line, over, line))
    return found


def worst(seen: Floats, scores: Floats, line: Floats, phi: Floats, free: NDArray[np.bool_]) -> int | None:
    """The slice of the best score above 0 whose error lies above its line by interval. None: no such.

    seen: float64[slices, 2], n and wrong; line, phi: float64[slices]; free: which may be asked.
    """
    n, k = seen.T
    asked = np.where(free & (n >= SIZE_MIN) & (k > n * line), scores, 0.0)
    for i in np.argsort(-asked, kind="stable")[:TRIED_MAX].tolist():
        if asked[i] <= 0:
            return None
        if beta_binomial_interval(float(k[i]), float(n[i]), phi=float(phi[i]))[0] > line[i]:
            return int(i)
    return None
