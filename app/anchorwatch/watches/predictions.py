"""Did the scores or the mix of answers move? Did confidence collapse?

Question: do scores, confidence or the shares of classes differ from the reference by more than we care about?
Method: scores (or predicted values) in 32 bins at reference quantiles, judged as ranks in place and spread (rank_tilt); the class mix as one
  0/1 stream per class and direction, within 5 points of the reference (detection.md 5.3). A cause, never a page by itself.
Runbook: look at what the inputs watch says first; then at a new model version; then ask whether the world changed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anchorwatch.watches.base import Add, Columns, Count, Explained, Monitor, Quiet, Seen, short_hash
from anchorwatch.watches.lines import category_monitor, tilt_monitor

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

PLACE_WITHIN, SPREAD_WITHIN = 0.03, 0.03
MIX_WITHIN = 0.05
CLEAR_DAYS = 1.0
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


def binned(layout: "Layout") -> list[str]:
    """Which of score, confidence, answer (regression) the reference holds bins for."""
    return [name for name in ("score", "confidence", "answer") if layout.reference and layout.reference.edges.get(name)]


def count_of(layout: "Layout", name: str) -> Count:
    edges = layout.reference.edges[name] if layout.reference else ()
    return Count(f"{name}.bins", len(edges) + 1, short_hash(name, edges))


class Predictions(Quiet):
    name: ClassVar[str] = "predictions"
    question: ClassVar[str] = "Did the answers move?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        found = [count_of(layout, name) for name in binned(layout)]
        if not layout.regression:
            found.append(Count("answer", len(layout.classes) + 1, short_hash(layout.classes)))
        return found

    def count(self, layout: "Layout", columns: Columns, add: Add) -> None:
        for name in binned(layout):
            column = {"score": columns.score, "confidence": columns.confidence}.get(name, columns.numbers.get("answer", columns.score))
            there = ~np.isnan(column) & ~columns.failed
            edges = layout.reference.edges[name] if layout.reference else ()
            add(count_of(layout, name).key, np.searchsorted(edges, column), there)
        if not layout.regression:
            codes = columns.codes["prediction"]
            add(Count("answer", len(layout.classes) + 1, short_hash(layout.classes)).key, codes, (codes >= 0) & ~columns.failed)

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        if layout.learning:
            return ()
        found = []
        for row, segment in enumerate(layout.segments):
            for name in binned(layout):
                found += tilt_monitor(
                    layout, "predictions", name, count_of(layout, name).key, row, segment, PLACE_WITHIN, SPREAD_WITHIN, CLEAR_DAYS
                )
            if not layout.regression:
                key = Count("answer", len(layout.classes) + 1, short_hash(layout.classes)).key
                labels = (*layout.classes, "a new class")
                found += category_monitor(layout, "predictions", "answer", key, row, segment, labels, MIX_WITHIN, CLEAR_DAYS)
        return found

    def explain(self, seen: Seen) -> Explained:
        where = "" if seen.segment == "whole" else f" on {seen.segment}"
        if seen.subject == "answer" and seen.label not in ("place", "spread"):
            text = (
                f"The answer {seen.label!r} is given {100 * (seen.current or 0):.3g} % of the time{where}"
                f" (reference {100 * (seen.reference or 0):.3g} %)."
            )
            return Explained("PredictionsShifted", text, RUNBOOK)
        if seen.subject == "confidence" and seen.label == "place" and seen.direction == "down":
            text = (
                f"The model is less sure of its answers{where} than in the reference (median rank {100 * (seen.current or 0):.0f} of 100)."
            )
            return Explained("ConfidenceCollapsed", text, RUNBOOK)
        how = (
            {"up": "higher", "down": "lower"}[seen.direction]
            if seen.label == "place"
            else {"up": "wider", "down": "narrower"}[seen.direction]
        )
        what = {"score": "Scores", "confidence": "Confidences"}.get(seen.subject, "Predicted values")
        text = f"{what}{where} are {how} than in the reference (mean rank {100 * (seen.current or 0):.0f} of 100)."
        if seen.label != "place":
            text = f"{what}{where} are spread {how} than in the reference."
        return Explained("PredictionsShifted", text, RUNBOOK)


WATCH = Predictions()
