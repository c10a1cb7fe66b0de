"""Is the model better than doing nothing?

Question: counted in the money of the contract's value table, are the model's answers worth less than always answering `baseline.nothing`?
Method: each matured prediction has a label and an answer, so a value, and the value that the answer `nothing` would have had under the same label;
  a bet per confusion cell that the mean difference is not below 0 (detection.md 5.5 a), per segment. It is what the table says, not an
  experiment: where `nothing` would have changed what happened, only an arm that really does nothing can tell. Without a table it is not
  measurable, which every summary says; fewer than 30 labels are no number.
Runbook: look at the segments; where nothing is better, answer `nothing` there until a new model version is out.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anchorwatch.estimators.tables import promise, promise_heal
from anchorwatch.watches.base import Add, Count, Explained, Floats, Matured, Monitor, Quiet, Seen, Tilt, short_hash

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

CLEAR_DAYS = 1.0
LABELS_MIN = 30  # for a number
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


def cells(layout: "Layout") -> Count:
    """Cell label * (C + 1) + answer, C = any other class; the last symbol counts predictions without a label."""
    side = len(layout.classes) + 1
    return Count("value@late", side * side + 1, short_hash(layout.classes))


def values(layout: "Layout") -> Floats | None:
    """float64[side * side]: what each cell's answer is worth above the answer `nothing`; None without a table.

    A right answer is worth `true_<class>`; a wrong one `false_<answer>` + `missed_<label>`; what the table leaves out is worth 0.
    """
    baseline = layout.contract.baseline
    if baseline is None or baseline.value is None or layout.regression:
        return None
    worth, classes = baseline.value.cells, [*layout.classes, ""]

    def of(label: str, answer: str) -> float:
        if label == answer:
            return worth.get(f"true_{label}", 0.0)
        return worth.get(f"false_{answer}", 0.0) + worth.get(f"missed_{label}", 0.0)

    return np.array([of(label, answer) - of(label, baseline.nothing) for label in classes for answer in classes])


class Baseline(Quiet):
    name: ClassVar[str] = "baseline"
    question: ClassVar[str] = "Is it better than doing nothing?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        return [cells(layout)] if values(layout) is not None else []

    def mature(self, layout: "Layout", matured: Matured, add: Add) -> None:
        if matured.horizon != "late" or cells(layout).key not in layout.counts:
            return
        side = len(layout.classes) + 1
        add(cells(layout).key, np.where(matured.label >= 0, matured.label * side + matured.answer, side * side), None)

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        worth = values(layout)
        if worth is None or worth.max() <= 0:
            return ()  # a model that cannot win is refused by the contract's check
        table, unit = promise(worth), layout.contract.baseline.value.unit  # type: ignore[union-attr]
        tilt = Tilt(cells(layout).key, np.arange(len(worth)), table, promise_heal(worth), ("value",) * len(table))
        low, high = float(worth.min()), float(worth.max())
        return [
            Monitor(
                "baseline", "value@late", segment, row, True, CLEAR_DAYS, (), tilt, None, unit, "value of a prediction", "value@late", 0.0,
                scale=(low, high - low),
            )
            for row, segment in enumerate(layout.segments)
        ]  # fmt: skip

    def explain(self, seen: Seen) -> Explained:
        where = "" if seen.segment == "whole" else f" on {seen.segment}"
        if seen.current is None:
            text = f"The model's answers{where} are worth less than doing nothing."
        else:
            text = f"The model's answers{where} are worth {seen.current:+.3g} {seen.unit} each against doing nothing, over {seen.n} labels."
        return Explained("WorseThanNothing", text, RUNBOOK)


WATCH = Baseline()
