"""Does the truth still arrive, as often and as early as it did?

Question: do labels come by `labels.delay.late` as often as in the reference, and as often as promised by `promises.labels.by`? Are more revised?
Method: of predictions of that age, the share without a label and the share whose label replaced another, as 0/1 streams: 5 points above the
  reference, or what the promise leaves (detection.md 5.4). A change of the delay can fool the quality watch, so these are its guard; where
  labels stop, quality says nothing, which must not look like health. At the typical age half of the labels are out by definition, and any wind
  moves that share (nineteen pages in a year of flights whose labels came with the landing): it is not judged.
Runbook: ask whoever writes outcomes whether a job stopped, ids changed or a source was added; compare `anchorwatch.outcomes` by result.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anchorwatch.watches.base import Add, Count, Explained, Matured, Monitor, Quiet, Seen, Stream
from anchorwatch.watches.lines import EVENTS_MIN, line_of

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

LATER, REVISED_MORE = 0.05, 0.05  # beyond the reference
CLEAR_DAYS = 1.0
LABELLED, REVISED, MISSING = 0, 1, 2  # symbols
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


def count_of(horizon: str) -> Count:
    return Count(f"labels@{horizon}", 3)


def promised_at(layout: "Layout") -> str | None:
    """The horizon of `promises.labels`; None without such a promise."""
    promised = layout.contract.promises.labels
    if promised is None:
        return None
    by = min(promised.by, layout.contract.labels.delay.final)
    return next(name for name, age in layout.horizons.items() if age == by)


class Labels(Quiet):
    name: ClassVar[str] = "labels"
    question: ClassVar[str] = "Does the truth still arrive?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        return [count_of(horizon) for horizon in layout.horizons if horizon != "typical"]

    def mature(self, layout: "Layout", matured: Matured, add: Add) -> None:
        if matured.horizon == "typical":
            return
        symbols = np.where(matured.label < 0, MISSING, np.where(matured.revised, REVISED, LABELLED))
        add(count_of(matured.horizon).key, symbols, layout.hidden.due(matured) if layout.hidden is not None else None)

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        found: list[Monitor] = []
        promised, horizon = layout.contract.promises.labels, promised_at(layout)
        for row, segment in enumerate(layout.segments):
            if promised is not None and horizon is not None:
                line = 1 - promised.coverage_at_least
                found.append(_monitor(segment, row, "coverage", horizon, MISSING, line, None))
            found += _usual(layout, row, segment)
        return found

    def explain(self, seen: Seen) -> Explained:
        where = seen.where
        now, before = f"{100 * (seen.current or 0):.3g} %", f"{100 * (seen.reference or 0):.3g} %"
        kind = seen.subject.partition("@")[0]
        if kind == "coverage":
            text = f"{now} of predictions{where} have no label at the promised age; {100 * (seen.line or 0):.3g} % may."
            return Explained("LabelsMissing", text, RUNBOOK)
        if kind == "revised":
            return Explained("LabelsRevised", f"{now} of predictions{where} had their label replaced (reference {before}).", RUNBOOK)
        text = f"{now} of predictions{where} have no label yet when they are `labels.delay.late` old (reference {before})."
        return Explained("LabelsLate", text, RUNBOOK)


def _usual(layout: "Layout", row: int, segment: str) -> list[Monitor]:
    """Against the reference, which must have held labels: without any there, their absence is no news."""
    counts = layout.reference_counts(count_of("late").key)
    if counts is None or counts[row].sum() < EVENTS_MIN or counts[row, MISSING] == counts[row].sum():
        return []
    n, found = int(counts[row].sum()), []
    for kind, symbol, more in (("missing", MISSING, LATER), ("revised", REVISED, REVISED_MORE)):
        k = int(counts[row, symbol])
        line = line_of(layout, f"labels:{kind}@late/{segment}", k, n, more)
        found.append(_monitor(segment, row, kind, "late", symbol, line, k / n))
    return found


def _monitor(segment: str, row: int, kind: str, horizon: str, symbol: int, line: float, reference: float | None) -> Monitor:
    stream = Stream(count_of(horizon).key, np.arange(3), np.array([symbol]), line, "up", kind)
    subject = f"{kind}@{horizon}"
    return Monitor("labels", subject, segment, row, True, CLEAR_DAYS, (stream,), None, reference, "1", f"share {kind}", subject, line)


WATCH = Labels()
