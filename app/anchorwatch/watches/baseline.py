"""Is the model better than doing nothing?

Question: counted in the money of the contract's value table, or in right answers, is the model worth less than always answering
  `baseline.nothing`, or than the part of the traffic that really got that answer?
Method: (a) each matured prediction has a label and an answer, so a value, and the value that the answer `nothing` would have had under the same
  label; a bet per confusion cell that the mean difference is not below 0 (detection.md 5.5 a), per segment. It is what the table says, not an
  experiment: where `nothing` would have changed what happened, only an arm that really does nothing can tell. (b) Such an arm (`arm: baseline`,
  drawn at random): the difference of both means with an interval, valid at any look, from 30 labels an arm on. Where the contract says
  that there is one (`labels.explored: {arm: baseline}`) it is judged: a bet a window on the mean of the model's labels in it less the arm's,
  rounded up to 128ths of its range. Arms are drawn by chance, so each mean is without bias whatever share an arm has and however labels wander
  with the hours, and the bet's mean gain is at most 1 while the model is not worse. It assumes that labels come to both arms alike: where
  `labels.hidden_when` says that they do not, nothing is judged. (c) A shadow answer to the same predictions: how often each alone is right.
  That is agreement, not cause, and never alerts. Without table and arms it is not measurable, which every summary says.
Runbook: look at the segments; where nothing is better, answer `nothing` there until a new model version is out.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anchorwatch.estimators.tables import promise, promise_heal
from anchorwatch.watches.base import WHOLE, Add, Compared, Count, Explained, Floats, Ints, Matured, Monitor, Quiet, Seen, Tilt, short_hash

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

CLEAR_DAYS = 1.0
LABELS_MIN = 30  # for a number
STEPS = 128  # of the range of a difference between two arms: a bet's symbol
WINDOWS_HEALTHY = 30.0
BOTH, MODEL_ALONE, SHADOW_ALONE, NEITHER, UNPAIRED = range(5)  # symbols of a shadow's answers: who is right
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


def cells(layout: "Layout") -> Count:
    """Cell label * (C + 1) + answer, C = any other class; the last symbol counts predictions without a label."""
    side = len(layout.classes) + 1
    return Count("value@late", side * side + 1, short_hash(layout.classes))


def arms(layout: "Layout") -> Count:
    """Labelled cells as above of the model, then of the arm `baseline`."""
    side = len(layout.classes) + 1
    return Count("arms@late", 2 * side * side, short_hash(layout.classes))


def difference(layout: "Layout") -> Count:
    """One symbol for each window in which both arms had labels."""
    return Count("arms.difference", STEPS + 1, short_hash(layout.classes, raw_values(layout).tolist()))


SHADOW = Count("shadow@late", 5)


def raw_values(layout: "Layout") -> Floats:
    """float64[side * side]: what each cell is worth; without a table 1 for a right answer, 0 for a wrong one.

    A right answer is worth `true_<class>`; a wrong one `false_<answer>` + `missed_<label>`; what the table leaves out is worth 0.
    """
    classes = [*layout.classes, ""]
    return np.array([_worth(layout, label, answer) for label in classes for answer in classes])


def _worth(layout: "Layout", label: str, answer: str) -> float:
    baseline = layout.contract.baseline
    if baseline is None or baseline.value is None:
        return float(label == answer)
    worth = baseline.value.cells
    return worth.get(f"true_{label}", 0.0) if label == answer else worth.get(f"false_{answer}", 0.0) + worth.get(f"missed_{label}", 0.0)


def values(layout: "Layout") -> Floats | None:
    """float64[side * side]: what each cell's answer is worth above the answer `nothing`; None without a table."""
    baseline = layout.contract.baseline
    if baseline is None or baseline.value is None or layout.regression:
        return None
    side, nothing = len(layout.classes) + 1, [_worth(layout, label, baseline.nothing) for label in [*layout.classes, ""]]
    above: Floats = raw_values(layout) - np.repeat(nothing, side)
    return above


def judges_arms(layout: "Layout") -> bool:
    """Does the contract say that a random part really gets `nothing`, and that truth comes to both alike?"""
    contract = layout.contract
    drawn = contract.labels.explored is not None and contract.labels.explored.arm == "baseline"
    return compares_arms(layout) and drawn and contract.labels.hidden_when is None and float(np.ptp(raw_values(layout))) > 0


