"""Into which bins does a numeric column fall? At most 32, cut where the reference has equal shares."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorwatch.errors import NotFinite

LONG = 1_500  # values of a column from which comparing it with every edge is cheaper than a search for each value
BINS_MAX = 32  # more would cost a symbol each in every window and show no shift that 32 hide
Floats = NDArray[np.float64]


class Bins(NamedTuple):
    """edges: float64[bins - 1], ascending: bin b holds (edges[b - 1], edges[b]]; mass: float64[bins], shares, sum 1; n: rows behind."""

    edges: Floats
    mass: Floats
    n: int


def reference_bins(values: ArrayLike, bins_max: int = BINS_MAX) -> Bins:
    """Bins of a reference column.

    Takes:  values: float64[n], finite, missing ones left out; bins_max >= 2.
    Gives:  one bin per value when there are at most bins_max distinct ones (cut half-way between neighbours), one bin for a constant;
            else equal shares, where a value that fills more than a share has a bin of its own. n = 0: one bin, mass (0.,).
    Raises: NotFinite for NaN or infinity.

    >>> bins = reference_bins([1, 1, 1, 2, 5])
    >>> bins.edges.tolist(), bins.mass.tolist()
    ([1.5, 3.5], [0.6, 0.2, 0.2])
    """
    x = np.asarray(values, np.float64)
    if not np.isfinite(x).all():
        raise NotFinite(f"{int((~np.isfinite(x)).sum())} of {len(x)} reference values are NaN or infinite: give missing values as missing")
    distinct = np.unique(x)
    if len(distinct) <= bins_max:
        middle = distinct[:-1] / 2 + distinct[1:] / 2  # halves first: the sum of two huge values would overflow
        edges = np.where(middle < distinct[1:], middle, distinct[:-1])  # between neighbours of the last bit there is no middle
    else:
        edges = _equal_shares(x, distinct, bins_max)
    return Bins(edges, p_mass(np.bincount(digitize(x, edges), minlength=len(edges) + 1)), len(x))


def _equal_shares(x: Floats, distinct: Floats, bins_max: int) -> Floats:
    """Quantiles that are values of the column; where several coincide, the value before them is an edge too: ties get their own bin."""
    quantiles = np.quantile(x, np.arange(1, bins_max) / bins_max, method="inverted_cdf")
    edges, times = np.unique(quantiles, return_counts=True)
    tied = np.searchsorted(distinct, edges[times > 1])
    edges = np.union1d(edges, distinct[tied[tied > 0] - 1])
    inner: Floats = edges[edges < distinct[-1]]  # an edge at the largest value would leave the last bin empty
    return inner


def digitize(values: ArrayLike, edges: Floats) -> NDArray[np.int64]:
    """int64[n]: the bin of each value, -1 for NaN (missing); outside of the reference, infinity too, counts in the bin at that end."""
    x = np.asarray(values, np.float64)
    bins = _passed(x, edges) if len(x) >= LONG and len(edges) < BINS_MAX else np.searchsorted(edges, x).astype(np.int64, copy=False)
    bins[np.isnan(x)] = -1
    return bins


def _passed(x: Floats, edges: Floats) -> NDArray[np.int64]:
    """How many edges lie below each value. One comparison of the whole column per edge: 8 ns a value, a search for each takes 27."""
    n, beyond = np.zeros(len(x), np.uint8), np.empty(len(x), np.bool_)
    for edge in edges.tolist():
        np.greater(x, edge, out=beyond)
        n += beyond.view(np.uint8)
    return n.astype(np.int64)


def p_mass(counts: ArrayLike) -> Floats:
    """float64[bins]: counts as shares; all 0 without events."""
    n = np.asarray(counts, np.float64)
    share: Floats = n / max(float(n.sum()), 1.0)
    return share
