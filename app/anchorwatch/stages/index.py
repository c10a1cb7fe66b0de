"""Where does the row of an id stand? A hash table in two arrays that takes whole batches at once."""

import numpy as np
from numpy.typing import NDArray

from anchorwatch.watches.base import Ints


class Index:
    """hash -> row number, open addressing, whole batches at once. Row numbers only grow; what lies below `first` is gone.

    base: row numbers are kept as what they exceed it by, in 4 bytes: 2 billion rows fit before the index is made anew.
    """

    def __init__(self, slots: int = 1 << 12, base: int = 0) -> None:
        self.keys = np.zeros(slots, np.uint64)
        self.rows = np.full(slots, -1, np.int32)
        self.mask, self.base, self.used = slots - 1, base, 0

    def put(self, keys: NDArray[np.uint64], rows: Ints) -> None:
        """keys without duplicates and without 0."""
        at, step = self._begin(keys)
        left = np.arange(len(keys))
        while len(left):
            wanted = keys[left]
            free = self.keys[at] == 0
            self.keys[at[free]] = wanted[free]  # of several that want a slot the last one has it
            mine = self.keys[at] == wanted
            self.rows[at[mine]] = rows[left[mine]] - self.base
            self.used += int(np.count_nonzero(free & mine))
            left, at = left[~mine], at[~mine]
            at = (at + step[left]) & self.mask

    def find(self, keys: NDArray[np.uint64], first: int) -> Ints:
        """int64[n] row numbers, -1 where unknown or gone."""
        at, step = self._begin(keys)
        left, rows = np.arange(len(keys)), np.full(len(keys), -1, np.int64)
        while len(left):
            seen = self.keys[at]
            hit = seen == keys[left]
            rows[left[hit]] = self.rows[at[hit]] + np.int64(self.base)
            on = ~hit & (seen != 0)
            left, at = left[on], at[on]
            at = (at + step[left]) & self.mask
        rows[rows < first] = -1
        return rows

    def _begin(self, keys: NDArray[np.uint64]) -> tuple[Ints, Ints]:
        """The first slot of each, and how far to the next: odd, so it comes by every slot, and of each key its own, so no clusters grow."""
        return (keys & np.uint64(self.mask)).astype(np.int64), (keys >> np.uint64(40)).astype(np.int64) | 1
