"""Which monitors have hours of the week of their own? Their usual rates by local hour, where these differ by what matters (detection.md 2.4).

Of the whole and the first segments alone: each stream that has hours is 168 numbers in the reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from anchorwatch.estimators.lines import line_above
from anchorwatch.estimators.season import CELLS, HOUR_MS, season_known
from anchorwatch.watches.base import Floats, Ints, Monitor, Stream
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.lines import luck_of
from anchorwatch.watches.pace import DAY_HOURS, DAYS_MIN, WEEKS_DAYS, cell_of

ROWS_MAX = 40  # segments, with the whole; smaller ones have the line of the whole week
STREAMS_MAX = 300  # of a reference, a kB each; above: those that swing the least have the line of the whole week
SWING_MIN = 0.25  # of what the line leaves: a smaller swing neither alarms nor blunts
DAYS = {"day": DAYS_MIN, "week": WEEKS_DAYS}  # of reference, at least

Hours = Mapping[str, Sequence[tuple[int, Ints]]]  # count key -> (hour since 1970, int64[rows, symbols]), ascending
Series = tuple[Ints, Floats, Floats]  # hours, events, ones


def asked_for(layout: Layout) -> bool:
    """Does the contract want hours, and is its reference long enough to know them?"""
    kind, known = layout.contract.reference.season, layout.reference
    return kind != "none" and known is not None and known.days >= DAYS[kind]


def seasons(layout: Layout, hours: Hours) -> dict[str, Floats]:
    """Monitor key -> float64[streams, 168], usual rates; only where they differ from the whole week's beyond luck and by what matters.

    Of an hour that few events stand behind it is the rate that leaves its line no lower than the upper end of what the rate may be.
    """
    assert layout.reference is not None, "asked of references alone"
    bare = Layout(layout.contract, replace(layout.reference, counts={}, phi={}), layout.watches)
    promised = {monitor.key for monitor in bare.monitors}
    found: list[tuple[bool, float, str, Floats]] = []
    for monitor in layout.monitors:
        if not monitor.streams or monitor.row >= ROWS_MAX or monitor.key in promised or monitor.streams[0].key not in hours:
            continue
        rates = np.stack([_rates(layout, monitor, stream, hours) for stream in monitor.streams])
        swing = max(_swing(each, stream, layout, monitor) for each, stream in zip(rates, monitor.streams, strict=True))
        if swing > SWING_MIN:
            found.append((monitor.news, swing, monitor.key, rates.astype("<f4").astype(np.float64)))  # as they are written
    found.sort(key=lambda each: (each[0], -each[1], each[2]))  # news takes what is left
    held = np.cumsum([len(rates) for *_, rates in found])
    return {key: rates for (_, _, key, rates), streams in zip(found, held.tolist(), strict=True) if streams <= STREAMS_MAX}


def left_over(layout: Layout, monitor: Monitor, rates: Floats, hours: Hours, together: int) -> list[tuple[Floats, Floats]]:
    """Per stream what `clumping` takes: ones minus those that the hours explain, and their variance, in stretches of `together` hours."""
    found = []
    for stream, usual in zip(monitor.streams, rates, strict=True):
        at, n, k = _series(monitor, stream, hours)
        expected = usual[_cells(layout, at)]
        place = (at - at[0]) // together
        miss: Floats = np.bincount(place, k - n * expected).astype(np.float64)
        toss: Floats = np.bincount(place, n * expected * (1 - expected)).astype(np.float64)
        found.append((miss, toss))
    return found


def _series(monitor: Monitor, stream: Stream, hours: Hours) -> Series:
    found = hours[stream.key]
    row = monitor.row if stream.n_row is None else stream.n_row
    n = np.array([dense[row, stream.n].sum() for _, dense in found], np.float64)
    k = np.array([dense[monitor.row, stream.k].sum() for _, dense in found], np.float64)
    return np.array([hour for hour, _ in found], np.int64), n, n - k if stream.complement else k


def _rates(layout: Layout, monitor: Monitor, stream: Stream, hours: Hours) -> Floats:
    at, n, k = _series(monitor, stream, hours)
    cells, size = _cells(layout, at), CELLS
    if layout.contract.reference.season == "day":
        cells, size = cells % DAY_HOURS, DAY_HOURS
    rates, behind = season_known(np.bincount(cells, k, size), np.bincount(cells, n, size))
    upper = line_above(rates * behind, behind, 0.0, 1.0, luck_of(layout))
    tolerated = stream.line - (layout.usual(monitor, stream) or 0.0)
    usual: Floats = np.clip(np.maximum(rates, upper - tolerated), 0.0, 1.0)
    return np.tile(usual, CELLS // size)


def _cells(layout: Layout, at: Ints) -> Ints:
    return np.array([cell_of(int(hour) * HOUR_MS, layout.contract.timezone) for hour in at], np.int64)


def _swing(rates: Floats, stream: Stream, layout: Layout, monitor: Monitor) -> float:
    """How far the hours lie from the week's mean, in units of the distance to the line."""
    mean = layout.usual(monitor, stream)
    return 0.0 if mean is None else float(np.abs(rates - mean).max() / max(stream.line - mean, 1e-9))
