"""Up to which value do we not care? Lines from a reference: tolerance, luck of the sample, clumping in time (detection.md 2.3, 2.4)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BEYOND_CHANCE = 1.645  # one-sided 95 %: what the spread of q stretches may show by chance
STRETCHES_MIN = 30  # the longest scale is a 30th of the reference: fewer stretches cannot tell a spread


def luck(ratio: ArrayLike) -> Floats:
    """How far above the measured rate must the line lie, in standard errors, for a reference that is shorter than the promise?

    Takes:     ratio: float64[...], promised run length over length of the reference, in one unit ((N / share) days over days).
    Gives:     z: float64[...], `.25 + .75 log10(ratio)` between .5 and 3.
    Guarantee: empirical: at most .39 false alarms where 1 is promised, rates .002 to .5, 300 to 20,000 labels, ratios 10 to 1,000.
    """
    return np.clip(0.25 + 0.75 * np.log10(np.maximum(np.asarray(ratio, np.float64), 1.0)), 0.5, 3.0)


def line_above(k: ArrayLike, n: ArrayLike, tol: ArrayLike = 0.0, phi: ArrayLike = 1.0, z: ArrayLike = 1.645) -> Floats:
    """The line above a reference rate: the rate plus the tolerance, or Wilson's upper end, whichever is higher.

    Takes:  k of n: float64[...], what the reference counted; tol: in units of the rate; phi >= 1: `clumping`; z: `luck`.
    Gives:  line: float64[...] in (0, 1 - 1e-6]; n = 0 gives nearly 1: nothing is known, nothing can be beyond it.
    Source: Wilson 1927, JASA 22; with half a success added, so that k = 0 has a line too.
    """
    kk, nn, wide, z = (
        np.asarray(k, np.float64) + 0.5,
        np.asarray(n, np.float64) + 1.0,
        np.asarray(phi, np.float64),
        np.asarray(z, np.float64),
    )
    p = kk / nn
    kk, nn = kk / wide, nn / wide
    upper = (kk + z * z / 2 + z * np.sqrt(kk * (nn - kk) / nn + z * z / 4)) / (nn + z * z)
    line: Floats = np.minimum(np.maximum(p + np.asarray(tol, np.float64), upper), 1 - 1e-6)
    return line


def clumping(miss: ArrayLike, toss: ArrayLike) -> tuple[Floats, Floats]:
    """How much wider than coin tosses do the counts spread, at the worst time scale?

    Takes:     miss: float64[stretches, ...] in time order, sum minus expected sum (k - n p; of scores, the sum of the centred score);
               toss: float64[stretches, ...], its variance if events were independent (n p (1 - p)).
    Gives:     phi: float64[...] >= 1, by which the gains of a bet are divided; growth: float64[...], above 1.6 the memory is longer than
               this reference can show. Fewer than 2 stretches: (1, 1).
    Guarantee: empirical, no theorem: holds up to a memory of a 90th of the reference. The worst stretch of each scale is left out, so
               that one forgotten incident does not deafen; a scale counts only when it is beyond chance.
    """
    miss, toss = np.asarray(miss, np.float64), np.asarray(toss, np.float64)
    phi = np.ones(miss.shape[1:])
    spreads: list[Floats] = []
    scale = max(len(miss) // STRETCHES_MIN, 1)
    while scale >= 1 and len(miss) // scale >= 2:
        q = len(miss) // scale
        spread = _spread(_sums(miss, q, scale) ** 2, _sums(toss, q, scale))
        chance = 1 + BEYOND_CHANCE * np.sqrt(2 / (q - 1))
        phi = np.maximum(phi, np.where(spread > chance, spread * chance, 1.0))
        spreads.append(spread)
        scale //= 2
    if not spreads:
        return phi, np.ones(miss.shape[1:])
    return phi, spreads[0] / np.maximum(spreads[min(2, len(spreads) - 1)], 1.0)


def _sums(x: Floats, q: int, scale: int) -> Floats:
    sums: Floats = x[: q * scale].reshape(q, scale, *x.shape[1:]).sum(1)
    return sums


def _spread(square: Floats, expected: Floats) -> Floats:
    """Mean square over its expectation without the largest square; 1 where nothing was expected (no events)."""
    worst = square.argmax(0)[None]
    above = square.sum(0) - np.take_along_axis(square, worst, 0)[0]
    below = expected.sum(0) - np.take_along_axis(expected, worst, 0)[0]
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), 1.0)
