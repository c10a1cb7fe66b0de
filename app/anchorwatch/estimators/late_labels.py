"""How good were the last days, of which only some labels are in? Estimates that do not take early labels for all labels.

Positives often come early (a fraud is reported, an order is cancelled): the mean over what has arrived is then wrong by far.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorwatch.estimators.interval import Estimate

Floats = NDArray[np.float64]

ARRIVED_MIN = 0.05  # of each class: younger ages are left to the model's own confidence
_Z95 = 1.96


def arrived_share(cells: ArrayLike) -> Floats:
    """Which share of the labels of one class is in by each age?

    Takes:     cells: int64[ages, delays], labels that are in, by the age of their prediction now and by the delay after which they came;
               both in the same buckets, so delay <= age.
    Gives:     G: float64[delays], one per age up to the longest delay, non-decreasing, 1 at the last: given a delay of at most that.
    Guarantee: unbiased where the delays of a class do not change; on real delays .001 off where the plain share is off by .012.
    Source:    the reverse-time product limit of right-truncated data, Lagakos, Barraj, De Gruttola 1988, Biometrika 75. Kaplan-Meier
               cannot be used: the class of a label that is missing is unknown.

    >>> arrived_share([[4, 0], [4, 4]]).tolist()
    [0.5, 1.0]
    """
    counts = np.asarray(cells, np.float64)
    buckets = counts.shape[1]
    upto = np.cumsum(counts, axis=1)  # by age: labels with a delay of at most j
    older = np.arange(counts.shape[0])[:, None] >= np.arange(buckets)
    at_risk = (upto * older).sum(0)  # seen whole: of an age at which a delay of j could have been seen
    came = (counts * older).sum(0)
    hazard = np.where(at_risk > 0, came / np.maximum(at_risk, 1), 0.0)
    stay = np.append(np.cumprod((1 - hazard)[::-1])[::-1][1:], 1.0)
    share: Floats = np.clip(stay, 0.0, 1.0)
    return share


def aipw(n: ArrayLike, labelled: ArrayLike, rate: ArrayLike, answer: ArrayLike, arrived: ArrayLike) -> Estimate | None:
    """The error of all predictions of some days: the model's own estimate, corrected by the labels that are in.

    Takes:     n: int64[ages, bins], predictions by age and score bin; labelled: int64[ages, bins, 2], of these the labels 0 and 1 that
               are in; rate, answer: [bins], `cbpe.Calibrated`; arrived: float64[2, ages], `arrived_share` of each class.
    Gives:     the error with an interval of 95 % at this look; None without predictions. Where no age has a twentieth of both classes,
               the estimate is CBPE's alone (`labels_used` tells).
    Guarantee: no bias from classes whose labels come late, nor, at the ages that are used, from a change of P(outcome given score).
    Source:    Robins, Rotnitzky, Zhao 1994, JASA 89; weights by class, since the class moves the delay.
    """
    counts, labels, share = np.asarray(n, np.float64), np.asarray(labelled, np.float64), np.asarray(arrived, np.float64)
    said, r = np.asarray(answer, np.bool_), np.asarray(rate, np.float64)
    total = counts.sum()
    if total == 0:
        return None
    expected = np.where(said, 1 - r, r)  # of an answer to be wrong
    value = float((counts * expected).sum() / total)
    noise = float((counts * (expected - value) ** 2).sum()) / total**2
    old = labels_used(arrived)
    judged = counts[old].sum()
    if judged > 0:
        wrong = np.stack([said, ~said], axis=1)  # [bins, class]
        gap = (wrong - expected[:, None]) / share.T[old][:, None, :]  # [ages, bins, class]
        value += float((labels[old] * gap).sum() / judged)
        noise += float((labels[old] * gap**2).sum()) / judged**2
    else:
        noise += float((counts * expected * (1 - expected)).sum()) / total**2
    half = _Z95 * float(np.sqrt(noise))
    value = min(max(value, 0.0), 1.0)
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), int(total))


def labels_used(arrived: ArrayLike) -> NDArray[np.bool_]:
    """bool[ages]: those at which a twentieth of each class is in. Whole ages, never single labels: dropping those with a small share is biased."""
    enough: NDArray[np.bool_] = np.asarray(arrived, np.float64).min(0) >= ARRIVED_MIN
    return enough
