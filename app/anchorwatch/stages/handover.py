"""What does whoever repairs or retrains need? When it began, which windows and offsets hold the affected events, and the last window that was clean.

It stands in the evidence of every alert, so on a topic: a retraining job reads it there and fetches exactly these records.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

Window = tuple[int, int]
OffsetsSince = Callable[[int], dict[str, list[int]]]  # event time in ms -> `<topic>-<partition>` -> [first, after the last]

MARKS_MAX = 40  # of one partition: how far back a change is found falls with its age, to about a tenth of it
SPANS_MAX = 64  # partitions that an alert names; above: the first by name


class OffsetLog:
    """At which offset was each partition when the watermark stood there? Bounded: marks thin out with age."""

    def __init__(self) -> None:
        self.marks: dict[str, tuple[list[int], list[int]]] = {}  # `<topic>-<partition>` -> watermarks rising, offsets read by then

    def note(self, topic: str, partition: int, watermark_ms: int, begin: int, end: int) -> None:
        """Offsets [begin, end) were read before the watermark stood there."""
        times, offsets = self.marks.setdefault(f"{topic}-{partition}", ([], []))
        if not times:
            times.append(-1)
            offsets.append(begin)
        if watermark_ms <= times[-1]:
            offsets[-1] = max(offsets[-1], end)
            return
        times.append(watermark_ms)
        offsets.append(end)
        if len(times) > MARKS_MAX:
            _thin(times, offsets)

    def since(self, at_ms: int) -> dict[str, list[int]]:
        """Spans that hold all events from then on, and some before: the first mark before it, to the last.

        While a feed catches up, a topic that is read ahead of its siblings may begin later than that, by its lead.
        """
        found = {}
        for name, (times, offsets) in sorted(self.marks.items())[:SPANS_MAX]:
            found[name] = [offsets[max(bisect_right(times, at_ms) - 1, 0)], offsets[-1]]
        return found

    def snapshot(self) -> dict[str, Any]:
        return {name: [times, offsets] for name, (times, offsets) in self.marks.items()}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.marks = {name: (list(times), list(offsets)) for name, (times, offsets) in kept.items()}


def _thin(times: list[int], offsets: list[int]) -> None:
    """One mark leaves: that whose neighbours are the closest, for their age. The first and the last two stay."""
    newest = times[-1] + 1
    worst = min(range(1, len(times) - 2), key=lambda i: (times[i + 1] - times[i - 1]) / (newest - times[i - 1]))
    del times[worst], offsets[worst]


def handover(onset: Window, window: Window, begun_ms: int, margin_ms: int, offsets_since: OffsetsSince) -> dict[str, Any]:
    """onset: earliest and latest change point; window: the judged one that said so; begun_ms: of the first window ever judged.

    margin_ms: by how much the watermark may trail the events that were read. The last clean window is None where the trouble is as old as
    the watch itself.
    """
    length = window[1] - window[0]
    first = max(onset[0] // length * length, begun_ms)
    clean = [first - length, first] if first - length >= begun_ms else None
    return {
        "change_interval_ms": list(onset), "affected_ms": [first, window[1]], "last_clean_window_ms": clean,
        "offsets": offsets_since(first - margin_ms),
    }  # fmt: skip
