"""Between which values does the truth lie, however often one looks? The intervals people see; detection never uses them."""

from collections.abc import Sequence
from math import lgamma, log, log1p, pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BETS: Floats = np.exp(np.linspace(np.log(0.002), np.log(0.9), 24))  # of `mean_interval`: small ones for many events, large ones for few
_STEPS = 60  # halvings: 1e-18 of the unit interval
_Z95 = 1.96


class Estimate(NamedTuple):
    """A number for people, between which values it lies, and the events behind it."""

    value: float
    low: float
    high: float
    n: int


def beta_binomial_interval(k: float, n: float, alpha: float = 0.05, phi: float = 1.0) -> tuple[float, float]:
    """All rates p that a beta(1/2, 1/2) bettor against p has not ruled out.

    Takes:     k ones among n events, 0 <= k <= n; phi >= 1 (lines.clumping) makes both count less.
    Gives:     (low, high) within [0, 1]; n = 0 gives (0, 1), k = 0 a low of 0, k = n a high of 1.
    Cost:      .03 ms.
    Guarantee: misses the true rate at any look, ever, with chance <= alpha.
    Source:    Robbins 1970, Ann. Math. Stat. 41, mixture martingale: `B(k + .5, n - k + .5) / B(.5, .5) < p^k (1 - p)^(n - k) / alpha`.

    >>> low, high = beta_binomial_interval(50, 1_000)
    >>> round(low, 4), round(high, 4)
    (0.0287, 0.0792)
    """
    assert 0 <= k <= n, f"{k} ones among {n} events: the counts of two streams were mixed"
    assert phi >= 1, f"phi is {phi}: clumping is never below 1"
    k, n = k / phi, n / phi
    if n == 0:
        return 0.0, 1.0
    ruled_out = log(1 / alpha) - (lgamma(k + 0.5) + lgamma(n - k + 0.5) - lgamma(n + 1.0) - log(pi))

    def edge(inside: float, outside: float) -> float:
        for _ in range(_STEPS):
            p = (inside + outside) / 2
            if p == 1.0:  # what is left of the events after phi rules out nothing that a float can tell from 1
                return 1.0
            wealth = -(k * log(p) if k else 0.0) - ((n - k) * log1p(-p) if k < n else 0.0)
            inside, outside = (p, outside) if wealth < ruled_out else (inside, p)
        return inside

    centre = min(max(k / n, 1e-15), 1 - 1e-15)
    return (0.0 if k == 0 else edge(centre, 0.0)), (1.0 if k == n else edge(centre, 1.0))


def quantile_interval_ranks(n: float, q: float, phi: float = 1.0) -> tuple[float, float]:
    """Between which ranks does the q-quantile of n events lie, at this look, with 95 %?

    Takes:  n events, 0 < q < 1; phi: clumping.
    Gives:  (low, high), ranks in [0, n], for `latency_histogram.at_rank`: `n q +- 1.96 sqrt(phi n q (1 - q))`.
    Source: the binomial law of how many events lie below the true quantile (David, Nagaraja 2003, Order Statistics, 7.1).

    >>> quantile_interval_ranks(10_000, 0.5)
    (4902.0, 5098.0)
    """
    assert 0 < q < 1, f"quantile {q}: must lie between 0 and 1"
    half = _Z95 * sqrt(phi * n * q * (1 - q))
    return max(n * q - half, 0.0), min(n * q + half, float(n))


def mean_interval(counts: ArrayLike, values: ArrayLike, alpha: float = 0.05, phi: float = 1.0) -> tuple[float, float]:
    """All means of `values[symbol]` that a bettor has not ruled out: money per prediction, a metric's difference.

    Takes:     counts: int64[S]; values: float64[S], finite, what each symbol is worth; phi: lines.clumping.
    Gives:     (low, high) within the values; no event gives their ends.
    Cost:      .8 ms with 20 symbols.
    Guarantee: misses the true mean at any look, ever, with chance <= alpha; no other assumption than that values are among these.
    Source:    betting on bounded means, Waudby-Smith and Ramdas 2024, JRSS-B 86(1), with a fixed mixture of bets, so that counts suffice.

    >>> low, high = mean_interval([500, 500], [0.0, 2.0])
    >>> round(low, 2), round(high, 2)
    (0.89, 1.11)
    """
    c, v = np.asarray(counts, np.float64) / phi, np.asarray(values, np.float64)
    assert phi >= 1, f"phi is {phi}: clumping is never below 1"
    if not np.isfinite(v).all() or c.shape != v.shape:
        raise ValueError(f"mean_interval: {c.shape} counts of values {v.tolist()}; needs one finite value per symbol")
    low, high = float(v.min()), float(v.max())
    if c.sum() == 0 or low == high:
        return low, high
    mean = float((c * v).sum() / c.sum())
    return _lowest_mean(c, v, mean, alpha / 2), -_lowest_mean(c, -v, -mean, alpha / 2)


def _lowest_mean(c: Floats, v: Floats, inside: float, alpha: float) -> float:
    """The lowest mean not ruled out by bets that it is higher, found by halving."""
    outside, ruled_out = float(v.min()), log(1 / alpha)
    for _ in range(_STEPS):
        m = (inside + outside) / 2
        if not outside < m < inside:
            break
        gains = np.log1p(BETS[:, None] * (v - m) / (m - v.min()))  # a bet loses at most its share of what it has
        wealth = float(np.logaddexp.reduce((gains * c).sum(1))) - log(len(BETS))
        inside, outside = (inside, m) if wealth >= ruled_out else (m, outside)
    return outside


def difference(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The interval of mean a minus mean b from those of two arms; each may miss with its own part of alpha.

    >>> difference((0.10, 0.12), (0.07, 0.08))
    (0.02, 0.05)
    """
    return round(a[0] - b[1], 12), round(a[1] - b[0], 12)


def at_this_look(draws: Sequence[float] | Floats, value: float, n: int) -> Estimate:
    """95 % of the draws that could be taken; those that are no number are left out. Not valid for ever, unlike the intervals above."""
    finite = np.asarray(draws, np.float64)
    finite = finite[np.isfinite(finite)]
    low, high = (float(x) for x in np.quantile(finite, [0.025, 0.975])) if len(finite) else (value, value)
    return Estimate(value, min(low, value), max(high, value), n)
