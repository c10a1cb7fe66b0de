"""Was it true? What a page says of quality, against the errors of the file itself."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
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
        self.score = np.array([row.get("score", np.nan) for *_, row in rows], np.float64)
        positive = str(found.course.contract.labels.positive)
        self.positive = np.array([str(labels[key]) == positive for _, key, _ in rows], np.bool_)
        self.size = np.array([_error(row["prediction"], labels[key]) for _, key, row in rows])
        self.delay = np.array([known[key] - at for at, key, _ in rows], np.int64)  # ms
        self.segments = [row.get("segments", {}) for *_, row in rows]

    def error(self, since_ms: int, until_ms: int, segment: str = "whole") -> float | None:
        """Mean error; None without a labelled prediction."""
        mine = self.inside(since_ms, until_ms, segment)
        return float(self.size[mine].mean()) if mine.any() else None

    def disorder(self, since_ms: int, until_ms: int, segment: str = "whole") -> float | None:
        """One less the ROC AUC, by scikit-learn; None with one class only."""
        mine = self.inside(since_ms, until_ms, segment) & ~np.isnan(self.score)
        truth = self.positive[mine]
        return 1 - float(roc_auc_score(truth, self.score[mine])) if truth.any() and not truth.all() else None

    def inside(self, since_ms: int, until_ms: int, segment: str = "whole") -> NDArray[np.bool_]:
        """bool[predictions]: of that time and segment."""
        mine: NDArray[np.bool_] = (self.at >= since_ms) & (self.at < until_ms)
        if segment != "whole":
            name, _, value = segment.partition("=")
            mine[mine] = [str(self.segments[i].get(name)) == value for i in np.flatnonzero(mine)]
        return mine

    def wrong(self) -> list[Row]:
        """Pages on quality around which, for two weeks and a hundred predictions either side, the segment's error was within the line.

        Of the order of scores: its AUC, from the date that the page gives, since it sums up draws of the rarer class, which come slowly.
        """
        lines = {(f.subject, f.segment): f.line or 0.0 for f in self.found.findings if f.name == "QualityDrop"}
        found = []
        for page in heard(self.found, kind="page", name="QualityDrop"):
            order, line = page.subject.startswith("auc@"), lines.get((page.subject, page.segment), 0.0)
            begin, end = self._around(page.at_ms)
            begin = min(begin, page.since_ms) if order else begin
            error = (self.disorder if order else self.error)(begin, end, page.segment)
            if error is not None and error <= (1 - line if order else line):
                found.append(page)
        return found

    def _around(self, at_ms: int) -> tuple[int, int]:
        place = int(np.searchsorted(self.at, at_ms))
        before, after = self.at[max(place - AROUND_MIN, 0)], self.at[min(place + AROUND_MIN, len(self.at) - 1)]
        return min(at_ms - AROUND_MS, int(before)), max(at_ms + AROUND_MS, int(after))


def _error(answer: Any, label: Any) -> float:
    is_number = isinstance(answer, float | int) and not isinstance(answer, bool)
    return abs(answer - label) if is_number else float(answer != label)
