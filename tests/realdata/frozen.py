"""Frozen models for files without predictions: what was learnt from the first rows, and never again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
STEPS, PACE = 400, 0.5


def one_hot(values: Sequence[str], train: NDArray[np.bool_]) -> list[Column]:
    """A column for each value but the first that the training rows know."""
    known = sorted({value for value, mine in zip(values, train, strict=True) if mine})
    return [np.array([float(value == name) for value in values]) for name in known[1:]]


def logistic(columns: Sequence[Column], labels: Any, train: NDArray[np.bool_]) -> Column:
    """float64[n]: scores by plain gradient descent on standardised columns; the same numbers on every machine to six digits."""
    x = np.column_stack(columns)
    x = (x - x[train].mean(0)) / np.maximum(x[train].std(0), 1e-9)
    y = np.asarray(labels, np.float64)
    weights, bias, inside = np.zeros(x.shape[1]), 0.0, x[train]
    for _ in range(STEPS):
        wrong = 1 / (1 + np.exp(-(inside @ weights + bias))) - y[train]
        weights -= PACE * (inside.T @ wrong / len(wrong) + 1e-4 * weights)
        bias -= PACE * wrong.mean()
    found: Column = 1 / (1 + np.exp(-np.clip(x @ weights + bias, -30, 30)))
    return found


def least_squares(columns: Sequence[Column], labels: Any, train: NDArray[np.bool_]) -> Column:
    """float64[n]: predicted values."""
    x = np.column_stack([*columns, np.ones(len(columns[0]))])
    weights = np.linalg.lstsq(x[train], np.asarray(labels, np.float64)[train], rcond=None)[0]
    found: Column = x @ weights
    return found
