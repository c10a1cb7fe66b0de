"""What does each symbol say against "nothing is wrong"? Tables of log gains, one row per bet.

`table[k, s]` is what bet k gains when symbol s is seen. A table is valid when `sum_s q[s] exp(table[k, s]) <= 1` for every distribution
q on the good side of the line; then the product of the gains is a bet nobody can expect to win while the line is respected.
Source: Shin, Ramdas, Rinaldo, "E-detectors", NEJSDS 2023, arXiv 2203.03532.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LAM: Floats = np.exp(np.linspace(np.log(0.15), np.log(3.0), 6))  # effects in log-odds; one grid serves every line from .001 to .9
BETS = (0.05, 0.1, 0.2, 0.4, 0.65, 0.9)  # share of what the best symbol could cost a bet; 1 would end it at its first good symbol
PLACE, SPREAD = (0.1, 0.3, 0.6, 0.9), (0.3, 0.9)
LINE_MIN = 1e-6  # a line at 0 or 1 would call one symbol impossible: a single slip would page


class Heal(NamedTuple):
    """How a table's monitors show that they are well again: scores in [0, 1] for the mirrored 0/1 detector (detection.md 2.6).

    score: float64[monitors, scores, S]; line: float64[monitors, K], the largest mean still fine in the sense of row k, where the score
    counts as it is when up[k] and as 1 - score otherwise; of_row: int64[K], which score row k speaks about; up: bool[K].
    gain: float64[monitors, scores, 6, S], the log gains of the mirrored bets themselves, where a score would hide the return; or None.
    """

    score: Floats
    line: Floats
    of_row: NDArray[np.int64]
    up: NDArray[np.bool_]
    gain: Floats | None = None


def bernoulli(line: ArrayLike) -> Floats:
    """Is the mean of a 0/1 stream above `line`?

    Takes:     line: float64[...], clipped to [1e-6, 1 - 1e-6]. Values in [0, 1] serve as well, as counts (n - sum, sum).
    Gives:     float64[..., 6, 2], rows over LAM, symbols 0 and 1: `lam x - ln(1 - line + line e^lam)`.
    Guarantee: mean gain factor <= 1 for every mean <= line, = 1 on the line.
    Source:    the exponential family of arXiv 2203.03532, section 4.
    """
    psi = np.log1p(np.clip(np.asarray(line, np.float64), LINE_MIN, 1 - LINE_MIN)[..., None] * np.expm1(LAM))
    return np.stack([-psi, LAM - psi], axis=-1)


def promise(values: ArrayLike, bets: Sequence[float] = BETS) -> Floats:
    """Has the mean of `values[symbol]` fallen below 0?

    Takes:     values: float64[S], at least one above 0. F1 >= f: TP 2 - 2f, FP -f, FN -f, TN 0; precision, recall, any F-beta, money alike.
    Gives:     float64[bets, S]: `ln(1 - b v / max v)`.
    Guarantee: mean gain factor <= 1 while the mean value is >= 0.
    Raises:    ValueError when no symbol has a value above 0 (F1 >= 1): nothing could ever keep such a promise.
    Source:    betting on bounded means, Waudby-Smith and Ramdas 2024, JRSS-B 86(1), section 4.
    """
    v = np.asarray(values, np.float64)
    if not np.isfinite(v).all() or v.max() <= 0:
        raise ValueError(f"promise: values {v.tolist()} need one that is finite and above 0; lower the promise below its maximum")
    return np.stack([np.log1p(-b * v / v.max()) for b in bets])


def promise_heal(values: ArrayLike, bets: Sequence[float] = BETS) -> Heal:
    """The one score of a promise: 1 at the best symbol, 0 at the worst; it breaks downwards. For one monitor; see `stack`."""
    v = np.asarray(values, np.float64)
    span = max(float(v.max() - v.min()), 1e-12)
    score, line = (v - v.min()) / span, float(v.max()) / span
    rows = len(bets)
    return Heal(score[None, None], np.full((1, rows), min(line, 1.0)), np.zeros(rows, np.int64), np.zeros(rows, np.bool_))


def rank_scores(q: ArrayLike) -> tuple[Floats, Floats]:
    """Place and spread of each reference bin.

    Takes: q: float64[S], the bins' shares of the reference, sum 1; empty bins at the end are padding.
    Gives: z: float64[S], mean of 2u - 1 inside each bin, u the rank in the reference; p2: float64[S], mean of (3z^2 - 1) / 2.
           Both have mean exactly 0 under q; z in [-1, 1], p2 in [-.5, 1].
    """
    f = np.clip(2 * np.concatenate([[0.0], np.cumsum(np.asarray(q, np.float64))]) - 1, -1.0, 1.0)
    a, b = f[:-1], f[1:]
    return (a + b) / 2, (a * a + a * b + b * b) / 2 - 0.5  # integral of (3z^2 - 1)/2 over [a, b], divided without cancellation


def rank_tilt(q: ArrayLike, p_within: float = 0.0, p2_within: float = 0.0) -> Floats:
    """Has a histogram moved against its reference, in place or in spread?

    Takes:     q: float64[S], as `rank_scores`; p_within: P(live > reference) may lie in .50 +- p_within, so |E[2u - 1]| <= 2 p_within;
               p2_within: |E[P2]| may reach it.
    Gives:     float64[12, S]: eight place rows (up, down in turn), four spread rows (wider, narrower in turn).
    Guarantee: mean gain factor <= 1 inside both tolerances.
    Source:    Legendre scores of ranks; betting as in `promise`.
    """
    z, p2 = rank_scores(q)
    rows = [np.log1p(sign * e * z) - np.log1p(e * 2 * p_within) for e in PLACE for sign in (1, -1)]
    rows += [np.log1p(sign * e * p2) - np.log1p(e * p2_within) for e in SPREAD for sign in (1, -1)]
    return np.stack(rows)


def rank_heal(q: ArrayLike, p_within: float = 0.0, p2_within: float = 0.0) -> Heal:
    """Scores (1 + z) / 2 and (p2 + .5) / 1.5 of one monitor, lines at its tolerances; see `stack`."""
    z, p2 = rank_scores(q)
    place, spread = [0.5 + p_within] * 2, [(p2_within + 0.5) / 1.5, (p2_within + 1.0) / 1.5]
    line = np.minimum(np.array(place * len(PLACE) + spread * len(SPREAD)), 1.0)
    rows = 2 * (len(PLACE) + len(SPREAD))
    of_row = (np.arange(rows) >= 2 * len(PLACE)).astype(np.int64)
    return Heal(np.stack([(1 + z) / 2, (p2 + 0.5) / 1.5])[None], line[None], of_row, np.arange(rows) % 2 == 0)


def calibration(r: ArrayLike, within: ArrayLike = 0.0) -> Floats:
    """Do outcomes still come as often as each score bin promises?

    Takes:     r: float64[B], the share of positive outcomes to be expected in each score bin; within: how far it may move, in log-odds,
               one for all or one each.
    Gives:     float64[12, 2 B], symbols (bin, outcome) with the outcome fastest: six rows for "more often", six for "more rarely".
    Guarantee: mean gain factor <= 1 while each bin's rate is within the tolerance, whatever the mix of the bins.
    Source:    as `bernoulli`, one line per bin.
    """
    low, high = _moved(r, within)
    lam = np.concatenate([LAM, -LAM])[:, None]
    psi = np.log1p(np.where(lam > 0, high, low) * np.expm1(lam))
    return np.stack([-psi, lam - psi], axis=2).reshape(len(lam), -1)


def calibration_heal(r: ArrayLike, within: ArrayLike = 0.0) -> Heal:
    """Two scores, outcome minus the rate at the upper and at the lower tolerance, rescaled to [0, 1]; see `stack`.

    While each bin is beyond its tolerance the mean score is beyond the line, whatever the mix of the bins. The mirrored bets are those of
    each bin (`gain`): a mean over bins of .02 and .9 varies so much that 30,000 events did not show a return.
    """
    scores, lines = [], []
    low, high = _moved(r, within)
    mirrored = [np.log1p(edge * np.expm1(sign * LAM)[:, None]) for edge, sign in ((high, -1), (low, 1))]
    gain = [np.stack([-psi, sign * LAM[:, None] - psi], axis=2).reshape(len(LAM), -1) for psi, sign in zip(mirrored, (-1, 1), strict=True)]
    for edge in (high, low):
        least, span = float(edge.max()), float(edge.max() + 1 - edge.min())  # outcome - edge lies in [-max, 1 - min]
        scores.append(np.stack([least - edge, least + 1 - edge], axis=1).reshape(-1) / span)
        lines.append(least / span)
    half = len(LAM)
    line = np.repeat([lines[0], 1 - lines[1]], half)
    return Heal(np.stack(scores)[None], line[None], np.repeat([0, 1], half), np.arange(2 * half) < half, np.stack(gain)[None])


def _moved(r: ArrayLike, within: ArrayLike) -> tuple[Floats, Floats]:
    """The rates, moved by `within` log-odds down and up."""
    rate, by = np.clip(np.asarray(r, np.float64), LINE_MIN, 1 - LINE_MIN), np.asarray(within, np.float64)
    logit = np.log(rate / (1 - rate))
    return 1 / (1 + np.exp(by - logit)), 1 / (1 + np.exp(-by - logit))


def stack(heals: Sequence[Heal]) -> Heal:
    """Heals of several monitors of one table kind; narrower ones are padded with symbols that never occur.

    Raises: ValueError when their rows do not mean the same.
    """
    first = heals[0]
    alike = [
        np.array_equal(h.of_row, first.of_row) and np.array_equal(h.up, first.up) and (h.gain is None) == (first.gain is None)
        for h in heals
    ]
    if not all(alike):
        raise ValueError("stack: tables of different kinds in one bank; give each kind a bank of its own")
    symbols = max(h.score.shape[-1] for h in heals)
    wide = [np.pad(h.score, ((0, 0), (0, 0), (0, symbols - h.score.shape[-1]))) for h in heals]
    gains = [np.pad(h.gain, ((0, 0),) * 3 + ((0, symbols - h.gain.shape[-1]),)) for h in heals if h.gain is not None]
    gain = np.concatenate(gains) if gains else None
    return Heal(np.concatenate(wide), np.concatenate([h.line for h in heals]), heals[0].of_row, heals[0].up, gain)
