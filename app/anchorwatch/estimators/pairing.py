"""How often does a positive score above a negative of the same time? Labelled scores dealt into groups, each a fair draw of the ROC AUC."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

LEVELS = 32  # a draw is told in 32nds
WAITING_MAX = 1_000  # labels of one class that wait for the other; above: halved at random, so that old ones fade


def dealt(cells: Ints) -> Ints:
    """Draws of the AUC of live positives against live negatives, from labelled scores in bins.

    Takes:     cells: int64[rows, bins, 2], labels 0 and 1 by score bin, bins ascending: what one window counted in each segment.
    Gives:     int64[rows, LEVELS + 1]: how many draws came out at s / LEVELS. Each label of the commoner class is dealt at random to one
               of the rarer class; a draw is the share of such pairs in which the positive is higher (equal bins count half), rounded at
               random to one of the two levels beside it. Rows with one class only have no draw.
    Guarantee: given the labels of a window, every draw has the mean AUC(live positives, live negatives) exactly, whatever the two
               distributions and the mix of classes, and draws share no label: so a bet on their mean (`tables.promise`) is a fair one.
               The shift of all scores, or of the mix, moves nothing. Of 1,000 labels a day with AUC .84 -> .75, N / share = 3,000 d and
               .03 tolerated, classes 1:1, 1:9, 1:49: heard after 2.3, 3.8, 16 d. Ranks of both classes among a reference's in one table:
               1.4, 3.0, 14 d, and an alarm in half of the runs when all scores fall by .6 sd; in a table for each class: 10 to 30 d, and
               an alarm in nearly all at .3 sd.
    Cost:      45 ns a label of a large row, 90 of small ones, 50 us a call. The same cells give the same draws.
    Source:    Mann and Whitney 1947; betting on bounded means, Waudby-Smith and Ramdas 2024, JRSS-B 86(1).

    >>> dealt(np.array([[[3, 0], [0, 1]], [[2, 0], [2, 0]]]))[:, [0, 16, 32]].tolist()
    [[0, 0, 1], [0, 0, 0]]
    """
    found = np.zeros((len(cells), LEVELS + 1), np.int64)
    n = cells.sum(1)
    rows = np.flatnonzero(n.min(1) > 0)
    if not len(rows):
        return found
    rng, some = _rng(cells), cells[rows]
    rare = n[rows].argmin(1)  # equal: the negatives
    few, many = (some[np.arange(len(rows)), :, side] for side in (rare, 1 - rare))
    n_few, n_many = few.sum(1), many.sum(1)
    mine, theirs = _bins_of(few), _bins_of(many)
    to = (rng.random(len(theirs)) * np.repeat(n_few.astype(np.float64), n_many)).astype(np.int64)
    to += np.repeat(np.cumsum(n_few) - n_few, n_many)
    against = mine[to]
    halves = 2 * (against > theirs).view(np.int8) + (against == theirs).view(np.int8)
    pairs, above = np.bincount(to, minlength=len(mine)), np.bincount(to, halves, len(mine)) / 2
    row = np.repeat(np.arange(len(rows)), n_few)
    drawn = pairs > 0
    share = np.where(rare[row] == 1, above, pairs - above)[drawn] / pairs[drawn]
    level = (share * LEVELS + rng.random(len(share))).astype(np.int64)
    np.add.at(found, (rows[row[drawn]], level), 1)
    return found


def left_over(cells: Ints) -> Ints:
    """What `dealt` has no use for yet: the cells of rows with one class only, at most WAITING_MAX labels or a little more of each."""
    left = np.where((cells.sum(1).min(1) > 0)[:, None, None], 0, cells)
    while (over := left.sum((1, 2)) > WAITING_MAX).any():
        left[over] = _rng(left).binomial(left[over], 0.5)
    return left


def _rng(cells: Ints) -> np.random.Generator:
    """From what was counted: the same in every task, life and backtest."""
    return np.random.default_rng(np.frombuffer(blake2b(cells.tobytes(), digest_size=16).digest(), np.uint64))


def _bins_of(counts: Ints) -> NDArray[np.int16]:
    """The bin of every label, row by row. counts: int64[rows, bins]."""
    return np.repeat(np.tile(np.arange(counts.shape[1], dtype=np.int16), len(counts)), counts.reshape(-1))
