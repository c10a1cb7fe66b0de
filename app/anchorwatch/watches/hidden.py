"""Whose truth never shows: answers that change what happens, as a blocked payment that is never charged back (detection.md 5.4).

What is visible is one stratum, what was explored another: answers of the hidden class that were let through at random (`labels.explored`).
Each is judged against its own line and none is weighted inside a detector; what is shown joins them by how many each stands for.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.events import canonical
from anchorwatch.watches.base import WHOLE, Count, Ints, Matured, Monitor, Stream, short_hash
from anchorwatch.watches.lines import EVENTS_MIN, error_line

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

CLEAR_DAYS = 1.0
SUBJECT = "explored.error@late"


class Hidden(NamedTuple):
    """Compiled once per layout."""

    answer: int  # code of the class
    name: str
    arm: str | None  # of explored records; None: nothing is explored
    side: int  # classes and one for all others
    id: str

    @property
    def cells(self) -> Count:
        """Symbol label * side + answer of what was explored, then explored without a label, then what is hidden."""
        return Count("explored@late", self.side * self.side + 2, self.id)

    def explores(self, arm: str, record: Any) -> bool:
        """Is this record of another arm the model's own hidden answer, let through?"""
        return arm == self.arm and canonical(record.prediction) == self.name

    def symbols(self, matured: Matured) -> Ints:
        """int64[n]: -1 where the answer is not of the hidden class."""
        size = self.side * self.side
        known = np.where(matured.label >= 0, matured.label * self.side + matured.answer, size)
        explored = matured.explored if matured.explored is not None else np.zeros(matured.n, np.bool_)
        return np.where(matured.answer != self.answer, -1, np.where(explored, known, size + 1))

    def visible(self, matured: Matured) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = matured.answer != self.answer
        return found

    def due(self, matured: Matured) -> NDArray[np.bool_]:
        """Whose truth is to come: visible or explored."""
        return self.visible(matured) | (matured.explored if matured.explored is not None else False)


def hidden_of(layout: "Layout") -> Hidden | None:
    labels = layout.contract.labels
    code = None if labels.hidden_when is None else layout.class_codes.get(labels.hidden_when.prediction)
    if labels.hidden_when is None or code is None or layout.regression:
        return None
    arm = labels.explored.arm if labels.explored else None
    return Hidden(code, labels.hidden_when.prediction, arm, len(layout.classes) + 1, short_hash(layout.classes, code, arm))


def explored_monitors(layout: "Layout") -> list[Monitor]:
    """Of the whole alone, where the reference explored enough: a part of a part holds too little for segments."""
    hidden = layout.hidden
    if hidden is None or hidden.arm is None:
        return []
    counts = layout.reference_counts(hidden.cells.key)
    every = np.arange(hidden.side) * hidden.side + hidden.answer
    n = 0 if counts is None else int(counts[0, every].sum())
    if counts is None or n < EVENTS_MIN:
        return []
    wrong = every[np.arange(hidden.side) != hidden.answer]
    k = int(counts[0, wrong].sum())
    line = error_line(layout, f"quality:{SUBJECT}/{WHOLE}", k, n)
    stream = Stream(hidden.cells.key, every, wrong, line, "up", "wrong")
    return [Monitor("quality", SUBJECT, WHOLE, 0, True, CLEAR_DAYS, (stream,), None, k / n, "1", "error", SUBJECT, line)]
