"""Was it true? What a page says of quality, against the errors of the file itself."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from tests.realdata.reading import DAY_MS
from tests.realdata.shown import heard

from anchorwatch.runtime.backtest import Told
from anchorwatch.runtime.report_table import Row

AROUND_MS, AROUND_MIN = 14 * DAY_MS, 100  # before and after a page; so many predictions at least


class Truth:
    """Errors of all judged predictions, labels as they finally were: 0 or 1, of numbers the absolute error."""

    def __init__(self, found: Told) -> None:
        self.found = found
        labels = {e.key: msgspec.json.decode(e.value)["label"] for e in found.course.events if e.role == "outcomes"}
        known = {e.key: e.at_ms for e in found.course.events if e.role == "outcomes"}
        rows = [(e.at_ms, e.key, msgspec.json.decode(e.value)) for e in found.course.events if e.role == "predictions" and e.key in labels]
        self.at = np.array([at for at, *_ in rows], np.int64)
        self.size = np.array([_error(row["prediction"], labels[key]) for _, key, row in rows])
        self.delay = np.array([known[key] - at for at, key, _ in rows], np.int64)  # ms
        self.segments = [row.get("segments", {}) for *_, row in rows]

    def error(self, since_ms: int, until_ms: int, segment: str = "whole") -> float | None:
        """Mean error; None without a labelled prediction."""
        mine = self.inside(since_ms, until_ms, segment)
        return float(self.size[mine].mean()) if mine.any() else None

    def inside(self, since_ms: int, until_ms: int, segment: str = "whole") -> NDArray[np.bool_]:
        """bool[predictions]: of that time and segment."""
        mine: NDArray[np.bool_] = (self.at >= since_ms) & (self.at < until_ms)
        if segment != "whole":
            name, _, value = segment.partition("=")
            mine[mine] = [str(self.segments[i].get(name)) == value for i in np.flatnonzero(mine)]
        return mine

    def wrong(self) -> list[Row]:
        """Pages on quality around which, for two weeks and a hundred predictions either side, the segment's error was within the line."""
        lines = {(f.subject, f.segment): f.line or 0.0 for f in self.found.findings if f.name == "QualityDrop"}
        found = []
        for page in heard(self.found, kind="page", name="QualityDrop"):
            error = self.error(*self._around(page.at_ms), page.segment)
            if error is not None and error <= lines.get((page.subject, page.segment), 0.0):
                found.append(page)
        return found

    def _around(self, at_ms: int) -> tuple[int, int]:
        place = int(np.searchsorted(self.at, at_ms))
        before, after = self.at[max(place - AROUND_MIN, 0)], self.at[min(place + AROUND_MIN, len(self.at) - 1)]
        return min(at_ms - AROUND_MS, int(before)), max(at_ms + AROUND_MS, int(after))


def _error(answer: Any, label: Any) -> float:
    is_number = isinstance(answer, float | int) and not isinstance(answer, bool)
    return abs(answer - label) if is_number else float(answer != label)
