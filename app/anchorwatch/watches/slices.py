"""Is it wrong more often somewhere that nobody declared?

Question: is there a value of a feature, a range of it, or two of them together, where answers are wrong more often than the whole may be?
Method: labelled predictions are counted at `labels.delay.late` in every cell of every feature (cells.py), the wrong ones among them; pairs of
  cells in 1,024 of a window at most, that stand for all. What looks bad is suspected, and tested on predictions that are judged later alone,
  against the line of the whole, a pair also against what its cells are without it; looking for it costs 5 % of the budget, whatever the
  number of cells (detection.md 6). Only where the contract says `segments.discover`.
Runbook: look at wrong predictions of that slice; if it matters, make its feature a segment, so that every watch looks at it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from anchorwatch.watches.base import Count, Explained, Quiet, Seen

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

SUBJECT = "error@late"
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


class Slices(Quiet):
    """Its counts have no segments, and its monitors come and go: stages/slices.py holds them."""

    name: ClassVar[str] = "slices"
    question: ClassVar[str] = "Is it wrong more often somewhere that nobody declared?"

    def counts(self, layout: "Layout") -> Sequence[Count]:  # noqa: ARG002
        return ()

    def explain(self, seen: Seen) -> Explained:
        interval = f" [{100 * seen.interval[0]:.3g}, {100 * seen.interval[1]:.3g}]" if seen.interval else ""
        usual = f"; of all predictions it was {100 * seen.reference:.3g} % in the reference" if seen.reference is not None else ""
        share = f", {100 * seen.share_of_traffic:.2g} % of the labelled predictions" if seen.share_of_traffic else ""
        where = seen.segment.replace(",", " and ")  # a comma in a value is written otherwise
        text = (
            f"{100 * (seen.current or 0):.3g} %{interval} of answers are wrong where {where}{share}, which nobody declared a segment;"
            f" at most {100 * (seen.line or 0):.3g} % may be{usual}."
        )
        return Explained("QualityDrop", text, RUNBOOK)


def monitor_key(cell: str) -> str:
    return f"slices:{SUBJECT}/{cell}"


WATCH = Slices()
