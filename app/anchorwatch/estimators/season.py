"""What is usual at this hour of the week? A reference of 168 cells, each drawn to the mean as far as its own counts are noise."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS = 168  # hours of a week
WEEKS_MIN = 4  # of reference: with two, up to 1.3 false pages where one is promised
HOUR_MS = 3_600_000
_MONDAY_MS = 4 * 24 * HOUR_MS  # 1970-01-01 was a Thursday: the first Monday


def hour_of_week(at_ms: ArrayLike, offset_ms: ArrayLike = 0) -> Ints:
    """int64[...] in 0..167, 0 the hour after midnight on Monday. offset_ms: of the business' wall clock to UTC at that time.

    >>> hour_of_week([0, 4 * 86_400_000]).tolist()
    [72, 0]
    """
    local = np.asarray(at_ms, np.int64) + np.asarray(offset_ms, np.int64)
    cell: Ints = (local - _MONDAY_MS) // HOUR_MS % CELLS
    return cell


def season_rates(k: ArrayLike, n: ArrayLike) -> Floats:
    """The usual rate of each cell.

    Takes:     k of n: int64[cells, ...], what the reference counted in each hour of the week, over at least four weeks.
    Gives:     float64[cells, ...]: `(k_h + kap p) / (n_h + kap)`; the mean p of all where no cell differs from it beyond chance.
    Guarantee: empirical: with a line on these rates, .4 to .7 false pages where one is promised, under a swing of half the rate.
    Source:    empirical Bayes with a beta prior by moments, Efron and Morris 1973, JASA 68.
    """
    return season_known(k, n)[0]


def season_known(k: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """The usual rate of each cell, and how many events stand behind it: its own and those that the mean lends it (`kap`).

    Takes: as `season_rates`. Gives: float64[cells, ...] each; the second at most the whole week's.
    """
    kk, nn = np.asarray(k, np.float64), np.asarray(n, np.float64)
    total = np.maximum(nn.sum(0), 1.0)
    p = kk.sum(0) / total
    seen = nn > 0
    own = np.where(seen, kk / np.maximum(nn, 1.0), p)
    cells = np.maximum(seen.sum(0), 1)
    weight = nn / total
    spread = (weight * (own - p) ** 2).sum(0)
    chance = p * (1 - p) * (cells - 1) / total  # what tosses alone would spread
    signal = np.maximum(spread - chance, 0.0) / np.maximum(1 - (weight**2).sum(0), 1e-9)
    with np.errstate(divide="ignore"):
        kap = np.where(signal > 0, np.maximum(p * (1 - p) - signal, 0.0) / np.where(signal > 0, signal, 1.0), np.inf)
    pull = np.where(np.isinf(kap), 1.0, kap / np.maximum(np.where(np.isinf(kap), 1.0, kap) + nn, 1e-300))
    rates: Floats = (1 - pull) * own + pull * p
    behind: Floats = np.minimum(nn + np.where(np.isinf(kap), total, kap), total)
    return rates, behind


def season_lines(rates: ArrayLike, mean: ArrayLike, line: ArrayLike) -> Floats:
    """The line of each cell: as far above its usual rate as the whole week's line is above the week's mean (`lines.line_above`).

    Takes: rates: float64[cells, ...]; mean, line: float64[...], of the whole week.
    Gives: float64[cells, ...], at most 1 - 1e-6.
    """
    lines: Floats = np.minimum(np.asarray(rates, np.float64) + (np.asarray(line, np.float64) - np.asarray(mean, np.float64)), 1 - 1e-6)
    return lines


def mixed_line(share: ArrayLike, lines: ArrayLike) -> Floats:
    """The whole's line under the mix of a block: `sum of share[s] lines[s]`. A benign change of mix is then no drop of quality.

    Takes: share: float64[segments], sum 1, known before any label; lines: float64[segments].
    """
    line: Floats = (np.asarray(share, np.float64) * np.asarray(lines, np.float64)).sum(-1)
    return line
