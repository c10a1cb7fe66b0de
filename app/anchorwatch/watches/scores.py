"""What do the scores promise? Groups of score bins of the reference, and what answers in each turned out to be (detection.md 5.4 ii, iii)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anchorwatch.estimators.cbpe import Calibrated, calibrated
from anchorwatch.watches.base import SCORE, Count, Floats, Ints, short_hash

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout


# What is kept of a score (`Layout.kept`): 0 nothing, bin + BINS; below BINS group + 1, as it was before bins were kept.
BINS = 64
EXPLORED = 128  # added to it: above all bins


class Scores(NamedTuple):
    calibrated: Calibrated
    said: Floats  # mean score of each group in the reference
    group: Ints  # of each score bin
    positive: int  # code of the class that a score is the probability of
    id: str  # of bins and groups

    @property
    def groups(self) -> int:
        return len(self.said)

    def of(self, kept: Ints) -> Ints:
        """int64[n]: group of each prediction by what is kept of its score, -1 without one. kept: int64[n], without EXPLORED."""
        return np.where(kept < BINS, kept - 1, self.group[np.clip(kept - BINS, 0, len(self.group) - 1)])

    @property
    def cells(self) -> Count:
        """Symbol 2 * group + outcome, of labelled predictions when they are `labels.delay.late` old."""
        return Count("calibration@late", 2 * self.groups, self.id)


def read(found: Mapping[str, Sequence[float]]) -> tuple[Calibrated, Ints] | None:
    """What `cbpe.estimate` needs, and the group of each score bin; None where the reference holds nothing of it."""
    if not found:
        return None
    cells = np.stack([np.array(found["no"], np.int64), np.array(found["yes"], np.int64)], axis=1)
    return calibrated(cells, found["said"], np.array(found["answer"], np.bool_)), np.array(found["group"], np.int64)


def bins_of(kept: Ints) -> Ints:
    """int64[n]: score bin by what is kept of a score, -1 where none is known."""
    return np.maximum(kept - BINS, -1)


def scores_of(layout: "Layout") -> Scores | None:
    """None where the reference could not tell: no binary task, no threshold on the score, too few labels."""
    known = read(layout.reference.expected) if layout.reference is not None else None
    edges = layout.edges(SCORE)
    if known is None or layout.reference is None or len(known[1]) != len(edges) + 1:
        return None
    labels = layout.contract.labels
    positive = layout.class_codes.get(labels.positive or layout.classes[1])
    if positive is None:
        return None
    said = np.array(layout.reference.expected["said"])
    return Scores(known[0], said, known[1], positive, short_hash(edges.tolist(), known[1].tolist(), positive))
