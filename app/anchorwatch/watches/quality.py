"""Is it still right, in every segment, given that labels come late?

Question: is the error beyond the contract's promise, or beyond the reference by more than a tenth (at least one point)?
Method: predictions are counted when they are as old as `labels.delay.late`, and once before, as old as `typical`, with the labels known by
  then; each horizon has its own line from the same horizon of the reference, so like is compared with like (detection.md 5.4 i). `typical`
  warns hours or days earlier and never pages: early labels are not a fair sample, and a change of the delay moves them; promises are judged at
  `late` alone. Errors are a 0/1 stream against their line; a promise on F1, precision or recall is a bet per confusion cell; regression errors,
  at `late`, are clipped at the reference's 99.5 % point. Of rarer classes recall and precision are judged as well (classwise.py), of
  binary models with scores their order (ordering.py). River's metrics come from the same cells.
  Scores that no longer mean what they did are warned of (`Miscalibrated`, calibrating.py). Where truth is
  hidden, what is visible and what was explored are judged apart (hidden.py).
  An error that fell by a fifth, and two points, is told as news (`QualityRose`, better.py).
Runbook: open the trace of a wrong prediction; compare with what the inputs and predictions watches say; ask for a new model version.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from anchorwatch.estimators.tables import promise, promise_heal
from anchorwatch.watches import better, classwise, ordering
from anchorwatch.watches.base import ABS_ERROR, Add, Count, Explained, Floats, Ints, Matured, Monitor, Quiet, Seen, Stream, Tilt, short_hash
from anchorwatch.watches.calibrating import SUBJECT, calibration_monitor, explain
from anchorwatch.watches.hidden import explored_monitors
from anchorwatch.watches.lines import ERROR_SHARE, EVENTS_MIN, error_line
from anchorwatch.watches.ordering import METRIC, judged, ordering_monitors
from anchorwatch.watches.scores import bins_of

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

CLEAR_DAYS = 1.0
ERROR_BINS = 32  # of |error| / clip, the last one open
MOMENT_UNIT = 1 << 20  # moments are whole multiples of clip / 2**20: integers add in any order
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


def confusion(layout: "Layout", horizon: str = "late") -> Count:
    """Cell label * (C + 1) + answer, C = any other class; the last symbol counts predictions without a label."""
    side = len(layout.classes) + 1
    return Count(f"confusion@{horizon}", side * side + 1, short_hash(layout.classes))


def horizons(layout: "Layout") -> list[str]:
    """At which predictions are judged; regression errors at `late` alone."""
    return [h for h in ("late", "typical") if h in layout.horizons and (h == "late" or not layout.regression)]


def clip(layout: "Layout") -> float | None:
    """Regression: the error from which all are alike; the reference's 99.5 % point, else ten times the promise."""
    if layout.reference and ABS_ERROR in layout.reference.limits:
        return layout.reference.limits[ABS_ERROR][1]
    promised = layout.contract.promises.quality
    return 10 * promised.at_most if promised and promised.at_most else None


def errors(layout: "Layout") -> Count:
    return Count("abs_error@late", ERROR_BINS + 1, short_hash(clip(layout)))


def moments(layout: "Layout") -> Count:
    """[sum of |e|, sum of e squared] in units of clip / 2**20 and its square / 2**20."""
    return Count("error_moments@late", 2, short_hash(clip(layout)))


