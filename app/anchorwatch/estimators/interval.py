"""Between which values does the truth lie, however often one looks? The intervals people see; detection never uses them."""

from math import lgamma, log, log1p, pi, sqrt

_STEPS = 60  # halvings: 1e-18 of the unit interval
_Z95 = 1.96


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
