"""Columns of a table in memory: how they grow, and the one of cells that only some contracts ask for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CELLS = "cells"  # uint8[rows, fields]: code of a prediction in each field that is looked at for slices; 0: not known
Values = dict[str, NDArray[Any]]  # column -> values of a batch


def fitted(column: NDArray[Any], size: int) -> NDArray[Any]:
    """A copy with zeros behind, up to that size."""
    return np.concatenate([column, np.zeros((size - len(column), *column.shape[1:]), column.dtype)])


def width(columns: Values) -> int:
    """Bytes of a row's cells; 0 where no contract ever asked for them."""
    return int(columns[CELLS].shape[1]) if CELLS in columns else 0


def widened(columns: Values, cells: NDArray[np.uint8] | None, n: int) -> Values:
    """Makes the table as wide as a batch of n needs. Returns its cells in the width of the table; nothing where there never were any."""
    mine, before = 0 if cells is None else cells.shape[1], width(columns)
    if mine > before:
        wide = np.zeros((len(columns["hash"]), mine), np.uint8)
        if before:
            wide[:, :before] = columns[CELLS]
        columns[CELLS] = wide
    if not width(columns):
        return {}
    found = np.zeros((n, width(columns)), np.uint8)
    if cells is not None:
        found[:, :mine] = cells
    return {CELLS: found}
