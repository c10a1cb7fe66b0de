"""Rows by the hash of a prediction's id, in arrays: found a batch at once, kept as pages, gone from the front when all of a page are old.

Beside its own columns a table may have one of cells, that only some contracts ask for.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anchorwatch.stages.index import Index
from anchorwatch.watches.base import Ints

PAGE = 4_096  # rows of a page, the unit of state
GROW = 1.5
TRACE_BYTES = 160
SLOT_BYTES = 12  # of the index, two to four slots a row
CELLS = "cells"  # uint8[rows, fields]: code of a prediction in each field that is looked at for slices; 0: not known
Values = dict[str, NDArray[Any]]  # column -> values of a batch


class Table:
    """Row numbers are `first` + place in the arrays. A subclass names its columns, `hash` and `at` (ms, when a row begins to age) among them."""

    fields: ClassVar[Mapping[str, Any]]
    blank: ClassVar[Mapping[str, float]]  # of a new row, but for its hash

    def __init__(self) -> None:
        self.first, self.n = 0, 0
        self.columns: dict[str, NDArray[Any]] = {name: np.zeros(PAGE, kind) for name, kind in self.fields.items()}
        self.index = Index()
        self.soiled = np.zeros(PAGE, np.bool_)  # rows changed since the last cut
        self.traces: dict[int, str] = {}  # hash -> traceparent of the few rows that are kept with theirs

    @property
    def nbytes(self) -> int:
        """Of the rows in use, and of the index."""
        row: int = sum(int(np.dtype(kind).itemsize) for kind in self.fields.values())
        return self.n * (row + width(self.columns)) + len(self.index.keys) * SLOT_BYTES + len(self.traces) * TRACE_BYTES

    def column(self, name: str) -> NDArray[Any]:
        return self.columns[name][: self.n]

    # rows in

    def _places(self, hashes: NDArray[np.uint64]) -> Ints:
        """Of ids that are here."""
        return self.index.find(hashes, self.first) - self.first

    def _append(self, hashes: NDArray[np.uint64]) -> Ints:
        """Places of new rows, blank until written."""
        n, end = len(hashes), self.n + len(hashes)
        if end > len(self.columns["hash"]):
            size = -(-int(max(end, GROW * len(self.columns["hash"]))) // PAGE) * PAGE
            self.columns = {name: fitted(old[: self.n], size) for name, old in self.columns.items()}
            self.soiled = fitted(self.soiled[: self.n], size)
        places = np.arange(self.n, end)
        self.columns["hash"][places] = hashes
        for name, value in self.blank.items():
            self.columns[name][places] = value
        self.n = end
        if 3 * (self.index.used + n) > 2 * len(self.index.keys):
            self._reindex()
        else:
            self.index.put(hashes, places + self.first)
        self._soil(places + self.first)
        return places

    def _reindex(self) -> None:
        slots = 1 << max(12, int(2 * self.n).bit_length())
        self.index = Index(slots, self.first)
        self.index.put(self.column("hash"), np.arange(self.first, self.first + self.n))

    def _soil(self, rows: Ints) -> None:
        self.soiled[rows - self.first] = True

    # leaving

    def drop_front(self, n: int) -> dict[str, NDArray[Any]]:
        """The oldest n rows leave. Returns copies of their columns."""
        gone = {name: column[:n].copy() for name, column in self.columns.items()}
        size = max(PAGE, -(-(self.n - n) // PAGE) * PAGE)
        self.columns = {name: fitted(column[n : self.n], size) for name, column in self.columns.items()}
        self.soiled = fitted(self.soiled[n : self.n], size)
        self.first += n
        self.n -= n
        if 4 * self.n < self.index.used:
            self._reindex()
        for i in self.traced(gone["hash"]).tolist():
            self.traces.pop(int(gone["hash"][i]), None)
        return gone

    def traced(self, hashes: NDArray[np.uint64]) -> Ints:
        """Places in `hashes` of rows that are kept with their trace. They are few: by the last 16 bits nearly all others are left out."""
        if not self.traces:
            return np.zeros(0, np.int64)
        some, low = np.zeros(1 << 16, np.bool_), np.uint64(0xFFFF)
        some[np.fromiter(self.traces, np.uint64, len(self.traces)) & low] = True
        maybe = np.flatnonzero(some[hashes & low])
        return maybe[np.fromiter((h in self.traces for h in hashes[maybe].tolist()), np.bool_, len(maybe))]

    def final_front(self, before_ms: int) -> int:
        """Rows of whole leading pages of which all are older than that."""
        n = 0
        while n + PAGE <= self.n and int(self.columns["at"][n : n + PAGE].max()) < before_ms:
            n += PAGE
        return n

    # state

    def changed(self) -> Ints:
        """Row numbers changed since the last call, ascending, those that left already not among them."""
        places = np.flatnonzero(self.soiled[: self.n])
        self.soiled[places] = False
        return places + self.first

    def images(self, rows: Ints) -> dict[str, NDArray[Any]]:
        """These rows as they are now, with their numbers."""
        return {"row": rows, **{name: column[rows - self.first] for name, column in self.columns.items()}}

    def page(self, number: int) -> dict[str, NDArray[Any]]:
        """All rows of one page that are still here."""
        return self.images(np.arange(max(number * PAGE, self.first), min((number + 1) * PAGE, self.first + self.n)))

    def restore(self, first: int, n: int, images: Iterable[dict[str, NDArray[Any]]]) -> None:
        """images: pages, then what changed since, in the order of their cuts; later ones win."""
        self.first, self.n = first, n
        size = max(PAGE, -(-n // PAGE) * PAGE)
        self.columns = {name: np.zeros(size, kind) for name, kind in self.fields.items()}
        self.soiled = np.zeros(size, np.bool_)
        for image in images:
            keep = (image["row"] >= first) & (image["row"] < first + n)
            places = image["row"][keep] - first
            for name in self.fields:
                self.columns[name][places] = image[name][keep]
            for name, column in widened(self.columns, image.get(CELLS), len(keep)).items():
                self.columns[name][places] = column[keep]
        self._reindex()


def repeats(values: NDArray[Any]) -> bool:
    """Does one of these integers stand there twice? By sorting: 0.01 us each, where `np.unique` needs 0.2."""
    ordered = np.sort(values)
    return bool((ordered[1:] == ordered[:-1]).any())


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
