"""Table 7: the error of the last seven days, of which only some labels are in."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator

from anchorwatch.estimators.calibration import score_edges
from anchorwatch.estimators.cbpe import Calibrated, calibrated, estimate
from anchorwatch.estimators.late_labels import aipw, arrived_share
from anchorwatch.estimators.reference_bins import digitize

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

A_DAY, DAYS, LOOK, PER_DAY = 400, 60, 7, 4  # predictions; days of history; days asked about; age buckets of a day
POSITIVE_D, NEGATIVE_D = 3.0, 12.0  # mean days until a label is in
SHIFT_DAYS = 30  # the change of concept is that old
RULES = ("arrived only", "Hajek, by class and age", "CBPE", "AIPW, by class and age", "wait 14 d")


class Stream(NamedTuple):
    """Predictions of the last DAYS days, as columns: age and delay in buckets, score bin, outcome, was the answer wrong."""

    age: Ints
    delay: Ints
    bin: Ints
    one: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


def table(effort: Effort) -> Table:
    runs = effort(5, 200, 600)
    how = (
        f"{A_DAY} predictions a day with a weekly swing and campaigns, 20 % positive; positives are known after {POSITIVE_D:g} days in the mean, "
        f"negatives after {NEGATIVE_D:g}; a reference of 28 days with all labels. Root mean square error against what all labels show in the end, "
        f"{runs} streams; with a change of concept of 5 points that is {SHIFT_DAYS} days old."
    )
    found = Table(
        7, "Late labels", how, ["estimate of the error of the last 7 days", "no change", "+5 points of errors", "bias", "bias, +5 points"]
    )
    gaps = {shift: np.array([_gaps(shift, run) for run in range(runs)]) for shift in (0.0, 0.05)}
    rmse = {shift: [_root(column) for column in gaps[shift].T] for shift in gaps}
    bias = {shift: gaps[shift].mean(0) for shift in gaps}
    for i, rule in enumerate(RULES):
        found.rows.append([rule, rmse[0.0][i], rmse[0.05][i], f"{bias[0.0][i]:+.4f}", f"{bias[0.05][i]:+.4f}"])
    ours = RULES.index("AIPW, by class and age")
    found.bounds = [
        Bound("AIPW, RMSE without change", rmse[0.0][ours], 0.013),
        Bound("AIPW, RMSE with a change of concept", rmse[0.05][ours], 0.013),
    ]
    return found


def _root(gaps: Floats) -> Figure:
    """Root mean square with the interval that its mean square has."""
    square = gaps**2
    half = 1.96 * float(square.std(ddof=1)) / np.sqrt(len(square))
    low, value, high = np.sqrt(np.maximum([square.mean() - half, square.mean(), square.mean() + half], 0)).tolist()
    return Figure(value, low, high, len(gaps))


def _gaps(shift: float, run: int) -> list[float]:
    rng = generator(7, run, int(100 * shift))
    reference, edges = _reference(rng)
    stream = _stream(rng, shift, edges)
    asked = stream.age < LOOK * PER_DAY
    known = stream.delay <= stream.age
    truth = float(stream.wrong[asked].mean())
    share = np.stack([_share(stream, known, c) for c in (False, True)])
    mine = asked & known
    weight = 1 / np.maximum(share[stream.one[mine].astype(int), stream.age[mine]], 1e-9)
    bins, ages = len(reference.rate), LOOK * PER_DAY
    n = _counts(stream.age[asked] * bins + stream.bin[asked], ages * bins).reshape(ages, bins)
    labelled = _counts((stream.age[mine] * bins + stream.bin[mine]) * 2 + stream.one[mine], 2 * ages * bins).reshape(ages, bins, 2)
    before, corrected = estimate(reference, n.sum(0)), aipw(n, labelled, reference.rate, reference.answer, share[:, :ages])
    assert before is not None, "there were predictions"
    assert corrected is not None, "there were predictions"
    old = (stream.age >= 14 * PER_DAY) & (stream.age < 21 * PER_DAY) & (stream.delay <= 14 * PER_DAY)
    plain = stream.wrong[mine].mean()
    hajek = (weight * stream.wrong[mine]).sum() / weight.sum()
    return [float(v) - truth for v in (plain, hajek, before.value, corrected.value, stream.wrong[old].mean())]


def _counts(cells: Ints, size: int) -> Ints:
    return np.bincount(cells, minlength=size)


def _share(stream: Stream, known: NDArray[np.bool_], one: bool) -> Floats:
    """The arrival curve of a class, from all labels that are in."""
    mine = known & (stream.one == one)
    buckets = DAYS * PER_DAY
    return arrived_share(_counts(stream.age[mine] * buckets + stream.delay[mine], buckets * buckets).reshape(buckets, buckets))


def _scored(rng: np.random.Generator, n: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores of which a fifth are right to say yes; half of the errors are positives below .5."""
    scores = rng.beta(0.35, 1.4, n)
    return scores, rng.random(n) < scores


def _reference(rng: np.random.Generator) -> tuple[Calibrated, Floats]:
    scores, one = _scored(rng, 28 * A_DAY)
    edges = score_edges(scores, 0.5)
    bins, size = digitize(scores, edges), len(edges) + 1
    said = np.bincount(bins, scores, size) / np.bincount(bins, minlength=size)
    return calibrated(_counts(2 * bins + one, 2 * size).reshape(size, 2), said, said >= 0.5), edges


def _stream(rng: np.random.Generator, shift: float, edges: Floats) -> Stream:
    day = np.arange(DAYS)
    daily = rng.poisson(A_DAY * np.where(day % 7 >= 5, 0.6, 1.16) * np.where(rng.random(DAYS) < 0.06, 3, 1))
    age_d = np.repeat(day, daily) + rng.random(int(daily.sum()))
    scores, one = _scored(rng, len(age_d))
    error = float(((scores >= 0.5) != one).mean())
    flipped = (age_d < SHIFT_DAYS) & (rng.random(len(one)) < shift / (1 - 2 * error))
    one ^= flipped
    delay_d = rng.exponential(np.where(one, POSITIVE_D, NEGATIVE_D))
    age, delay = (np.floor(x * PER_DAY).astype(np.int64) for x in (age_d, delay_d))
    return Stream(age, delay, digitize(scores, edges), one, (scores >= 0.5) != one)