class Quality(Quiet):
    name: ClassVar[str] = "quality"
    question: ClassVar[str] = "Is it still right, in every segment?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        if not layout.regression:
            found = [confusion(layout, horizon) for horizon in horizons(layout)]
            found += [layout.hidden.cells] if layout.hidden is not None else []
            found += [layout.scores.cells] if layout.scores is not None else []
            return found if (ranks := judged(layout)) is None else [*found, ranks.cells, ranks.draws]
        return [errors(layout), moments(layout)] if clip(layout) else []

    def mature(self, layout: "Layout", matured: Matured, add: Add) -> None:
        if matured.horizon not in horizons(layout):
            return
        if layout.regression:
            self._mature_numbers(layout, matured, add)
            return
        side = len(layout.classes) + 1
        known = matured.label >= 0
        cells = np.where(known, matured.label * side + matured.answer, side * side)
        visible = layout.hidden.visible(matured) if layout.hidden is not None else None
        add(confusion(layout, matured.horizon).key, cells, visible)
        if matured.horizon != "late":
            return
        if layout.hidden is not None:
            symbols = layout.hidden.symbols(matured)
            add(layout.hidden.cells.key, symbols, symbols >= 0)
        if matured.score is not None:
            named = known & (matured.label < len(layout.classes))
            self._mature_scores(layout, matured, matured.score, named if visible is None else named & visible, add)

    def _mature_scores(self, layout: "Layout", matured: Matured, kept: Ints, where: NDArray[np.bool_], add: Add) -> None:
        """where: bool[n], labelled with a known class, and visible."""
        if layout.scores is not None:
            group = layout.scores.of(kept)
            add(layout.scores.cells.key, 2 * group + (matured.label == layout.scores.positive), where & (group >= 0))
        if (ranks := judged(layout)) is not None:
            place = bins_of(kept)
            add(ranks.cells.key, 2 * place + (matured.label == ranks.positive), where & (place >= 0))

    def _mature_numbers(self, layout: "Layout", matured: Matured, add: Add) -> None:
        bound = clip(layout)
        if not bound:
            return
        size = np.abs(matured.error) / bound
        known = ~np.isnan(size)
        bins = np.where(known, np.minimum(np.nan_to_num(size) * ERROR_BINS, ERROR_BINS - 1), ERROR_BINS).astype(np.int64)
        add(errors(layout).key, bins, None)
        capped = np.minimum(np.nan_to_num(size), 1000.0)
        for symbol, weight in ((0, capped), (1, capped**2)):
            whole = np.rint(weight * MOMENT_UNIT).astype(np.int64)
            add.weighted(moments(layout).key, np.full(matured.n, symbol), whole)

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        found: list[Monitor] = []
        for row, segment in enumerate(layout.segments):
            found += self._promised(layout, row, segment)
            for horizon in horizons(layout):
                found += self._against_reference(layout, row, segment, horizon)
            found += [] if layout.regression else classwise.monitors(layout, row, segment, confusion(layout))
            found += self._better(layout, row, segment)
        return found + ordering_monitors(layout) + calibration_monitor(layout) + explored_monitors(layout)

    def derive(self, layout: "Layout", flat: Ints, carried: dict[str, Ints]) -> None:
        ordering.derive(layout, flat, carried)

    # against the promise

    def _promised(self, layout: "Layout", row: int, segment: str) -> list[Monitor]:
        promised = layout.contract.promises.quality
        if promised is None or (row and not promised.in_every_segment):
            return []
        name = promised.metric
        if layout.regression:
            return self._promised_mae(layout, row, segment)
        slack = promised.tolerate or 0.0
        if name in ("accuracy", "error"):
            line = (1 - promised.at_least if promised.at_least is not None else promised.at_most or 0.0) + slack
            return [_errors(layout, name, row, segment, min(line, 1 - 1e-6), None)]
        positive = layout.class_codes.get(layout.contract.labels.positive or "")
        if name == METRIC or positive is None or promised.at_least is None or layout.hidden is not None:  # no stratum shows all four cells
            return []
        bets = ratio_values(name, promised.at_least - slack, positive, len(layout.classes) + 1)
        return [_bet(name, row, segment, confusion(layout).key, bets, None, promised.at_least - slack)]

    def _promised_mae(self, layout: "Layout", row: int, segment: str) -> list[Monitor]:
        promised, bound = layout.contract.promises.quality, clip(layout)
        if promised is None or promised.at_most is None or not bound:
            return []
        line = (promised.at_most + (promised.tolerate or 0.0)) / bound
        values = error_values(line) if promised.metric == "mae" else squared_values(line)
        return [_bet(promised.metric, row, segment, errors(layout).key, values, None, line * bound)]

    # against the reference

    def _against_reference(self, layout: "Layout", row: int, segment: str, horizon: str) -> list[Monitor]:
        if layout.regression:
            return self._usual_error(layout, row, segment)
        promised, counts = layout.contract.promises.quality, layout.reference_counts(confusion(layout, horizon).key)
        judged_by_promise = promised is not None and promised.metric == "error" and (row == 0 or promised.in_every_segment)
        if counts is None or judged_by_promise:
            return []
        side = len(layout.classes) + 1
        cells = counts[row, :-1].reshape(side, side)
        n, right = int(cells.sum()), int(np.trace(cells))
        if n < EVENTS_MIN:
            return []
        k, subject = n - right, f"error@{horizon}"
        line = error_line(layout, f"quality:{subject}/{segment}", k, n)
        return [_errors(layout, "error", row, segment, line, k / n, horizon)]

    def _usual_error(self, layout: "Layout", row: int, segment: str) -> list[Monitor]:
        counts = layout.reference_counts(errors(layout).key) if clip(layout) else None
        if counts is None or counts[row, :ERROR_BINS].sum() < EVENTS_MIN:
            return []
        upper = (np.arange(ERROR_BINS) + 1) / ERROR_BINS
        n = counts[row, :ERROR_BINS].sum()
        mean = float((counts[row, :ERROR_BINS] * upper).sum() / n)
        spread = float(np.sqrt((counts[row, :ERROR_BINS] * (upper - mean) ** 2).sum() / n / n))
        line = mean * (1 + ERROR_SHARE) + 2 * spread
        unit = clip(layout) or 1.0
        return [_bet("abs_error", row, segment, errors(layout).key, error_values(line), _usual(layout, row), line * unit)]

    def _better(self, layout: "Layout", row: int, segment: str) -> list[Monitor]:
        if not layout.regression:
            return better.fewer_errors(layout, row, segment, confusion(layout).key, len(layout.classes) + 1)
        unit, usual = clip(layout), _usual(layout, row)
        return better.smaller_errors(layout, row, segment, errors(layout).key, usual, unit) if unit and usual is not None else []

    def explain(self, seen: Seen) -> Explained:
        if seen.subject == SUBJECT:
            return explain(seen, RUNBOOK)
        if seen.subject in (better.ERROR, better.ABS_ERROR):
            return better.explain(seen)
        if seen.subject == ordering.SUBJECT:
            return ordering.explain(seen, RUNBOOK)
        name, _, horizon = seen.subject.partition("@")
        if name.startswith((classwise.RECALL, classwise.PRECISION)):
            text = classwise.explain(seen)
        elif name in ("error", "accuracy", "explored.error"):
            where = " that were explored, since their truth is hidden else," if name == "explored.error" else seen.where
            only = "By the labels that came early, only" if horizon == "typical" else "Only"
            text = classwise.sentence(seen, f"answers{where} are right", only)
        else:
            shown = "not measurable" if seen.current is None else f"{seen.current:.3g}"
            interval = f" [{seen.interval[0]:.3g}, {seen.interval[1]:.3g}]" if seen.interval else ""
            was = "" if seen.reference is None else f", was {seen.reference:.3g}"
            limit = f"at {'most' if name in ERROR_METRICS else 'least'} {seen.line or 0:.3g}"
            text = f"{NAMES.get(name, name)}{seen.where} is {shown}{interval}{was}; it should be {limit}{seen.contrast}."
        return Explained("QualityDrop", text, RUNBOOK)


