"""Which window and which combination of segment values does each event of a batch belong to? And the counting by it."""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from anchorwatch.stages.windows import OpenWindow, numbered
from anchorwatch.watches.base import Ints


class Groups:
    """Which (window, combination) each event of a batch belongs to, and the counting by it."""

    def __init__(self, windows: Ints, combos: Ints, keep: NDArray[np.bool_], into: Callable[[int], OpenWindow]) -> None:
        """windows, combos: int64[n]; keep: which events count; into: the open window of a number."""
        self.keep = np.flatnonzero(keep)
        w, c = windows[self.keep], combos[self.keep]
        self.all = len(self.keep) == len(keep)
        number, place = numbered(w)
        combo, which = numbered(c)
        pairs, self.pair_of = numbered(place * max(len(combo), 1) + which)
        self.combos = combo[pairs % max(len(combo), 1)]
        starts = np.searchsorted(pairs // max(len(combo), 1), np.arange(len(number) + 1))
        parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(starts)]
        self.slices = [(into(int(n)), part, self.combos[part]) for n, part in zip(number, parts, strict=True)]
        self._firsts: dict[int, Ints] = {}  # symbols of a count -> where the cells of each event's pair begin

    def __call__(self, key: str, cells: Ints, where: NDArray[np.bool_] | None = None) -> None:
        self._add(key, cells, where, None)

    def weighted(self, key: str, cells: Ints, weights: Ints) -> None:
        self._add(key, cells, None, weights)

    def note_newest(self, at: Ints) -> None:
        newest = np.full(len(self.combos), -1, np.int64)
        np.maximum.at(newest, self.pair_of, at[self.keep])
        for window, part, _ in self.slices:
            window.last_ms = max(window.last_ms, int(newest[part].max()))

    def _add(self, key: str, cells: Ints, where: NDArray[np.bool_] | None, weights: Ints | None) -> None:
        if not self.slices:
            return
        symbols = self.slices[0][0].layout.counts[key].symbols
        size, first = len(self.combos) * symbols, self._firsts.get(symbols)
        if first is None:
            first = self._firsts[symbols] = self.pair_of * symbols
        flat = first + (cells if self.all else cells[self.keep])
        if where is not None and not where.all():
            flat = flat[where if self.all else where[self.keep]]
        if weights is None:
            counts = np.bincount(flat, minlength=size)
        else:
            counts = _summed(flat, weights if self.all else weights[self.keep], size)
        table = counts.reshape(-1, symbols)
        for window, part, combos in self.slices:
            window.add(key, combos, table[part])


def _summed(flat: Ints, weights: Ints, size: int) -> Ints:
    """Exact whatever the weights: in floats, four times as fast, while no sum can pass 2**53."""
    if len(weights) and float(np.abs(weights).max()) * len(weights) < 2.0**53:
        return np.bincount(flat, weights, size).astype(np.int64)
    counts = np.zeros(size, np.int64)
    np.add.at(counts, flat, weights)
    return counts
