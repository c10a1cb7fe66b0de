"""Which labels are in, of predictions of which age? What the last days are estimated from while labels still come (detection.md 5.4 iii).

A table of the predictions that wait, as of one moment, every 168th of `labels.delay.final`: tables of several tasks add up. Ages and delays
are counted in 32nds of `final`; a label counts only where every label of its delay could have been seen at that age, so none is weighed
by a share that it had no time to reach.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.estimators.interval import Estimate
from anchorwatch.estimators.late_labels import aipw, arrived_share
from anchorwatch.watches.base import Ints, short_hash

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout
    from anchorwatch.watches.scores import Scores

AGES = 32
MOMENTS = 168  # in `final`: hours of a week
LAST_MS = 7 * 86_400_000  # that are estimated


class Waiting(NamedTuple):
    """Of predictions with an answer and a score, as columns of n."""

    at: Ints
    group: Ints
    known: Ints  # when the label was known; of no label anything
    labelled: NDArray[np.bool_]
    positive: NDArray[np.bool_]


class Arrivals:
    """Compiled once per layout."""

    def __init__(self, layout: "Layout", scores: "Scores") -> None:
        self.scores, self.final_ms = scores, layout.contract.labels.delay.final
        self.width_ms = max(1, -(-self.final_ms // AGES))
        self.groups = scores.groups
        self.key = f"arrived~{short_hash(scores.id, self.width_ms)}"
        self._parts = np.cumsum([0, AGES * self.groups, AGES * self.groups * 2, 2 * AGES * AGES])

    @property
    def rows(self) -> int:
        return int(self._parts[-1])

    def moments(self, window_ms: int, after_ms: int, until_ms: int) -> range:
        """In (after_ms, until_ms], ends of windows."""
        step = max(window_ms, self.final_ms // MOMENTS // window_ms * window_ms)
        return range((after_ms // step + 1) * step, until_ms + 1, step)

    def count(self, waiting: Waiting, at_ms: int) -> Ints:
        """int64[rows]: as of at_ms. 30 ms for a million predictions."""
        age = (at_ms - 1 - waiting.at) // self.width_ms
        there = (age >= 0) & (age < AGES) & (waiting.at < at_ms)
        delay = -(-np.maximum(waiting.known - waiting.at, 0) // self.width_ms)
        seen = there & waiting.labelled & (waiting.known < at_ms) & (delay <= age)
        cell = age * self.groups + waiting.group
        side = waiting.positive.astype(np.int64)
        found = np.zeros(self.rows, np.int64)
        for part, cells in (
            (0, cell[there]),
            (1, (2 * cell + side)[seen]),
            (2, ((side * AGES + age) * AGES + delay)[seen]),
        ):
            begin, end = self._parts[part], self._parts[part + 1]
            found[begin:end] = np.bincount(cells, minlength=int(end - begin))
        return found

    def estimate(self, table: Ints) -> "Corrected | None":
        """Of the last seven days, or of all that may still get a label. None where nothing waits."""
        n, labelled, delays = (table[a:b] for a, b in zip(self._parts[:-1], self._parts[1:], strict=True))
        ages = min(AGES, -(-LAST_MS // self.width_ms))
        arrived = np.stack([arrived_share(side) for side in delays.reshape(2, AGES, AGES)])[:, :ages]
        n, labelled = n.reshape(AGES, self.groups)[:ages], labelled.reshape(AGES, self.groups, 2)[:ages]
        rate, answer = self.scores.calibrated.rate, self.scores.calibrated.answer
        corrected = aipw(n, labelled, rate, answer, arrived)
        if corrected is None:
            return None
        return Corrected(corrected, n.sum(0), int(labelled.sum()), ages * self.width_ms)


class Corrected(NamedTuple):
    error: Estimate
    live: Ints  # predictions of these days by group
    labels: int  # that are in
    span_ms: int
