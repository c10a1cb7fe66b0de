"""Predictions that wait for their outcome, and outcomes that came first: one table per model and task, in arrays.

A row is a prediction id with what is known of it so far. Outcomes of unknown predictions are rows as well ("ghosts"), which the prediction
fills in. Rows leave from the front, page by page, when all of a page are final. Ids are 64-bit hashes: two of a million waiting ids collide
with a chance of 3e-8.
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.stages.table import Table, Values, repeats, widened
from anchorwatch.watches.base import Floats, Ints

FIELDS: dict[str, Any] = {  # 54 bytes a row
    "hash": np.uint64,
    "at": np.int64,  # predicted_at in ms; of a ghost: known_at
    "combo": np.int64,
    "answer": np.float64,  # class code, or the predicted number; NaN: the call failed
    "label": np.float64,  # the same, a class by the code that `labels.py` gives it; NaN: none yet
    "known": np.int64,
    "revision": np.int32,  # -1: no label
    "layout": np.int16,  # which layout `combo` and `answer` belong to; -1: a ghost
}
GHOST = -1


class Joined(NamedTuple):
    """What a batch of outcomes did, as counts, and which rows got their first label."""

    rows: Ints  # of the outcomes that were taken, -1 where none
    joined: int
    revised: int
    duplicate: int
    waiting: int


class Added(NamedTuple):
    """What a batch of predictions did."""

    new: NDArray[np.bool_]  # bool[n]
    joined: int  # their outcome was there before them
    conflicts: int  # known ids that came again with another answer or other segments
    retried: int = 0  # failed calls that were made again under their id, now with an answer


class Waiting(Table):
    """About 75 bytes a row with its slots."""

    fields: ClassVar = FIELDS
    blank: ClassVar = {"label": np.nan, "known": 0, "revision": -1, "layout": GHOST, "at": 0, "combo": 0, "answer": np.nan}  # a ghost

    # predictions

    def add(
        self, hashes: NDArray[np.uint64], at: Ints, combo: Ints, answer: Floats, layout: int, final_ms: int,
        cells: NDArray[np.uint8] | None = None,
    ) -> Added:  # fmt: skip
        """Known ids change nothing, but a ghost's prediction fills it in, and the first answer a call that failed.

        cells: uint8[n, fields], kept beside them (watches/cells.py); None: of a contract that does not ask.

        An id that comes again more than `final_ms` later, by its own time, is a new prediction: the old one was final.
        """
        values: Values = {"at": at, "combo": combo, "answer": answer} | widened(self.columns, cells, len(hashes))
        new, joined, left = np.zeros(len(hashes), np.bool_), 0, np.arange(len(hashes))
        while len(left):  # once, but for an id that comes again in this very batch when it was final
            first = left
            if repeats(hashes[left]):
                first = left[np.sort(np.unique(hashes[left], return_index=True)[1])]
            rows = self.index.find(hashes[first], self.first)
            use, filled = self._takes(rows, at[first], final_ms)
            joined += filled
            fresh = first[rows < 0]
            if len(fresh):
                self._write(self._append(hashes[fresh]), values, fresh, layout)
            if use.any():
                self._write(rows[use] - self.first, values, first[use], layout)
                self._soil(rows[use])
            new[fresh], new[first[use]] = True, True
            if len(first) == len(left):
                break
            rest = np.setdiff1d(left, first, assume_unique=True)
            left = rest[self._is_again(self._places(hashes[rest]), at[rest], final_ms)]
        known = np.flatnonzero(~new)
        if not len(known):
            return Added(new, joined, 0)
        places = self._places(hashes[known])
        retried = self._answer(places, values, known, layout)
        same = (self.columns["combo"][places] == combo[known]) & _equal(self.columns["answer"][places], answer[known])
        return Added(new, joined, int((~same).sum()), retried)

    def _answer(self, places: Ints, values: Values, known: Ints, layout: int) -> int:
        """A call that failed and was made again: its failure stays counted, and its truth is held against the first answer that came."""
        late = np.flatnonzero(np.isnan(self.columns["answer"][places]) & ~np.isnan(values["answer"][known]))
        filled, first = np.unique(places[late], return_index=True)
        self._write(filled, {name: column for name, column in values.items() if name != "at"}, known[late[first]], layout)
        if len(filled):
            self._soil(filled + self.first)
        return len(filled)

    def _takes(self, rows: Ints, at: Ints, final_ms: int) -> tuple[NDArray[np.bool_], int]:
        """bool[n]: which rows take a prediction, as ghosts or since the old one was final; how many ghosts had a label."""
        use, known = np.zeros(len(rows), np.bool_), np.flatnonzero(rows >= 0)
        places = rows[known] - self.first
        ghost, again = self.columns["layout"][places] == GHOST, self._is_again(places, at[known], final_ms)
        for name, value in (("label", np.nan), ("known", 0), ("revision", -1)):
            self.columns[name][places[again]] = value
        use[known] = ghost | again
        return use, int((ghost & (self.columns["revision"][places] >= 0)).sum())

    def _is_again(self, places: Ints, at: Ints, final_ms: int) -> NDArray[np.bool_]:
        again: NDArray[np.bool_] = (self.columns["layout"][places] != GHOST) & (at - self.columns["at"][places] > final_ms)
        return again

    def _write(self, places: Ints, values: Values, some: Ints, layout: int) -> None:
        for name, column in values.items():
            self.columns[name][places] = column[some]
        self.columns["layout"][places] = layout

    # outcomes

    def label(self, hashes: NDArray[np.uint64], labels: Floats, known: Ints, revisions: Ints) -> Joined:
        """In the order given; of one id a larger revision replaces, an equal or smaller one is a duplicate."""
        rows = self.index.find(hashes, self.first)
        strangers = np.flatnonzero(rows < 0)
        if len(strangers):
            fresh, inverse = np.unique(hashes[strangers], return_inverse=True)
            places = self._append(fresh)
            rows[strangers] = places[inverse] + self.first
            firsts = np.full(len(fresh), np.iinfo(np.int64).max)
            np.minimum.at(firsts, inverse, known[strangers])
            self.columns["at"][places] = firsts
        places = rows - self.first
        before = self.columns["revision"][places].astype(np.int64)
        taken = revisions > before
        if repeats(rows):
            taken, before = self._in_order(rows, revisions, before)
        keep = np.flatnonzero(taken)  # of several taken for one row the last is the largest: numpy writes in order
        for name, values in (("label", labels), ("known", known), ("revision", revisions)):
            self.columns[name][places[keep]] = values[keep]
        self._soil(rows[keep])
        ghosts = self.columns["layout"][places] == GHOST
        first_label = taken & (before < 0)
        return Joined(
            np.where(taken & ~ghosts, rows, -1), int((first_label & ~ghosts).sum()), int((taken & (before >= 0)).sum()),
            int((~taken).sum()), int((taken & ghosts).sum()),
        )  # fmt: skip

    @staticmethod
    def _in_order(rows: Ints, revisions: Ints, before: Ints) -> tuple[NDArray[np.bool_], Ints]:
        """Several outcomes of one id in a batch: as if they came one by one. 0.3 us each, and rare."""
        top: dict[int, int] = {}
        taken, met = np.zeros(len(rows), np.bool_), before.copy()
        for i, (row, revision, known) in enumerate(zip(rows.tolist(), revisions.tolist(), before.tolist(), strict=True)):
            met[i] = top.get(row, known)
            if revision > met[i]:
                top[row], taken[i] = revision, True
        return taken, met

    def predicted(self, hashes: NDArray[np.uint64]) -> Ints:
        """int64[n]: when the predictions of these ids were made; -1: not here (yet)."""
        if not self.n:
            return np.full(len(hashes), -1)
        rows = self.index.find(hashes, self.first)
        places = np.maximum(rows - self.first, 0)
        there = (rows >= 0) & (self.columns["layout"][places] != GHOST)
        return np.where(there, self.columns["at"][places], -1)


def _equal(a: Floats, b: Floats) -> NDArray[np.bool_]:
    """NaN equals NaN: a failed call that comes again is no conflict."""
    same: NDArray[np.bool_] = (a == b) | (np.isnan(a) & np.isnan(b))
    return same
