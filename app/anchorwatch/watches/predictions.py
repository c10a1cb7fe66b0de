"""Did the scores or the mix of answers move? Did confidence collapse?

Question: do scores, confidence or the shares of classes differ from the reference by more than we care about?
Method: scores (or predicted values) in 32 bins at reference quantiles, judged as ranks in place and spread (rank_tilt), so the
  confidence and, of many classes, the margin of the likeliest over the next; the class mix as one
  0/1 stream per class and direction, within 5 points of the reference (detection.md 5.3); scores that are missing or outside 0..1 as a
  0/1 stream, lest logits or per cent leave only those to judge that lie inside by chance. A cause, never a page by itself.
Runbook: look at what the inputs watch says first; then at a new model version; then ask whether the world changed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anchorwatch.estimators.reference_bins import digitize
from anchorwatch.watches.base import (
    ANSWER,
    CONFIDENCE,
    MARGIN,
    SCORE,
    Add,
    Columns,
    Count,
    Explained,
    Monitor,
    Quiet,
    Seen,
    Stream,
    short_hash,
)
from anchorwatch.watches.lines import EVENTS_MIN, category_monitor, line_of, tilt_monitor

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

PLACE_WITHIN, SPREAD_WITHIN = 0.03, 0.03
MIX_WITHIN = 0.05
TOLERATED = 0.02  # more without a usable score than the reference has
NO_SCORE = Count("score.state", 2)  # symbols: usable, missing or outside 0..1
CLEAR_DAYS = 1.0
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


BINNED = {"score": SCORE, "confidence": CONFIDENCE, "margin": MARGIN, "answer": ANSWER}  # subject -> its bins in the reference


def binned(layout: "Layout") -> list[str]:
    """Which of score, confidence, margin (many classes), answer (regression) the reference holds bins for."""
    return [name for name, place in BINNED.items() if len(layout.edges(place))]


def count_of(layout: "Layout", name: str) -> Count:
    edges = layout.reference.edges[BINNED[name]] if layout.reference else ()
    return Count(f"{name}.bins", len(edges) + 1, short_hash(name, edges))


class Predictions(Quiet):
    name: ClassVar[str] = "predictions"
    question: ClassVar[str] = "Did the answers move?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        found = [count_of(layout, name) for name in binned(layout)]
        if "score" in binned(layout):
            found.append(NO_SCORE)
        if not layout.regression:
            found.append(Count("answer", len(layout.classes) + 1, short_hash(layout.classes)))
        return found

    def count(self, layout: "Layout", columns: Columns, add: Add) -> None:
        for name in binned(layout):
            given = {"score": columns.score, "confidence": columns.confidence, "margin": columns.margin}
            column = given.get(name, columns.numbers.get(ANSWER))
            if column is None:
                continue
            there = ~np.isnan(column) & ~columns.failed
            add(count_of(layout, name).key, digitize(column, layout.edges(BINNED[name])), there)
        if NO_SCORE.key in layout.counts:
            add(NO_SCORE.key, np.isnan(columns.score).astype(np.int64), ~columns.failed)
        if not layout.regression:
            codes = columns.codes[ANSWER]
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
            found += _no_score(layout, row, segment)
            if not layout.regression:
                key = Count("answer", len(layout.classes) + 1, short_hash(layout.classes)).key
                labels = (*layout.classes, "a new class")
                found += category_monitor(layout, "predictions", "answer", key, row, segment, labels, MIX_WITHIN, CLEAR_DAYS)
        return found

    def explain(self, seen: Seen) -> Explained:
        where = seen.where
        if seen.subject == "answer" and seen.label not in ("place", "spread"):
            text = (
                f"The answer {seen.label!r} is given {100 * (seen.current or 0):.3g} % of the time{where}"
                f" (reference {100 * (seen.reference or 0):.3g} %)."
            )
            return Explained("PredictionsShifted", text, RUNBOOK)
        if seen.subject == "score.missing":
            share, usual = f"{100 * (seen.current or 0):.3g} %", f"{100 * (seen.reference or 0):.3g} %"
            text = f"Scores are missing or outside 0..1 in {share} of predictions{where} (reference {usual})."
            return Explained("PredictionsShifted", text, RUNBOOK)
        if seen.subject == "confidence" and seen.label == "place" and seen.direction == "down":
            text = (
                f"The model is less sure of its answers{where} than in the reference (median rank {100 * (seen.current or 0):.0f} of 100)."
            )
            return Explained("ConfidenceCollapsed", text, RUNBOOK)
        if seen.subject == "margin" and seen.label == "place":
            how = {"up": "more", "down": "less"}[seen.direction]
            text = (
                f"The model's first choice stands out {how} from its second{where} than in the reference"
                f" (median rank {100 * (seen.current or 0):.0f} of 100)."
            )
            return Explained("ConfidenceCollapsed" if seen.direction == "down" else "PredictionsShifted", text, RUNBOOK)
        how = (
            {"up": "higher", "down": "lower"}[seen.direction]
            if seen.label == "place"
            else {"up": "wider", "down": "narrower"}[seen.direction]
        )
        what = {"score": "Scores", "confidence": "Confidences", "margin": "Margins between the two likeliest classes"}.get(
            seen.subject, "Predicted values"
        )
        text = f"{what}{where} are {how} than in the reference (mean rank {100 * (seen.current or 0):.0f} of 100)."
        if seen.label != "place":
            text = f"{what}{where} are spread {how} than in the reference."
        return Explained("PredictionsShifted", text, RUNBOOK)


def _no_score(layout: "Layout", row: int, segment: str) -> list[Monitor]:
    counts = layout.reference_counts(NO_SCORE.key)
    if counts is None or counts[row].sum() < EVENTS_MIN:
        return []
    k, n = int(counts[row, 1]), int(counts[row].sum())
    line = line_of(layout, f"predictions:score.missing/{segment}", k, n, TOLERATED)
    stream = Stream(NO_SCORE.key, np.array([0, 1]), np.array([1]), line, "up", "score")
    return [
        Monitor(
            "predictions", "score.missing", segment, row, False, CLEAR_DAYS, (stream,), None, k / n, "1", "share", "score.missing", line
        )
    ]


WATCH = Predictions()
