"""How good are the answers? river's metrics over counts: one confusion matrix per segment, and sums for regression."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from river import metrics

from anchorwatch.errors import StateCorrupt

Metric = Callable[..., Any]

_ALL: dict[str, Metric] = {
    "accuracy": metrics.Accuracy,
    "balanced_accuracy": metrics.BalancedAccuracy,
    "cohen_kappa": metrics.CohenKappa,
    "macro_f1": metrics.MacroF1,
    "macro_precision": metrics.MacroPrecision,
    "macro_recall": metrics.MacroRecall,
    "micro_f1": metrics.MicroF1,
}
_POSITIVE: dict[str, Metric] = {"f1": metrics.F1, "mcc": metrics.MCC, "precision": metrics.Precision, "recall": metrics.Recall}
_REGRESSION = ("mae", "rmse", "r2")


class ConfusionMetrics:
    """Accuracy and its kin of one segment, from weighted counts.

    Takes:     cells: int64[labels, predictions] in the order of `classes`; negative ones take revised labels back.
    Gives:     value(name) or None where the counts cannot tell: no event; recall, F1 without a positive label; precision without a
               positive answer; MCC, kappa, balanced accuracy with one class only. river itself says 0.0 there.
    Settings:  classes, at least 2; positive: one of them or None (then no f1, mcc, precision, recall).
    Cost:      8 C^2 bytes; 31 us for the first value after an `add` (two classes), 8 us for the next.
    Guarantee: equals scikit-learn on the unfolded events. Weights count, not calls: `total_weight`, never `n_samples`.
    Source:    river.metrics; the positive class is told as Python's True, since `pos_val="yes"` makes river's F1 0.0.

    >>> m = ConfusionMetrics(["no", "yes"], positive="yes")
    >>> m.add([[90, 2], [3, 5]])
    >>> round(m.value("f1"), 3), m.value("accuracy"), m.n
    (0.667, 0.95, 100)
    """

    def __init__(self, classes: Sequence[str], positive: str | None = None) -> None:
        self.classes, self.positive = tuple(classes), positive
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise ValueError(f"labels.classes = {list(classes)}: name at least two different classes")
        if positive is not None and positive not in self.classes:
            raise ValueError(f"labels.positive = {positive!r} is not among labels.classes {list(classes)}; write one of them")
        self._cells: NDArray[np.int64] = np.zeros((len(self.classes),) * 2, np.int64)
        self._matrices: tuple[Any, Any] | None = None  # of all classes; of positive against the rest

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(["error", *_ALL, *(_POSITIVE if self.positive is not None else ())]))

    @property
    def n(self) -> int:
        return int(self._cells.sum())

    def add(self, cells: ArrayLike) -> None:
        """Raises: ValueError when a cell would fall below 0; nothing is added then."""
        total = self._cells + np.asarray(cells, np.int64)
        if (total < 0).any():
            label, answer = (self.classes[int(i)] for i in np.argwhere(total < 0)[0])
            raise ValueError(f"confusion cell label {label!r}, answer {answer!r} would fall below 0: a label was taken back twice")
        self._cells, self._matrices = total, None

    def value(self, name: str) -> float | None:
        """name: one of `names`."""
        if name not in self.names:
            raise ValueError(
                f"no metric {name!r} for {len(self.classes)} classes, positive {self.positive!r}; known: {', '.join(self.names)}"
            )
        if not self._measurable(name):
            return None
        if name == "error":
            accuracy = self.value("accuracy")
            return None if accuracy is None else 1 - accuracy
        every, binary = self._fed()
        return float(_ALL[name](cm=every).get() if name in _ALL else _POSITIVE[name](cm=binary, pos_val=True).get())

    def _measurable(self, name: str) -> bool:
        labels, answers = self._cells.sum(1), self._cells.sum(0)
        n = int(labels.sum())
        if n == 0:
            return False
        if name in _POSITIVE:
            i = self.classes.index(self.positive or "")
            asked, said = labels[i] > 0, answers[i] > 0
            if name == "mcc":
                return bool(0 < labels[i] < n and 0 < answers[i] < n)
            return bool(said if name == "precision" else asked)
        if name == "balanced_accuracy":
            return bool((labels > 0).sum() > 1)
        return name != "cohen_kappa" or not (labels.max() == n and answers[labels.argmax()] == n)

    def _fed(self) -> tuple[Any, Any]:
        """Both river matrices, fed with one weighted update per cell that is not 0."""
        if self._matrices is None:
            every, binary = metrics.ConfusionMatrix(), metrics.ConfusionMatrix()
            for i, j in np.argwhere(self._cells):
                label, answer, weight = self.classes[i], self.classes[j], int(self._cells[i, j])
                every.update(label, answer, w=weight)
                binary.update(label == self.positive, answer == self.positive, w=weight)
            self._matrices = every, binary
        return self._matrices

    def snapshot(self) -> NDArray[np.int64]:
        """int64[labels, predictions]."""
        return self._cells.copy()

    def restore(self, cells: ArrayLike) -> None:
        found = np.asarray(cells)
        if found.shape != self._cells.shape or found.dtype.kind != "i" or (found < 0).any():
            raise StateCorrupt(
                f"confusion cells: expected {self._cells.shape} counts, found {found.dtype}{found.shape}; start from empty state"
            )
        self._cells, self._matrices = found.astype(np.int64), None


class RegressionMetrics:
    """MAE, RMSE and R2 of one segment, from the means of blocks.

    Takes:     per block n events, the means of |error| and error^2, and mean and (population) variance of the truth.
    Gives:     value("mae" | "rmse" | "r2") or None: no event; for r2 fewer than 2 events or a constant truth.
    Cost:      40 bytes.
    Guarantee: equals scikit-learn on the unfolded events, up to rounding.
    Source:    river.metrics MAE, RMSE, R2 by weighted updates. A block enters R2 as two points, mean +- standard deviation with half the
               weight each: they have its mean, its variance and its squared error.
    """

    names = _REGRESSION

    def __init__(self) -> None:
        self._sums: NDArray[np.float64] = np.zeros(5)  # n, mean |error|, mean error^2, mean truth, variance of the truth

    @property
    def n(self) -> int:
        return int(self._sums[0])

    def add(self, n: int, mean_abs: float, mean_sq: float, mean_y: float, var_y: float) -> None:
        """Raises: ValueError for what is not finite or negative; nothing is added then."""
        block = np.array([n, mean_abs, mean_sq, mean_y, var_y])
        if not np.isfinite(block).all() or (block[[0, 1, 2, 4]] < 0).any():
            raise ValueError(
                f"regression block {block.tolist()}: needs n, mean |error|, mean error^2, mean, variance, finite; leave the row out"
            )
        if n == 0:
            return
        total = self._sums[0] + n
        part = n / total
        gap = mean_y - self._sums[3]
        merged = self._sums + part * (block - self._sums)
        merged[0], merged[4] = total, merged[4] + part * (1 - part) * gap * gap  # Chan's rule: the spread between the two means
        self._sums = merged

    def value(self, name: str) -> float | None:
        n, mean_abs, mean_sq, mean_y, var_y = self._sums.tolist()
        if name not in _REGRESSION:
            raise ValueError(f"no metric {name!r} for regression; known: {', '.join(_REGRESSION)}")
        if n == 0 or (name == "r2" and (n < 2 or var_y <= 0)):
            return None
        if name == "mae":
            mae = metrics.MAE()
            mae.update(0.0, mean_abs, w=n)
            return float(mae.get())
        root = mean_sq**0.5
        metric = metrics.RMSE() if name == "rmse" else metrics.R2()
        for y in (mean_y + var_y**0.5, mean_y - var_y**0.5):
            metric.update(y, y - root, w=n / 2)
        return float(metric.get())

    def snapshot(self) -> NDArray[np.float64]:
        """float64[5]: n, mean |error|, mean error^2, mean and variance of the truth."""
        return self._sums.copy()

    def restore(self, sums: ArrayLike) -> None:
        found = np.asarray(sums, np.float64)
        if found.shape != (5,) or not np.isfinite(found).all():
            raise StateCorrupt(f"regression sums: expected 5 finite numbers, found {found.tolist()}; start from empty state")
        self._sums = found.copy()
