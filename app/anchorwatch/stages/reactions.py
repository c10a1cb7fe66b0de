"""What people do about predictions, decisions (decided.py) and complaints (complained.py) alike: joined by id, once, and read at an age.

A kind waits in a table of its own, made when the first one comes, so a feed without any pays for none. A reaction waits from when it was made
until `labels.delay.final` after that, whether it came before its prediction or after it; the first one of an id counts, what comes after it is
a duplicate.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.events import Role
from anchorwatch.stages.columns import Codes, Objects
from anchorwatch.stages.groups import Groups
from anchorwatch.stages.labels import OTHER, Classes
from anchorwatch.stages.table import Table, repeats
from anchorwatch.watches.base import Floats, Ints
from anchorwatch.watches.layout import Layout

if TYPE_CHECKING:
    from anchorwatch.stages.model_ingest import ModelIngest

Hashes = NDArray[np.uint64]


class Taken(NamedTuple):
    """What a batch of reactions did."""

    joined: int  # their prediction was there
    early: int  # it was not, yet
    duplicate: int  # of an id that has one
    late: int  # of the joined: when they came, their prediction was judged already, or too old for them
    unmatched: int  # of another life of the id, which never met its prediction


class Firsts(Table):
    """The first of each id. A subclass adds what it keeps of one."""

    fields: ClassVar = {
        "hash": np.uint64,
        "at": np.int64,  # when it was made, ms
        "met": np.int8,  # 1: its prediction came
    }
    blank: ClassVar = {"at": 0, "met": 0}

    def __init__(self) -> None:
        super().__init__()
        self.early = 0  # rows whose prediction did not come yet

    def take(self, hashes: Hashes, columns: dict[str, Ints], final_ms: int) -> tuple[NDArray[np.bool_], int]:
        """Each id's first one; again only when the old one is final. bool[n]: which were taken; how many that they replaced had met nobody."""
        taken, lost, left = np.zeros(len(hashes), np.bool_), 0, np.arange(len(hashes))
        while len(left):  # once, but for an id that comes again in this very batch when it was final
            first = left[np.sort(np.unique(hashes[left], return_index=True)[1])] if repeats(hashes[left]) else left
            rows = self.index.find(hashes[first], self.first)
            known, fresh = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
            places = rows[known] - self.first
            again = known[columns["at"][first[known]] - self.columns["at"][places] > final_ms]
            lost += int((self.columns["met"][rows[again] - self.first] == 0).sum())
            rows[fresh] = self._append(hashes[first[fresh]]) + self.first
            use = np.concatenate([fresh, again])
            for name, values in columns.items():
                self.columns[name][rows[use] - self.first] = values[first[use]]
            self._soil(rows[use])
            taken[first[use]] = True
            rest = np.setdiff1d(left, first, assume_unique=True)
            left = rest[columns["at"][rest] - self.columns["at"][self._places(hashes[rest])] > final_ms] if len(rest) else rest
        self.early += int((columns["met"][taken] == 0).sum()) - lost
        return taken, lost

    def meet(self, hashes: Hashes) -> int:
        """Predictions came: how many reactions had waited for them. Nothing to do while none waits."""
        if not self.early:
            return 0
        rows = np.unique(self.index.find(hashes, self.first))
        rows = rows[rows >= 0]
        rows = rows[self.columns["met"][rows - self.first] == 0]
        self.columns["met"][rows - self.first] = 1
        self._soil(rows)
        self.early -= len(rows)
        return len(rows)

    def drop(self, n: int) -> int:
        """The oldest n leave. How many of them met no prediction."""
        if not n:
            return 0
        unmatched = int((self.drop_front(n)["met"] == 0).sum())
        self.early -= unmatched
        return unmatched

    def restore(self, first: int, n: int, images: Any) -> None:
        super().restore(first, n, images)
        self.early = int((self.column("met") == 0).sum())


class Reactions:
    """One kind of them, to one model in one ingest task."""

    role: ClassVar[Role]
    horizon: ClassVar[str]  # of Layout.reactions: when they are read
    rows: ClassVar[type[Firsts]]

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.table = self.rows()
        self.words = Classes(names)  # that contracts and references name

    @property
    def nbytes(self) -> int:
        """Of the memory for what waits; 0 where nothing does."""
        return self.table.nbytes if self.table.n else 0

    def take(self, layout: Layout, records: Objects, hashes: Hashes, at: Ints, predicted: Ints, closed_ms: int) -> Taken:
        """predicted: when each one's prediction was made, -1: it is not there; closed_ms: predictions before that are judged already."""
        columns = self._coded(layout, records) | {"at": at, "met": (predicted >= 0).astype(np.int64)}
        taken, lost = self.table.take(hashes, columns, layout.contract.labels.delay.final)
        there = taken & (predicted >= 0)
        joined = int(there.sum())
        late = int((there & ((predicted < closed_ms) | (at - predicted > layout.reactions[self.horizon]))).sum())
        return Taken(joined, int(taken.sum()) - joined, int((~taken).sum()), late, lost)

    def leave(self, watermark_ms: int, layout: Layout, judged_to: int) -> int:
        """Those that are final, and whose prediction was judged, go. Returns how many met none."""
        before = watermark_ms - layout.contract.labels.delay.final
        return self.table.drop(self.table.final_front(min(before, judged_to) if judged_to >= 0 else before))

    def squeeze(self, most_bytes: int) -> int:
        """The oldest go until the table fits. Returns how many."""
        before = self.table.n
        while self.table.nbytes > most_bytes and self.table.n > 0:
            self.table.drop(max(self.table.n // 16, 1))
        return before - self.table.n

    def clear(self) -> None:
        self.table.drop(self.table.n)

    def count(self, model: "ModelIngest", number: int, rows: Ints, window: int) -> None:
        """Rows of a closed cell of predictions of one layout, told to its watches."""
        layout, column = model.layouts[number], model.waiting.column
        if self.horizon in layout.reactions:
            groups = model.groups(window, column("combo")[rows], number)
            self._tell(layout, column("hash")[rows], column("at")[rows], column("answer")[rows], groups)

    def _known(self, layout: Layout, hashes: Hashes, at: Ints) -> tuple[NDArray[np.bool_], dict[str, Ints]]:
        """bool[n]: which predictions have one by the age at which they are judged; what is kept of it, of others no matter what."""
        table = self.table
        rows = table.index.find(hashes, table.first)
        places = np.maximum(rows - table.first, 0)
        column = {name: values[places] if table.n else np.full(len(rows), -1) for name, values in table.columns.items()}
        delay = column["at"] - at
        there = (rows >= 0) & (delay <= layout.reactions[self.horizon]) & (-delay <= layout.contract.labels.delay.final)
        return there, column

    def _coded(self, layout: Layout, records: Objects) -> dict[str, Ints]:
        """Its own columns."""
        raise NotImplementedError

    def _tell(self, layout: Layout, hashes: Hashes, at: Ints, answer: Floats, groups: Groups) -> None:
        """answer: class codes; of a regression not looked at."""
        raise NotImplementedError

    def _codes(self, listed: Sequence[str], column: Objects) -> Ints:
        return self.words.kept(listed, Codes(listed, len(listed)).of(column)).astype(np.int64)

    def _read(self, listed: Sequence[str], kept: Ints) -> Ints:
        """Codes of that list, len(listed): another."""
        return self.words.read(listed, np.where(kept < 0, OTHER, kept).astype(np.float64))
