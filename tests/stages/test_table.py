from typing import ClassVar

import numpy as np
import pytest

from anchorwatch.stages import table
from anchorwatch.stages.table import CELLS, Table, fitted, repeats, widened, width


class Small(Table):
    fields: ClassVar = {"hash": np.uint64, "at": np.int64, "value": np.int16}
    blank: ClassVar = {"at": 0, "value": -1}


def filled(n: int) -> Small:
    made = Small()
    places = made._append(np.arange(1, n + 1, dtype=np.uint64))
    made.columns["at"][places] = np.arange(n)
    return made


def test_rows_are_blank_until_written_and_found_by_their_hash() -> None:
    made = filled(10_000)

    assert (made.column("value") == -1).all()
    assert made._places(np.array([7, 10_000, 10_001], np.uint64)).tolist() == [6, 9_999, -1]


def test_whole_pages_leave_from_the_front_and_are_found_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "PAGE", 100)
    made = filled(1_000)

    n = made.final_front(250)
    gone = made.drop_front(n)

    assert (n, gone["at"].tolist()) == (200, list(range(200)))
    assert made.index.find(np.array([200, 201], np.uint64), made.first).tolist() == [-1, 200]
    assert (made.first, made.n) == (200, 800)


def test_a_twin_of_pages_and_changes_is_equal() -> None:
    made = filled(5_000)
    pages = [made.page(0), made.page(1)]
    made.changed()
    made.columns["value"][42] = 7
    made._soil(np.array([42]))
    changes = made.images(made.changed())
    twin = Small()
    twin.restore(made.first, made.n, [*pages, changes])

    assert changes["row"].tolist() == [42]
    assert not len(made.changed())
    assert all(np.array_equal(twin.column(name), made.column(name)) for name in Small.fields)
    assert twin._places(np.array([5_000], np.uint64)).tolist() == [4_999]


def test_bytes_grow_with_the_rows() -> None:
    assert filled(2_000).nbytes - filled(1_000).nbytes == 1_000 * 18


def test_what_stands_there_twice_repeats() -> None:
    assert repeats(np.array([3, 1, 3]))
    assert not repeats(np.array([3, 1, 2]))
    assert not repeats(np.zeros(0, np.int64))


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
