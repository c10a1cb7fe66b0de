"""Many detectors of one kind side by side, on the arithmetic that the banks of the product stand on (estimators/rows.py, tables.py)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorwatch.estimators.rows import Rows
from anchorwatch.estimators.tables import bernoulli

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Panel:
    """An e-detector per column, all of one table kind. It alarms at `level` and starts anew at once: alarms are counted, not held open.

    table: float64[K, S] or one per column, [columns, K, S]; phi: of each column.
    """

    def __init__(self, table: Floats, columns: int, level: ArrayLike, phi: ArrayLike = 1.0) -> None:
        tables = np.broadcast_to(table, (columns, *table.shape[-2:])) / np.broadcast_to(np.asarray(phi, np.float64), columns)[:, None, None]
        self._gain: Floats = np.ascontiguousarray(tables.transpose(2, 1, 0))  # [S, K, columns]
        self.level = np.asarray(level, np.float64)
        self.rows = Rows(tables.shape[1], columns)
        self._part: Floats = np.empty(self._gain.shape[1:])

    def feed(self, counts: ArrayLike, credit: ArrayLike) -> Mask:
        """counts: [columns, S] of one block; credit: in the unit of the promise. Gives: which alarmed."""
        cells = np.asarray(counts, np.float64)
        gain = np.multiply(self._gain[0], cells[:, 0], out=self.rows.buffer)
        for s in range(1, cells.shape[1]):
            if cells[:, s].any():
                gain += np.multiply(self._gain[s], cells[:, s], out=self._part)
        self.rows.add(gain, np.broadcast_to(np.asarray(credit, np.float64), len(cells)), cells.sum(1), cells[:, -1], 0)
        alarm: Mask = self.rows.m.sum(0) / len(self.rows.m) >= self.level
        if alarm.any():
            self.rows.zero(alarm)
        return alarm


def rate_panel(line: ArrayLike, columns: int, level: ArrayLike, phi: ArrayLike = 1.0) -> Panel:
    """Of 0/1 streams, one line for all or one per column."""
    return Panel(bernoulli(np.broadcast_to(np.asarray(line, np.float64), columns)), columns, level, phi)


def tosses(n: ArrayLike, k: ArrayLike) -> Ints:
    """[columns, 2] from events and ones."""
    ones = np.asarray(k, np.int64)
    return np.stack([np.asarray(n, np.int64) - ones, ones], axis=-1)


def delays(panel: Panel, draw: Callable[[int], Ints], block: int, blocks: int, credit: float | None = None) -> Floats:
    """Events up to the first alarm of each column; NaN for those that never alarm. draw(t): the counts of block t."""
    at = np.full(panel.rows.m.shape[1], np.nan)
    for t in range(blocks):
        alarm = panel.feed(draw(t), block if credit is None else credit)
        at[alarm & np.isnan(at)] = (t + 1) * block
        if not np.isnan(at).any():
            break
    return at
