"""Did the amount of traffic change, or a segment's share of it?

Question: does the model get less than half or more than twice the predictions that its reference had at this hour of the week, and does a
  segment still have between half and twice its share of them?
Method: spells of equal expected length (pace.py), each low, as usual or high, as 0/1 streams against the reference's own share of such spells;
  a segment's share of all predictions as a 0/1 stream each way. A segment that goes dark while the rest flows is heard even when everything
  is slow at the same time. A cause, never a page by itself.
Runbook: ask whether a caller, a region or a campaign came or went; compare with the flags and deploys of that time.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anchorwatch.watches.base import WHOLE, Add, Columns, Count, Explained, Monitor, Quiet, Seen, Stream
from anchorwatch.watches.lines import EVENTS_MIN, line_of
from anchorwatch.watches.pace import EVENTS, VOLUME, Pace, pace

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

TOLERATED = 0.05  # more low or high spells than the reference has
LOW, USUAL, HIGH = 0, 1, 2  # symbols of a volume spell
CLEAR_DAYS = 1.0
SPELLS_HEALTHY = 3.0
AMOUNT = f"volume:amount/{WHOLE}"  # the key of its monitor
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


class Volume(Quiet):
    name: ClassVar[str] = "volume"
    question: ClassVar[str] = "Did the amount of traffic change, or a segment's share of it?"

    def counts(self, layout: "Layout") -> Sequence[Count]:  # noqa: ARG002
        return [EVENTS, VOLUME]

    def count(self, layout: "Layout", columns: Columns, add: Add) -> None:
        """Events are counted once, by `alive` unless that is switched off."""
        if all(watch.name != "alive" for watch in layout.watches):
            add(EVENTS.key, np.zeros(columns.n, np.int64))

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        if layout.learning:
            return ()
        found = []
        usual = pace(layout)
        if usual is not None:
            found.append(_amount(layout, usual))
        for row, segment in enumerate(layout.segments):
            if row:
                found += _share(layout, row, segment)
        return found

    def explain(self, seen: Seen) -> Explained:
        if seen.subject == "amount":
            much = {"low": "less than half", "high": "more than twice"}.get(seen.label, "another amount than")
            text = f"{much.capitalize()} the usual number of predictions arrives for this hour of the week."
        else:
            now, before = f"{100 * (seen.current or 0):.3g} %", f"{100 * (seen.reference or 0):.3g} %"
            only = "" if seen.direction == "up" else "only "
            text = f"Now {only}{now} of predictions belong to {seen.segment} (reference {before})."
        return Explained("VolumeShifted", text, RUNBOOK)


def _amount(layout: "Layout", usual: Pace) -> Monitor:
    """Low and high spells of the whole. Their reference is the pace, which was cut by the same rule."""
    n, every = usual.low + usual.usual + usual.high, np.array([LOW, USUAL, HIGH])
    streams = [
        Stream(VOLUME.key, every, np.array([symbol]), line_of(layout, AMOUNT, k, n, TOLERATED, place, 2), "up", label)
        for place, (symbol, k, label) in enumerate(((LOW, usual.low, "low"), (HIGH, usual.high, "high")))
    ]
    return Monitor(
        "volume", "amount", WHOLE, 0, False, CLEAR_DAYS, tuple(streams), None, None, "1", "share of spells", "amount", streams[0].line,
        healing_min=SPELLS_HEALTHY,
    )  # fmt: skip


def _share(layout: "Layout", row: int, segment: str) -> list[Monitor]:
    """Of all predictions, how many are of this segment: more than twice, less than half of what it was."""
    counts = layout.reference_counts(EVENTS.key)
    if counts is None or counts[row, 0] < EVENTS_MIN:
        return []
    n, k = int(counts[0, 0]), int(counts[row, 0])
    one = np.array([0])
    key = f"volume:share/{segment}"
    up = line_of(layout, key, k, n, k / n, 0, 2)
    down = line_of(layout, key, n - k, n, k / n / 2, 1, 2)
    streams = (
        Stream(EVENTS.key, one, one, up, "up", segment, n_row=0),
        Stream(EVENTS.key, one, one, down, "down", segment, n_row=0, complement=True),
    )
    return [Monitor("volume", "share", segment, row, False, CLEAR_DAYS, streams, None, k / n, "1", "share of predictions", "share", up)]


WATCH = Volume()
