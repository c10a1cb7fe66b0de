"""How much do errors clump in each cell of a feature? For slices that nobody declared (detection.md 2.4)."""

from collections.abc import Mapping

import numpy as np

from anchorwatch.estimators.lines import clumping
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.slices import monitor_key

STRETCHES_MIN = 30  # fewer cannot tell


def phi_of_cells(layout: Layout, found: Mapping[int, Ints]) -> dict[str, tuple[float, ...]]:
    """found: number of a stretch -> int64[rows, 2] of `Cells.count`. By the key of the cell's monitor, only where it is more than 1."""
    if layout.cells is None or not found:
        return {}
    begin, end = min(found), max(found) + 1
    if end - begin < STRETCHES_MIN:
        return {}
    series = np.zeros((end - begin, layout.cells.rows, 2))
    for number, counts in found.items():
        series[number - begin] = counts
    n, k = series[:, :-1, 0], series[:, :-1, 1]
    p = k.sum(0) / np.maximum(n.sum(0), 1)
    phi, _ = clumping(k - n * p, n * p * (1 - p))
    return {monitor_key(name): (round(float(x), 4),) for name, x in zip(layout.cells.names, phi, strict=True) if x > 1}
