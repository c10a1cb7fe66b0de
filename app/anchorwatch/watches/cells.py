"""Into which cells of its features does a prediction fall? What slices nobody declared are made of.

A cell is one value of a category, or one of eight ranges of a number, cut where the reference has equal shares; a missing value, rare ones
and those never seen are cells too. Private features have none, nor those that are not watched, nor those that are segments anyway.
A slice is a cell, or two of them of two features; here it is a number.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.estimators.reference_bins import digitize
from anchorwatch.watches.base import Columns, Floats, Ints, short_hash

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

RANGES_MAX = 8  # of a number: finer ones hold too few labels to say anything
FIELDS_MAX = 64  # features looked at, in the order of the contract: a byte each of every prediction that waits
MISSING = 1  # code; 0: not known, as of what waited before cells were kept
Bytes = NDArray[np.uint8]


class Field(NamedTuple):
    name: str
    edges: Floats | None  # of a number; None: a category
    first: int  # number of its first cell, that of missing values


class Cells:
    """Compiled once per layout."""

    def __init__(self, layout: "Layout") -> None:
        self.fields: list[Field] = []
        names: list[str] = []
        for feature in candidates(layout)[:FIELDS_MAX]:
            edges = ranges(layout, feature) if layout.features[feature] == "number" else None
            self.fields.append(Field(feature, edges, len(names)))
            names += [f"{feature}={value}" for value in _values(layout, feature, edges)]
        self.names = tuple(names)
        self.key = f"slices@late~{short_hash(self.names)}"
        self._first = np.array([field.first for field in self.fields], np.int64)
        self._field = np.repeat(np.arange(len(self.fields)), np.diff(self._first, append=len(names)))  # of each cell

    @property
    def rows(self) -> int:
        """Of a table of counts: a row for each cell, and the last for all predictions."""
        return len(self.names) + 1

    def of(self, columns: Columns) -> Bytes:
        """uint8[n, fields]: code of each prediction in each field, from 1."""
        found = np.empty((columns.n, len(self.fields)), np.uint8)
        for i, field in enumerate(self.fields):
            codes = columns.codes[field.name] if field.edges is None else digitize(columns.numbers[field.name], field.edges)
            found[:, i] = codes + (1 + MISSING)  # a missing code is -1
        return found

    def count(self, codes: Bytes, wrong: NDArray[np.bool_]) -> Ints:
        """int64[rows, 2]: predictions whose truth is known, and the wrong ones among them. codes: uint8[n, fields]; wrong: bool[n]."""
        known = codes[:, 0] > 0
        if not known.all():
            codes, wrong = codes[known], wrong[known]
        return np.stack([self._sums(codes), self._sums(codes[wrong])], axis=1)

    # slices

    def pair(self, first: Ints, second: Ints) -> Ints:
        """Numbers of slices of two cells, the first of an earlier field; a cell's own number is that of its slice."""
        return (first + 1) * self.rows + second

    def halves(self, pairs: Ints) -> tuple[Ints, Ints]:
        """Their cells."""
        return pairs // self.rows - 1, pairs % self.rows

    def parts(self, which: int) -> tuple[int, ...]:
        """The cells of a slice: one, or two."""
        first, second = divmod(which, self.rows)
        return (first - 1, second) if first else (second,)

    def name(self, which: int) -> str:
        """As segments are named: `device=tablet,tenure_months=0..3`."""
        return ",".join(self.names[cell] for cell in self.parts(which))

    def count_pairs(self, codes: Bytes, wrong: NDArray[np.bool_], pairs: Ints) -> Ints:
        """int64[pairs, 4, 2]: predictions and the wrong ones among them, of the pair, its first cell, its second, and all.

        codes: uint8[n, fields], known; 2 ns a pair and prediction, where they are many.
        """
        found = np.empty((len(pairs), 4, 2), np.int64)
        one, two = self._halves_of(codes, pairs)
        for part, which in enumerate((one & two, one, two)):
            found[:, part, 0] = which.sum(1)
            found[:, part, 1] = which[:, wrong].sum(1)
        found[:, 3] = len(wrong), wrong.sum()
        return found

    def in_pairs(self, codes: Bytes, pairs: Ints) -> NDArray[np.bool_]:
        """bool[pairs, n]: which predictions fall into each."""
        one, two = self._halves_of(codes, pairs)
        return one & two

    def _halves_of(self, codes: Bytes, pairs: Ints) -> list[NDArray[np.bool_]]:
        by_field, found = np.ascontiguousarray(codes.T), []
        for cell in self.halves(pairs):
            field = self._field[cell]
            found.append(by_field[field] == (cell - self._first[field] + MISSING).astype(np.uint8)[:, None])
        return found

    def _sums(self, codes: Bytes) -> Ints:
        counts = np.bincount((codes + (self._first - MISSING)).reshape(-1), minlength=self.rows)
        counts[-1] = len(codes)
        return counts


def candidates(layout: "Layout") -> list[str]:
    """Features whose cells may be named; none without a reference, which says where a number is cut, and none of a regression."""
    if layout.reference is None or layout.regression or not layout.contract.segments.discover:
        return []
    single = {group[0] for group in layout.groupings if len(group) == 1}
    found = []
    for feature in layout.watched_features:
        number = layout.features[feature] == "number"
        known = len(layout.edges(feature)) > 0 if number else feature in layout.reference.values and layout.features[feature] != "text"
        if known and not layout.is_private(feature) and feature not in single:
            found.append(feature)
    return found


def ranges(layout: "Layout", feature: str) -> Floats:
    """At most seven of the reference's edges, so that the ranges between them hold about equal shares of it."""
    edges = layout.edges(feature)
    bins = len(edges) + 1
    if bins <= RANGES_MAX:
        return edges
    return edges[np.arange(1, RANGES_MAX) * bins // RANGES_MAX - 1]


def _values(layout: "Layout", feature: str, edges: Floats | None) -> list[str]:
    """Names of the cells of one field, in the order of their codes."""
    if edges is not None:
        ends = [f"{edge:.6g}" for edge in edges.tolist()]
        return ["(missing)", *(f"{low}..{high}" for low, high in zip(["", *ends], [*ends, ""], strict=True))]
    named = layout.reference.values[feature] if layout.reference else ()
    return ["(missing)", *(_plain(value) for value in named), "(rare)", "(new)"]


def _plain(value: str) -> str:
    """Without the signs that mean something in the name of a segment, or of a cell of ours."""
    for sign in "%,=(":
        value = value.replace(sign, f"%{ord(sign):02X}")
    return value
