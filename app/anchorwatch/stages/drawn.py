"""Judged predictions that stand for all of their window: those of the smallest hash of an id, so they are the same whatever the tasks.

Which are drawn says nothing of whether they are wrong: what holds of any prediction, once it is suspected, holds of a drawn one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.events import Sample
from anchorwatch.stages.table import repeats
from anchorwatch.watches.cells import Cells

DRAWN_MAX = 1_024  # of a window, however many are judged in it: 10 kB with one feature, 75 kB with 64, of each task
Bytes = NDArray[np.uint8]


class Drawn(NamedTuple):
    """Columns of n, hashes ascending."""

    hashes: NDArray[np.uint64]
    codes: Bytes  # uint8[n, fields] of `Cells.of`
    wrong: NDArray[np.bool_]

    @classmethod
    def none(cls, fields: int) -> "Drawn":
        return cls(np.zeros(0, np.uint64), np.zeros((0, fields), np.uint8), np.zeros(0, np.bool_))

    def pack(self, key: str) -> Sample:
        """key: what the codes mean, `Cells.key`."""
        rows = np.concatenate([self.codes, self.wrong[:, None]], axis=1)
        return Sample(key, self.hashes.astype("<u8").tobytes(), rows.tobytes())

    @classmethod
    def unpack(cls, sample: Sample, fields: int) -> "Drawn | None":
        """None: not rows of so many fields."""
        hashes = np.frombuffer(sample.hashes, "<u8").astype(np.uint64)
        if len(sample.rows) != len(hashes) * (fields + 1):
            return None
        rows = np.frombuffer(sample.rows, np.uint8).reshape(-1, fields + 1)
        return cls(hashes, rows[:, :-1], rows[:, -1] > 0)

    # state

    def arrays(self, place: str) -> dict[str, NDArray[Any]]:
        """For a snapshot, under names that begin with `place`."""
        return {f"{place}/drawn/{name}": getattr(self, name) for name in self._fields}

    @classmethod
    def of_arrays(cls, place: str, arrays: Mapping[str, NDArray[Any]], cells: Cells | None) -> "Drawn | None":
        """None: nothing was drawn, as before there were samples, or of other cells."""
        hashes, codes, wrong = (arrays.get(f"{place}/drawn/{name}") for name in cls._fields)
        if cells is None or hashes is None or codes is None or wrong is None or codes.shape != (len(hashes), len(cells.fields)):
            return None
        return cls(hashes.astype(np.uint64), codes.astype(np.uint8), wrong.astype(np.bool_))


def drawn(hashes: NDArray[np.uint64], codes: Bytes, wrong: NDArray[np.bool_]) -> Drawn:
    """Of these the ones that stand for all; those whose cells are not known (0) for nothing. 10 ns each."""
    some = np.flatnonzero(codes[:, 0] > 0)
    if len(some) > DRAWN_MAX:
        least = hashes[some]
        some = some[least <= np.partition(least, DRAWN_MAX - 1)[DRAWN_MAX - 1]]
    found = hashes[some]
    if repeats(found):  # an id that came again: what it says decides, not when it came
        order = np.array(sorted(range(len(found)), key=lambda i: (int(found[i]), codes[some[i]].tobytes(), bool(wrong[some[i]]))))
    else:
        order = np.argsort(found)
    some = some[order[:DRAWN_MAX]]
    return Drawn(hashes[some], codes[some], wrong[some])


def joined(one: Drawn, other: Drawn) -> Drawn:
    """All of both, in this order."""
    return Drawn(*(np.concatenate([getattr(each, name) for each in (one, other)]) for name in Drawn._fields))


def merged(one: Drawn | None, other: Drawn) -> Drawn:
    """As if both had been drawn at once, by equal fields."""
    if one is None:
        return other
    both = joined(one, other)
    return drawn(both.hashes, both.codes, both.wrong)
