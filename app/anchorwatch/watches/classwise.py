"""Are the rarer classes still found, and still right when they are answered? Part of the watch `quality` (detection.md 2.3).

Errors as a whole are mostly those of the class that comes most often: where one payment in fifty is fraud, a model that finds half of it in
place of all raises the error by a point, which nobody would look at; one that blocks twice as many good ones by less. So of each class with
less than a quarter of the labels two shares are judged, each a 0/1 stream against the reference:

- `recall`, of what is of that class the share that was missed: a tenth more, a point at least. It knows the class, so a change of the mix of
  classes moves nothing.
- `precision`, of what was answered so the share that is something else: its odds may double, since they do when half as many of the class
  come, which is no fault of the model.
"""

from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.watches.base import Count, Ints, Monitor, Seen, Stream
from anchorwatch.watches.lines import EVENTS_MIN, NAMED_MAX, error_line

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

ODDS_MAX = 2.0  # precision: times the reference's odds of a wrong one
SHARE_MAX = 0.25  # of the labels of the reference: a class with more moves the error by enough to be heard there
CLEAR_DAYS = 1.0
RECALL, PRECISION = "recall.", "precision."


def monitors(layout: "Layout", row: int, segment: str, cells: Count) -> list[Monitor]:
    """cells: the confusion table at `late`. None where truth is hidden: what is visible is not all that was answered or is of a class."""
    counts = layout.reference_counts(cells.key)
    if counts is None or layout.hidden is not None:
        return []
    side = len(layout.classes) + 1
    table, symbols = counts[row, :-1].reshape(side, side), np.arange(side * side).reshape(side, side)
    labels, answers = table.sum(1), table.sum(0)
    rarest_last = sorted(range(side - 1), key=lambda code: (-int(labels[code]), code))[:NAMED_MAX]
    found = []
    promised = layout.contract.promises.quality
    judged = promised.metric if promised is not None and (row == 0 or promised.in_every_segment) else ""
    for code in sorted(code for code in rarest_last if labels[code] < SHARE_MAX * labels.sum()):
        kept = judged if code == layout.class_codes.get(layout.contract.labels.positive or "") else ""  # judged by its promise
        if labels[code] >= EVENTS_MIN and kept != "recall":
            found.append(_monitor(layout, row, segment, cells.key, RECALL, code, symbols[code], table[code]))
        if answers[code] >= EVENTS_MIN and table[code, code] and kept != "precision":
            found.append(_monitor(layout, row, segment, cells.key, PRECISION, code, symbols[:, code], table[:, code]))
    return found


def _monitor(layout: "Layout", row: int, segment: str, key: str, kind: str, code: int, symbols: Ints, counts: Ints) -> Monitor:
    """symbols, counts: of the cells that the share is of, int64[classes + 1]; all but the class's own are wrong."""
    name, n = layout.classes[code], int(counts.sum())
    k = n - int(counts[code])
    subject, odds = f"{kind}{name}@late", ODDS_MAX * k / (n - k) if n > k else 0.0
    line = error_line(layout, f"quality:{subject}/{segment}", k, n, odds / (1 + odds) - k / n if kind == PRECISION else 0.0)
    stream = Stream(key, symbols, symbols[np.arange(len(symbols)) != code], line, "up", name)
    metric = "miss rate" if kind == RECALL else "false discovery rate"
    return Monitor("quality", subject, segment, row, True, CLEAR_DAYS, (stream,), None, k / n, "1", metric, subject, line)


def sentence(seen: Seen, what: str, only: str = "Only") -> str:
    """Of a share that is judged by its rest, as errors are: how much is right. what: of what, and that it is so."""
    now, least = 100 * (1 - (seen.current or 0.0)), 100 * (1 - (seen.line or 0.0))
    span = f" [{100 * (1 - seen.interval[1]):.3g}, {100 * (1 - seen.interval[0]):.3g}]" if seen.interval else ""
    usual = f", was {100 * (1 - seen.reference):.3g} %" if seen.reference is not None else ""
    return f"{only} {now:.3g} % of {what}{span}{usual}; at least {least:.3g} % should be{seen.contrast}."


def explain(seen: Seen) -> str:
    recall = f"what is {seen.label!r}{seen.where} is found"
    return sentence(seen, recall if seen.subject.startswith(RECALL) else f"answers {seen.label!r}{seen.where} are right")
