"""The numbers that people see: counts of the last day in slots, per segment; quality, latency and coverage read from them.

Detection never uses these: they follow the eye, evidence follows the budget.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.estimators.cbpe import METRICS, estimate
from anchorwatch.estimators.confusion import ConfusionMetrics
from anchorwatch.estimators.interval import Estimate, beta_binomial_interval, mean_interval
from anchorwatch.estimators.latency_histogram import N_BINS, quantile
from anchorwatch.stages import ordering
from anchorwatch.stages.strata import joined
from anchorwatch.watches.base import Ints
from anchorwatch.watches.baseline import LABELS_MIN, values
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.ordering import METRIC
from anchorwatch.watches.quality import MOMENT_UNIT, clip
from anchorwatch.watches.scores import read

SLOTS = 24
SHOWN = (
    "confusion@late",
    "value@late",
    "confusion@typical",
    "score.bins",
    "inference.seconds",
    "abs_error@late",
    "error_moments@late",
    "answer",
    "answer.bins",
    "arms@late",
    "shadow@late",
    "decisions.use",
    "decisions.agreement",
    "complaints.kind",
    "calibration@late",
    "explored@late",
    "ranks@late",
)
ARRIVED = "recent/arrived"
EMPTY: Mapping[str, Ints] = MappingProxyType({})
OVER = ".over_"  # shares over a promised bound: whether a segment explains the whole is read from them


class Quality(NamedTuple):
    """One number per segment; None where it is not measurable, with n."""

    metric: str
    value: float | None
    interval: tuple[float, float] | None
    n: int


class Recent:
    def __init__(self, layout: Layout, span_ms: int) -> None:
        """span_ms: how far back `current` reaches."""
        self.layout, self.slot_ms = layout, max(1, span_ms // SLOTS)
        self.keys = [key for key, count in layout.counts.items() if count.name in SHOWN or OVER in count.name]
        self.expected = read(layout.reference.expected) if layout.reference else None
        self.arrived: Ints | None = None
        self.slots: dict[int, dict[str, Ints]] = {}  # slot number -> count key -> int64[segments, symbols]

    def add(self, flat: Ints, to_ms: int, apart: Mapping[str, Ints] = EMPTY) -> None:
        """apart: counts without segments; of the labels that are in (arrivals.py) the newest table is kept."""
        self.take(apart)
        number = (to_ms - 1) // self.slot_ms
        slot = self.slots.get(number)
        if slot is None:
            slot = self.slots[number] = {}
            for old in [n for n in self.slots if n <= number - SLOTS]:
                del self.slots[old]
        for key in self.keys:
            now = self.layout.view(flat, key)
            if key in slot:
                slot[key] += now
            elif now.any():
                slot[key] = now.copy()

    def total(self, key: str, since_ms: int = -1) -> Ints:
        """int64[segments, symbols] of the slots that end after `since_ms`."""
        count = self.layout.counts[key]
        total = np.zeros((len(self.layout.segments), count.symbols), np.int64)
        for number, slot in self.slots.items():
            if key in slot and (number + 1) * self.slot_ms > since_ms:
                total += slot[key]
        return total

    def key_of(self, name: str) -> str | None:
        return next((key for key in self.keys if self.layout.counts[key].name == name), None)

    def confusions(self, since_ms: int = -1) -> Ints | None:
        """int64[segments, classes + 1, classes + 1], labels first."""
        key = self.key_of("confusion@late")
        side = len(self.layout.classes) + 1
        return self.total(key, since_ms)[:, :-1].reshape(-1, side, side) if key else None

    def quality(self, cells: Ints) -> Quality:
        """By river's metrics, of one segment's cells: the metric that the contract promises, else accuracy."""
        promised = self.layout.contract.promises.quality
        name = promised.metric if promised else "accuracy"
        side = len(self.layout.classes)
        n = int(cells.sum())
        right = int(np.trace(cells))
        if name in ("accuracy", "error") or n == 0:
            low, high = beta_binomial_interval(right, n) if n else (0.0, 1.0)
            value = right / n if n else None
            if name == "error" and value is not None:
                value, low, high = 1 - value, 1 - high, 1 - low
            return Quality(name, value, (low, high) if n else None, n)
        metrics = ConfusionMetrics(self.layout.classes, self.layout.contract.labels.positive)
        metrics.add(cells[:side, :side])
        return Quality(name, metrics.value(name), None, n)

    def qualities(self, since_ms: int = -1, error: str | None = None) -> list[Quality] | None:
        """One per segment, of what matured in slots that end after `since_ms`; None where no labels are counted.

        error: of a regression mae or rmse; None: what the contract promises, else mae.
        """
        if not self.layout.regression:
            if self.layout.hidden is not None:
                return joined(self, since_ms, Quality)
            promised, cells = self.layout.contract.promises.quality, self.confusions(since_ms)
            if promised is not None and promised.metric == METRIC and cells is not None:
                return [Quality(METRIC, *found) for found in ordering.every(self, since_ms)]
            return None if cells is None else [self.quality(each) for each in cells]
        key, moments = self.key_of("abs_error@late"), self.key_of("error_moments@late")
        bound = clip(self.layout)
        if key is None or moments is None or bound is None:
            return None
        promised = self.layout.contract.promises.quality
        name = error or (promised.metric if promised else "mae")
        found = []
        for n, sums in zip(self.total(key, since_ms)[:, :-1].sum(1).tolist(), self.total(moments, since_ms) / MOMENT_UNIT, strict=True):
            value = None if not n else bound * float(np.sqrt(sums[1] / n) if name == "rmse" else sums[0] / n)
            found.append(Quality(name, value, None, n))
        return found

    def worth(self) -> list[Estimate | None] | None:
        """Per segment what a prediction is worth above doing nothing, with the interval of the whole; None: the contract has no value table.

        A segment's interval costs a millisecond each: its ends are those of the values.
        """
        key, money = self.key_of("value@late"), values(self.layout)
        if key is None or money is None:
            return None
        found: list[Estimate | None] = []
        for row, counts in enumerate(self.total(key)[:, :-1]):
            n = int(counts.sum())
            if n < LABELS_MIN:
                found.append(None)
                continue
            low, high = mean_interval(counts, money) if row == 0 else (float(money.min()), float(money.max()))
            found.append(Estimate(float((counts * money).sum() / n), low, high, n))
        return found

    def estimate(self, row: int) -> Estimate | None:
        """The quality to be expected of one segment's predictions, labels or not, by their scores; None: it cannot be told.

        Holds while answers at a given score turn out as in the reference. Half a millisecond where it is no share of right answers.
        """
        key = self.key_of("score.bins")
        if self.expected is None or key is None:
            return None
        calibrated, group = self.expected
        promised = self.layout.contract.promises.quality
        metric = promised.metric if promised else "accuracy"
        live = np.bincount(group, self.total(key)[row], len(calibrated.n)).astype(np.int64)
        return estimate(calibrated, live, metric) if metric in METRICS else None

    def latencies(self) -> list[tuple[float | None, float | None]]:
        """p50 and p99 of inference in ms per segment, of the calls that answered."""
        key = self.key_of("inference.seconds")
        if key is None:
            return [(None, None)] * len(self.layout.segments)
        found = []
        for counts in self.total(key)[:, :N_BINS]:
            p50, p99 = quantile(counts, 0.5), quantile(counts, 0.99)
            found.append((None if p50 is None else 1000 * p50, None if p99 is None else 1000 * p99))
        return found

    def volume(self) -> Ints:
        """int64[segments]: predictions that answered."""
        key = self.key_of("answer") or self.key_of("answer.bins") or self.key_of("inference.seconds")
        return self.total(key).sum(1) if key else np.zeros(len(self.layout.segments), np.int64)

    # state

    def snapshot(self) -> tuple[list[int], dict[str, NDArray[Any]]]:
        arrays: dict[str, NDArray[Any]] = {}
        for number, slot in self.slots.items():
            for key, dense in slot.items():
                at = np.flatnonzero(dense)
                arrays[f"recent/{number}/{key}/at"] = at.astype(np.int32)
                arrays[f"recent/{number}/{key}/value"] = dense.reshape(-1)[at]
        if self.arrived is not None:
            arrays[ARRIVED] = self.arrived
        return sorted(self.slots), arrays

    def take(self, apart: Mapping[str, Ints]) -> None:
        """The newest table of the labels that are in."""
        if self.layout.arrivals is not None and self.layout.arrivals.key in apart:
            self.arrived = apart[self.layout.arrivals.key][:, 0].copy()

    def restore(self, numbers: list[int], arrays: Mapping[str, NDArray[Any]]) -> None:
        kept, arrivals = arrays.get(ARRIVED), self.layout.arrivals
        if kept is not None and arrivals is not None and len(kept) == arrivals.rows:
            self.arrived = kept.astype(np.int64)
        for number in numbers:
            slot = self.slots[number] = {}
            for key in self.keys:
                at = arrays.get(f"recent/{number}/{key}/at")
                if at is None:
                    continue
                dense = np.zeros((len(self.layout.segments), self.layout.counts[key].symbols), np.int64)
                dense.reshape(-1)[at] = arrays[f"recent/{number}/{key}/value"]
                slot[key] = dense