def compares_arms(layout: "Layout") -> bool:
    """Not where truth is hidden: what is seen of the model's arm is then no fair sample of it."""
    return layout.contract.baseline is not None and not layout.regression and len(layout.classes) > 0 and layout.hidden is None


class Baseline(Quiet):
    name: ClassVar[str] = "baseline"
    question: ClassVar[str] = "Is it better than doing nothing?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        found = [cells(layout)] if values(layout) is not None else []
        found += [arms(layout), SHADOW] if compares_arms(layout) else []
        return [*found, difference(layout)] if judges_arms(layout) else found

    def mature(self, layout: "Layout", matured: Matured, add: Add) -> None:
        if matured.horizon != "late" or layout.regression:
            return
        side, labelled = len(layout.classes) + 1, matured.label >= 0
        symbols = matured.label * side + matured.answer
        if cells(layout).key in layout.counts:
            visible = layout.hidden.visible(matured) if layout.hidden is not None else None
            add(cells(layout).key, np.where(labelled, symbols, side * side), visible)
        if compares_arms(layout):
            add(arms(layout).key, np.where(labelled, symbols, 0), labelled)

    def compare(self, layout: "Layout", compared: Compared, add: Add) -> None:
        side, labelled = len(layout.classes) + 1, compared.label >= 0
        if compared.arm == "baseline":
            add(arms(layout).key, np.where(labelled, side * side + compared.label * side + compared.answer, 0), labelled)
            return
        here, there = compared.beside == compared.label, compared.answer == compared.label
        who = np.where(here, np.where(there, BOTH, MODEL_ALONE), np.where(there, SHADOW_ALONE, NEITHER))
        add(SHADOW.key, np.where(labelled & (compared.beside >= 0), who, UNPAIRED), None)

    def derive(self, layout: "Layout", flat: Ints, carried: dict[str, Ints]) -> None:  # noqa: ARG002
        if not judges_arms(layout):
            return
        mine, theirs = np.split(layout.view(flat, arms(layout).key)[0], 2)
        if mine.any() and theirs.any():
            worth = raw_values(layout)
            uplift = float((mine * worth).sum() / mine.sum() - (theirs * worth).sum() / theirs.sum())
            layout.view(flat, difference(layout).key)[0, step_of(uplift, float(np.ptp(worth)))] = 1

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        return [*_by_table(layout), *_by_arm(layout)]

    def explain(self, seen: Seen) -> Explained:
        where = seen.where
        if seen.subject.startswith("arms"):
            what = "right answers" if seen.unit == "1" else seen.unit
            gap = (
                "" if seen.current is None else f" {abs(seen.current):.3g} {what} a prediction, in the mean of {seen.n} windows, are lost."
            )
            return Explained("WorseThanNothing", f"The arm that does nothing does better than the model.{gap}", RUNBOOK)
        if seen.current is None:
            text = f"The model's answers{where} are worth less than doing nothing."
        else:
            text = f"The model's answers{where} are worth {seen.current:+.3g} {seen.unit} each against doing nothing, over {seen.n} labels."
        return Explained("WorseThanNothing", text, RUNBOOK)


def _by_table(layout: "Layout") -> list[Monitor]:
    worth = values(layout)
    if worth is None or worth.max() <= 0:
        return []  # a model that cannot win is refused by the contract's check
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


def _by_arm(layout: "Layout") -> list[Monitor]:
    """Of the whole alone: the arm is a small share of any segment."""
    if not judges_arms(layout):
        return []
    span, baseline = float(np.ptp(raw_values(layout))), layout.contract.baseline
    worth = steps(span)
    table, unit = promise(worth), baseline.value.unit if baseline and baseline.value else "1"
    tilt = Tilt(difference(layout).key, np.arange(len(worth)), table, promise_heal(worth), ("uplift",) * len(table))
    return [
        Monitor(
            "baseline", "arms@late", WHOLE, 0, True, CLEAR_DAYS, (), tilt, None, unit, "model less arm baseline", "arms@late", 0.0,
            scale=(-span, 2 * span), healing_min=WINDOWS_HEALTHY,
        )
    ]  # fmt: skip


def steps(span: float) -> Floats:
    """float64[STEPS + 1]: the differences between two means of values that lie `span` apart at most."""
    return np.linspace(-span, span, STEPS + 1)


def step_of(uplift: float, span: float) -> int:
    """The next higher one: rounded so, a bet that the mean is not below 0 stays fair."""
    return int(np.clip(np.ceil((uplift + span) / (2 * span) * STEPS - 1e-9), 0, STEPS))


WATCH = Baseline()
