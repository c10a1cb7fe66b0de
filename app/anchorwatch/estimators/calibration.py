"""Do the scores mean what they say? The reliability table, and one error that few labels do not blow up."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorwatch.estimators.interval import Estimate, beta_binomial_interval

Floats = NDArray[np.float64]

BINS, LABELS_MIN = 20, 100  # score bins at most, and labels behind each: fewer make its rate a guess
_Z95 = 1.96


def score_edges(scores: ArrayLike, threshold: float | None = None, bins_max: int = BINS, least: int = LABELS_MIN) -> Floats:
    """Where to cut scores into bins for `reliability` and `cbpe`.

    Takes:  scores: float64[n], finite, of labelled reference predictions; threshold: from which score the answer is positive.
    Gives:  edges: float64[bins - 1], ascending, for `reference_bins.digitize` (bin b holds (edges[b - 1], edges[b]]): equal shares, at
            least `least` scores in each; the threshold is an edge, so that each bin has one answer. No edge when there are too few scores.

    >>> score_edges([.1, .2, .3, .4, .6, .7, .8, .9], threshold=.5, least=2).round(9).tolist()
    [0.2, 0.5, 0.7]
    """
    x = np.sort(np.asarray(scores, np.float64))
    parts = [x] if threshold is None else [x[x < threshold], x[x >= threshold]]
    edges: list[float] = []
    for part in parts:
        bins = min(max(round(bins_max * len(part) / max(len(x), 1)), 1), len(part) // least or 1)
        inner = np.unique(np.quantile(part, np.arange(1, bins) / bins, method="inverted_cdf")) if bins > 1 else np.zeros(0)
        edges += inner[inner < part[-1]].tolist() if len(part) else []
    if threshold is not None:
        edges.append(float(np.nextafter(threshold, -np.inf)))  # the threshold itself is a positive answer
    return np.array(sorted(set(edges)))


class Reliability(NamedTuple):
    """Rows of the table, float64[bins]: mean score said, share of positive outcomes that came (NaN without labels), its interval, labels."""

    said: Floats
    came: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]


def reliability(cells: ArrayLike, said: ArrayLike, alpha: float = 0.05, phi: float = 1.0) -> Reliability:
    """What came of what each score bin said.

    Takes:     cells: int64[bins, 2], labels 0 and 1 by score bin; said: float64[bins], mean score of each bin; phi: lines.clumping.
    Guarantee: each row's interval misses at any look, ever, with chance <= alpha.
    Cost:      .03 ms a bin.
    """
    counts = np.asarray(cells, np.int64)
    n, k = counts.sum(1), counts[:, 1]
    came = np.where(n > 0, k / np.maximum(n, 1), np.nan)
    ends = [beta_binomial_interval(int(ones), int(all_), alpha, phi) for ones, all_ in zip(k, n, strict=True)]
    low, high = np.array(ends, np.float64).reshape(-1, 2).T
    return Reliability(np.asarray(said, np.float64), came, low, high, n)


def calibration_error(cells: ArrayLike, said: ArrayLike) -> Estimate | None:
    """Root mean square gap between what scores say and what comes, over bins, without the share that mere luck of few labels adds.

    Takes:     as `reliability`; bins with fewer than two labels are left out. None when no bin is left.
    Gives:     value, and an interval of 95 % at this look; 0 is in it when the gaps are no larger than luck.
    Guarantee: a perfect model of 1,000 labels in 10 bins shows .005 in the median, where the plain (ECE) form says .03.
    Source:    the unbiased estimate of Brocker 2012, Clim. Dyn. 39, and Kumar, Liang, Ma 2019, arXiv 1909.10155, 4.
    """
    counts = np.asarray(cells, np.int64)
    used = counts.sum(1) >= 2
    n, k, s = counts[used].sum(1).astype(np.float64), counts[used, 1].astype(np.float64), np.asarray(said, np.float64)[used]
    if not len(n):
        return None
    came, weight = k / n, n / n.sum()
    luck = came * (1 - came) / (n - 1)
    square = (came - s) ** 2 - luck
    value = float((weight * square).sum())
    # (k + .5) / (n + 1) in the variance: a bin of none or all ones is not known without error
    smooth = (k + 0.5) / (n + 1)
    noise = smooth * (1 - smooth) / n
    spread = _Z95 * float(np.sqrt((weight**2 * (4 * np.maximum(square, 0) * noise + 2 * noise**2)).sum()))
    low, root, high = np.sqrt(np.maximum([value - spread, value, value + spread], 0.0)).tolist()
    return Estimate(root, low, high, int(n.sum()))