def ratio_values(metric: str, least: float, positive: int, side: int) -> Floats:
    """Value of each confusion cell so that the mean is >= 0 exactly while the ratio is >= `least` (detection.md 2.1 `promise`)."""
    values = np.zeros((side, side))
    hit, false, miss = {"f1": (2 - 2 * least, -least, -least), "precision": (1 - least, -least, 0.0), "recall": (1 - least, 0.0, -least)}[
        metric
    ]
    values[:, positive] = false
    values[positive, :] = miss
    values[positive, positive] = hit
    return values.reshape(-1)


def error_values(line: float) -> Floats:
    """Value of each bin of |e| / clip: line minus the bin's lower edge, so the mean is >= 0 while the mean error is within the line."""
    values: Floats = max(line, 1e-6) - np.arange(ERROR_BINS) / ERROR_BINS
    return values


def squared_values(line: float) -> Floats:
    """The same for the root of the mean square."""
    values: Floats = max(line, 1e-6) ** 2 - (np.arange(ERROR_BINS) / ERROR_BINS) ** 2
    return values


def _usual(layout: "Layout", row: int) -> float | None:
    """Mean |e| of a segment in the reference, in the unit of the label; None without one."""
    binned, sums = layout.reference_counts(errors(layout).key), layout.reference_counts(moments(layout).key)
    n = 0 if binned is None else int(binned[row, :ERROR_BINS].sum())
    if binned is None or not n:
        return None
    upper = (np.arange(ERROR_BINS) + 1) / ERROR_BINS
    usual = float((binned[row, :ERROR_BINS] * upper).sum()) if sums is None else float(sums[row, 0]) / MOMENT_UNIT
    return usual / n * (clip(layout) or 1.0)


def _errors(layout: "Layout", subject: str, row: int, segment: str, line: float, reference: float | None, horizon: str = "late") -> Monitor:
    side = len(layout.classes) + 1
    every: Ints = np.arange(side * side)
    wrong = every[every % side != every // side]
    stream = Stream(confusion(layout, horizon).key, every, wrong, line, "up", "wrong")
    full = f"{subject}@{horizon}"
    return Monitor(
        "quality", full, segment, row, True, CLEAR_DAYS, (stream,), None, reference, "1", subject, full, line, pages=horizon == "late"
    )


def _bet(subject: str, row: int, segment: str, key: str, values: Floats, reference: float | None, line: float) -> Monitor:
    """reference: None where the line is promised."""
    table = promise(values)
    tilt = Tilt(key, np.arange(len(values)), table, promise_heal(values), (subject,) * len(table))
    full = f"{subject}@late" if "@" not in subject else subject
    return Monitor("quality", full, segment, row, True, CLEAR_DAYS, (), tilt, reference, "1", subject, full, line)


NAMES = {
    "f1": "F1", "recall": "Recall", "precision": "Precision", "mae": "The mean error", "abs_error": "The mean error",
    "rmse": "The root mean square error",
}  # fmt: skip
ERROR_METRICS = {"mae", "abs_error", "rmse"}  # the less the better

WATCH = Quality()
