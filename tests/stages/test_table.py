"""Columns that grow, and cells that some contracts keep beside them."""

import numpy as np

from anchorwatch.stages.table import CELLS, fitted, widened, width


def test_columns_of_one_and_two_dimensions_grow_with_zeros() -> None:
    assert fitted(np.array([1, 2]), 4).tolist() == [1, 2, 0, 0]
    assert np.array_equal(fitted(np.array([[1, 2]]), 2), [[1, 2], [0, 0]])


def test_where_no_contract_asks_for_cells_there_is_no_column() -> None:
    columns = {"hash": np.zeros(4, np.uint64)}

    assert widened(columns, None, 2) == {}
    assert width(columns) == 0


def test_a_wider_contract_widens_the_table_and_a_narrower_one_fills_with_unknown() -> None:
    columns = {"hash": np.zeros(2, np.uint64)}
    widened(columns, np.array([[3], [4]], np.uint8), 2)
    columns[CELLS][:] = [[3], [4]]
    widened(columns, np.array([[5, 6, 7]], np.uint8), 1)

    assert columns[CELLS].reshape(-1).tolist() == [3, 0, 0, 4, 0, 0]
    assert widened(columns, np.array([[9]], np.uint8), 1)[CELLS].reshape(-1).tolist() == [9, 0, 0]
    assert widened(columns, None, 1)[CELLS].reshape(-1).tolist() == [0, 0, 0]
