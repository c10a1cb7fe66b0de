"""Where does the line lie? Reference counts, tolerance, luck and clumping made into monitors, for every watch alike (detection.md 2.3, 2.4)."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.estimators.lines import line_above, luck
from anchorwatch.estimators.tables import rank_heal, rank_tilt
from anchorwatch.watches.base import Monitor, Stream, Tilt

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

ERROR_POINTS, ERROR_SHARE = 0.01, 0.10  # by how much errors may rise: points, and share of the reference's
EVENTS_MIN = 300  # of reference for a 0/1 line
RANKS_MIN = 500  # of reference for a histogram
PROMISE_DAYS = 3_000.0  # N / share of a usual monitor: luck grows with its logarithm only, so the order of magnitude is enough
NAMED_MAX = 30


def luck_of(layout: "Layout") -> float:
    """z for the sampling error of the reference: promised run length against days of reference."""
    assert layout.reference is not None, "a line from the reference needs one"
    return _luck(layout.reference.days)


@cache
def _luck(days: float) -> float:
    return float(luck(PROMISE_DAYS / days))


def line_of(layout: "Layout", monitor: str, k: float, n: float, tolerance: float, stream: int = 0, streams: int = 1) -> float:
    """The printed line of a 0/1 stream: the reference's mean plus the tolerance, or Wilson's upper end for a lucky reference."""
    phi = layout.phi(monitor, streams)[stream]
    return float(line_above(k, n, tolerance, phi, luck_of(layout)))


def error_line(layout: "Layout", monitor: str, k: int, n: int, more: float = 0.0) -> float:
    """Of a share of wrong answers: a tenth above the reference's, a point at least; `more` where that is wider still."""
    return line_of(layout, monitor, k, n, max(ERROR_POINTS, ERROR_SHARE * k / n, more))


def tilt_monitor(
    layout: "Layout", watch: str, subject: str, key: str, row: int, segment: str, place: float, spread: float, clear_days: float
) -> list[Monitor]:
    """A histogram against its reference, in place and spread; none where the reference is too small or constant."""
    counts = layout.reference_counts(key)
    if counts is None or counts[row].sum() < RANKS_MIN or (counts[row] > 0).sum() < 2:
        return []
    n = float(counts[row].sum())
    q = counts[row] / n
    z = luck_of(layout)
    within = (place + z / np.sqrt(12 * n), spread + z / np.sqrt(5 * n))
    table = rank_tilt(q, *within)
    labels = ("place",) * 8 + ("spread",) * (len(table) - 8)
    tilt = Tilt(key, np.arange(len(q)), table, rank_heal(q, *within), labels)
    return [Monitor(watch, subject, segment, row, False, clear_days, (), tilt, 0.5, "rank", "mean rank", subject, place)]


def category_monitor(
    layout: "Layout", watch: str, subject: str, key: str, row: int, segment: str, labels: Sequence[str], within: float, clear_days: float
) -> list[Monitor]:
    """Two streams per named category, up and down, each beyond `within` of its share in the reference."""
    counts = layout.reference_counts(key)
    if counts is None or counts[row].sum() < RANKS_MIN:
        return []
    n = int(counts[row].sum())
    symbols = np.arange(len(counts[row]))
    monitor = f"{watch}:{subject}/{segment}"
    total = 2 * len(symbols)
    streams: list[Stream] = []
    for code, label in enumerate(labels):
        k = int(counts[row, code])
        others = symbols[symbols != code]
        up = line_of(layout, monitor, k, n, within, len(streams), total)
        streams.append(Stream(key, symbols, symbols[code : code + 1], up, "up", label))
        down = line_of(layout, monitor, n - k, n, within, len(streams), total)
        streams.append(Stream(key, symbols, others, down, "down", label))
    return [Monitor(watch, subject, segment, row, False, clear_days, tuple(streams), None, None, "1", "share", subject, within)]
