"""Which fields stopped moving? A feed that froze sends one value to everybody, for longer than ever before (detection.md 5.2, "stuck").

Exact: a field is stuck when all its values of a row of windows are one, in three times as many predictions, and for three times as long, as the
longest such run of the reference, 100 predictions at least. Where runs end by chance, that is one false finding in C^2 references, C the changes
that the reference shows; fewer than 30 of them: the field is not judged. Runs are counted over whole windows, so the order inside does not matter.

A category's values are counted one by one. Of a number 12 bits of a hash are summed, and their squares: both are additive, and n times the sum of
squares is the square of the sum only where all are one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anchorwatch.watches.base import Add, Floats, Ints
from anchorwatch.watches.rules import Exact, Facts

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

RUN_MIN, LONGER, CHANGES_MIN = 100, 3, 30
HASH_BITS = 12  # sums of squares stay exact in float64 for 2**29 values; two values in 4,096 are taken for one
MIX = np.uint64(0x9E3779B97F4A7C15)
SUM, SQUARES = 3, 4  # symbols of a field's state, after fine, missing, outside
NEVER = (0.0, 0.0, 0.0)
RUNBOOK = "Look at the job or feed that fills this field: it may serve its last value for ever; compare with its source."


def may_be_stuck(layout: "Layout", feature: str) -> bool:
    """Is it a number that moved often enough in the reference?"""
    if layout.reference is None or layout.features[feature] != "number":
        return False
    return layout.reference.still.get(feature, NEVER)[2] >= CHANGES_MIN and bool(len(layout.edges(feature)))


def hashes(values: Floats) -> Ints:
    """int64[n] in 0..4095: equal for equal values."""
    bits = (values + 0.0).view(np.uint64)  # -0.0 is 0.0
    bits ^= bits >> np.uint64(32)
    found: Ints = ((bits * MIX) >> np.uint64(64 - HASH_BITS)).astype(np.int64)
    return found


def add_sums(key: str, values: Floats, there: NDArray[np.bool_], add: Add) -> None:
    """To the last two symbols of a field's state: the sum of hashes, and of their squares. values: float64[n]; there: which are present."""
    weight = np.where(there, hashes(values), 0)
    for symbol, each in ((SUM, weight), (SQUARES, weight * weight)):
        add.weighted(key, np.full(len(values), symbol), each)


def stillness(values: Ints | Floats, at: Ints) -> tuple[float, float, float]:
    """(predictions of the longest run of one value, its length in ms, how often the value changed). values: [n] by time; -1 a rare category."""
    if not len(values):
        return 0.0, 0.0, 0.0
    rare = (values == -1) if values.dtype.kind == "i" else np.zeros(len(values), np.bool_)
    starts = np.flatnonzero(np.append(True, (values[1:] != values[:-1]) | rare[1:]))
    ends = np.append(starts[1:], len(values))
    runs = ~rare[starts]
    longest = (ends - starts)[runs].max(initial=0)
    return float(longest), float((at[ends - 1] - at[starts])[runs].max(initial=0)), float(len(starts) - 1)


class StuckRule:
    watch: ClassVar[str] = "inputs"

    def __init__(self, layout: "Layout") -> None:
        self.layout = layout
        self.patience: dict[str, tuple[float, float]] = {}  # feature -> predictions, ms
        usual = layout.reference.still if layout.reference else {}
        for feature in layout.watched_features:
            run, long_ms, changes = usual.get(feature, NEVER)
            if changes >= CHANGES_MIN and feature in layout.shape_keys:
                self.patience[feature] = max(RUN_MIN, LONGER * run), LONGER * long_ms
        self.runs: dict[str, list[int]] = {}  # feature -> [value (hash or code), predictions, since ms]
        self.open: dict[str, int] = {}  # feature -> since ms

    @property
    def gone(self) -> set[str]:
        """Fields of which nothing else need be said: they are less spread, of course."""
        return set(self.open)

    def holds(self) -> set[str]:
        return {f"{feature}.stuck" for feature in self.open}

    def window(self, facts: Facts) -> list[Exact]:
        if facts.flat is None:
            return []
        found = []
        for feature, (predictions, long_ms) in self.patience.items():
            cells = self.layout.view(facts.flat, self.layout.shape_keys[feature])[0]
            n = int(cells.sum())
            if not n:
                continue
            value = self._only_value(feature, facts.flat, cells, n)
            if value is None:
                self.runs.pop(feature, None)
            else:
                run = self.runs.get(feature)
                if run is None or run[0] != value:
                    run = self.runs[feature] = [value, 0, facts.from_ms]
                run[1] += n
            found += self._told(feature, facts.to_ms, predictions, long_ms)
        return found

    def _only_value(self, feature: str, flat: Ints, cells: Ints, n: int) -> int | None:
        """The value that all n predictions of a window have, as a hash or code; None: several, or rare ones that may well differ."""
        if self.layout.features[feature] == "number":
            total, squares = self.layout.view(flat, self.layout.state_keys[feature])[0, SUM:].tolist()
            return total // n if n * squares == total * total else None
        code = int(cells.argmax())
        return code if cells[code] == n and code < len(cells) - 2 else None

    def _told(self, feature: str, to_ms: int, predictions: float, long_ms: float) -> list[Exact]:
        run = self.runs.get(feature)
        since = self.open.get(feature)
        if since is not None and (run is None or run[2] != since):
            del self.open[feature]
            return [_exact(feature, False, since, f"The field {feature!r} moves again.", {})]
        if since is not None or run is None or run[1] < predictions or to_ms - run[2] < long_ms:
            return []
        self.open[feature] = run[2]
        usual = int(predictions // LONGER) if predictions > RUN_MIN else None
        before = f"; before, {usual} in a row at most" if usual else ""
        text = f"The field {feature!r} stands still: its last {run[1]} values are all alike{before}."
        return [_exact(feature, True, run[2], text, {"n": run[1], "metric": "values alike in a row", "line": predictions})]

    def snapshot(self) -> dict[str, Any]:
        return {"runs": self.runs, "open": self.open}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.runs = {f: [int(x) for x in run] for f, run in kept.get("runs", {}).items() if f in self.patience}
        self.open = {f: int(since) for f, since in kept.get("open", {}).items() if f in self.runs and self.runs[f][2] == since}


def _exact(feature: str, is_open: bool, since: int, text: str, evidence: dict[str, Any]) -> Exact:
    return Exact("inputs", f"{feature}.stuck", "InputStale", "warning", False, is_open, since, text, RUNBOOK, evidence)
