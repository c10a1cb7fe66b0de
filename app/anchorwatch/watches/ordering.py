"""Do scores still put the right ones first? ROC AUC of binary models as a monitor of the watch `quality`, per segment (detection.md 5.4).

Live positives are held against the live negatives of the same window (estimators/pairing.py), not against those of the reference: ranks
among a reference's classes fall and rise with all scores, so a shift of .3 sd that leaves the order alone was an alarm in every run. What
the reference gives is the line, three points of AUC below its own, and the bins of scores. A promise (`metric: roc_auc`) is judged the same
way against its own line: what it says of live predictions is what is measured. Bins of the reference hide what is in order inside one of
them: up to .005 of the AUC, more where scores crowd into the highest bin. At `late` alone; not where truth is hidden, of which no class shows whole.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from anchorwatch.estimators.pairing import LEVELS, dealt, left_over
from anchorwatch.estimators.reference_bins import digitize
from anchorwatch.estimators.tables import promise, promise_heal
from anchorwatch.watches.base import SCORE, Columns, Count, Explained, Floats, Ints, Monitor, Seen, Tilt, short_hash
from anchorwatch.watches.lines import RANKS_MIN, luck_of

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

SUBJECT, METRIC = "auc@late", "roc_auc"
TOLERATED = 0.03  # of AUC, as of the place of scores
DRAWS_MIN = 100  # of reference: about so many labels of the rarer class
CLEAR_DAYS = 1.0
VALUES: Floats = np.arange(LEVELS + 1) / LEVELS
Carried = dict[str, Ints]


class Ranks(NamedTuple):
    """Compiled once per layout."""

    edges: Floats  # between score bins
    positive: int  # code of the class that a score is the probability of
    id: str

    @property
    def bins(self) -> int:
        return len(self.edges) + 1

    def of(self, columns: Columns) -> Ints:
        """int64[n]: score bin of each prediction, -1 without a score."""
        return digitize(columns.score, self.edges)

    @property
    def cells(self) -> Count:
        """Symbol 2 * bin + outcome, of labelled predictions when they are `labels.delay.late` old."""
        return Count("ranks@late", 2 * self.bins, self.id)

    @property
    def draws(self) -> Count:
        """Draws of the AUC by level, which the judge derives from `cells`."""
        return Count(SUBJECT, LEVELS + 1, self.id)


def ranks_of(layout: "Layout") -> Ranks | None:
    """None where there is no order to judge: no binary task, or no reference that saw two different scores."""
    labels, edges = layout.contract.labels, layout.edges(SCORE)
    if layout.contract.task != "binary" or not len(edges):
        return None
    positive = layout.class_codes.get(labels.positive or layout.classes[1])
    return None if positive is None else Ranks(edges, positive, short_hash(edges.tolist(), positive))


def judged(layout: "Layout") -> Ranks | None:
    """What orders the labels that are judged; None where truth is hidden."""
    return layout.ranks if layout.hidden is None else None


def derive(layout: "Layout", flat: Ints, carried: Carried) -> None:
    """Draws of a closed window; labels of segments that lack one class so far wait in `carried` for the other."""
    ranks, rows = judged(layout), layout.ordered
    if ranks is None or not len(rows):
        return
    fresh = layout.view(flat, ranks.cells.key)[rows]
    if not fresh.any():
        return
    cells, before = fresh.reshape(len(rows), -1, 2), carried.get(ranks.draws.key)
    if before is not None and before.shape == cells.shape:
        cells = cells + before
    layout.view(flat, ranks.draws.key)[rows] += dealt(cells)
    carried[ranks.draws.key] = left_over(cells)


def derived(layout: "Layout", stretches: Mapping[str, Mapping[int, Ints]]) -> dict[str, dict[int, Ints]]:
    """The same of a reference: stretches of count key -> number -> int64[segments, symbols], to what follows from them."""
    ranks = judged(layout)
    found = stretches.get(ranks.cells.key) if ranks is not None else None
    if ranks is None or not found:
        return {}
    draws, left = {}, np.zeros((len(layout.segments), ranks.bins, 2), np.int64)
    for number in sorted(found):
        cells = found[number].reshape(left.shape) + left
        draws[number], left = dealt(cells), left_over(cells)
    return {ranks.draws.key: draws}


def ordering_monitors(layout: "Layout") -> list[Monitor]:
    ranks, promised = judged(layout), layout.contract.promises.quality
    if ranks is None:
        return []
    least = promised.at_least if promised is not None and promised.metric == METRIC else None
    found = []
    for row, segment in enumerate(layout.segments):
        if least is not None and promised is not None and (row == 0 or promised.in_every_segment):
            found.append(_monitor(ranks, row, segment, least - (promised.tolerate or 0.0), None))
        elif (usual := _usual(layout, ranks, row, segment)) is not None:
            found.append(_monitor(ranks, row, segment, *usual))
    return found


def _usual(layout: "Layout", ranks: Ranks, row: int, segment: str) -> tuple[float, float] | None:
    """Line and mean of the reference; None where it holds too few labels, or too few of one class."""
    cells, draws = layout.reference_counts(ranks.cells.key), layout.reference_counts(ranks.draws.key)
    if cells is None or draws is None or cells[row].sum() < RANKS_MIN or draws[row].sum() < DRAWS_MIN:
        return None
    n = float(draws[row].sum())
    mean = float((draws[row] * VALUES).sum() / n)
    # half a draw at either end: one of few draws that all came out alike is not known without error
    variance = (float((draws[row] * (VALUES - mean) ** 2).sum()) + 0.5 * (mean**2 + (1 - mean) ** 2)) / (n + 1)
    phi = layout.phi(f"quality:{SUBJECT}/{segment}", 1)[0]
    return mean - max(TOLERATED, luck_of(layout) * float(np.sqrt(phi * variance / n))), mean


def _monitor(ranks: Ranks, row: int, segment: str, line: float, reference: float | None) -> Monitor:
    """reference: None where the line is promised."""
    values = VALUES - line
    table = promise(values)
    tilt = Tilt(ranks.draws.key, np.arange(len(values)), table, promise_heal(values), (METRIC,) * len(table))
    return Monitor("quality", SUBJECT, segment, row, True, CLEAR_DAYS, (), tilt, reference, "1", METRIC, SUBJECT, line)


def explain(seen: Seen, runbook: str) -> Explained:
    where = seen.where
    tail = seen.contrast
    span = f" [{seen.interval[0]:.3g}, {seen.interval[1]:.3g}]" if seen.interval else ""
    now = "not measurable" if seen.current is None else f"{seen.current:.3g}{span}"
    how, was = ("too seldom", "") if seen.reference is None else ("less often", f", was {seen.reference:.3g}")
    text = f"Scores{where} put the right ones first {how}: ROC AUC is {now}{was}; it should be at least {seen.line or 0:.3g}{tail}."
    return Explained("QualityDrop", text, runbook)
