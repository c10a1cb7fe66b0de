"""Pairs of cells that may be bad where neither cell says so: which to count, and which of those to put on trial (detection.md 6).

There are too many pairs to count them all in every prediction (27,000 of thirty features). So of the drawn predictions of a window (drawn.py)
the newest wrong ones are held, with as many others, and searched now and then for pairs that stand out (estimators/pair_search.py). Those are
counted from then on, and their cells beside them, in drawn predictions that come later: what made a pair stand out is no reason to suspect it.
A pair is ripe for a trial when it is beyond doubt above the line, and above what is left of either of its cells without it: one that is as bad
as its cell elsewhere is that cell's affair. What falls into a pair on trial counts for no other: of six pairs that hold the same people one is
tried.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorwatch.estimators.pair_search import HELD_MAX, PairSearch
from anchorwatch.stages.drawn import Drawn, joined
from anchorwatch.stages.suspicion import WEIGHT_OF_PAIR, faded, limits, score, worst
from anchorwatch.watches.base import Floats, Ints
from anchorwatch.watches.cells import MISSING, Cells

COUNTED_MAX = 64  # pairs
KEPT_MAX = 48  # of them after a search: there is always room for new ones
NAMED_MAX = 256  # by a search, most of which are too small
YOUNG = 30  # predictions of a pair, below which it is not given up
SHARED_MAX = 0.25  # of the wrong ones held of a pair that another one explains, which goes on trial; above, it is counted from the start
BATCH = 512  # drawn predictions that are looked at together: a window of few would cost as much
CASES_MIN = 64  # new wrong ones before the next search; and a quarter of what is held, half once no more can be
MIXED = np.uint64(0x9E3779B97F4A7C15)  # odd, so no two hashes become one
GAP_OF_FIELDS = 20  # drawn predictions before it, for each pair of fields, when all that can be held is: .3 us each
GROWTH = 1.25  # of what was seen, after which it need not wait for that


class Pairs:
    """Cost: 72 bytes a pair counted, 2.5 kB a field; .3 us a drawn prediction of ten features, .6 of thirty."""

    def __init__(self, cells: Cells, line: float, phi: Floats) -> None:
        """phi: float64[cells]: of a pair the larger of its two; how its own errors clump no reference says."""
        self.cells, self.line, self.phi = cells, line, phi
        fields = len(cells.fields)
        self.search = PairSearch([field.first for field in cells.fields], len(cells.names))
        self.gap_max = GAP_OF_FIELDS * fields * (fields - 1) / 2
        self.pairs: Ints = np.zeros(0, np.int64)
        self.counts: Floats = np.zeros((0, 4, 2))  # of each pair, its first cell, its second, and all since it is counted; n, wrong
        self.held = Drawn.none(fields)  # not looked at yet
        self.rows, self.fresh, self.cases = 0, 0, 0  # looked at in all; since the last search, and the wrong ones among them
        self.week = -1
        self._none_ripe = False  # as was seen since the counts changed

    def add(self, drawn: Drawn, taken: Collection[int], to_ms: int) -> None:
        """taken: slices that are on trial."""
        self.held = joined(self.held, drawn)
        if len(self.held.wrong) < BATCH:
            return
        order = np.argsort(self.held.hashes * MIXED)  # those of a busy window have the smaller hashes
        codes, wrong = self.held.codes[order], self.held.wrong[order]
        self.held = Drawn.none(codes.shape[1])
        self.rows, self.fresh = self.rows + len(wrong), self.fresh + len(wrong)
        others = np.array([which for which in taken if which >= self.cells.rows], np.int64)
        if len(others):
            free = ~self.cells.in_pairs(codes, others).any(0)
            codes, wrong = codes[free], wrong[free]
        self._halve(to_ms)
        if len(self.pairs):
            self.counts += self.cells.count_pairs(codes, wrong, self.pairs)
        self.cases += self.search.add(codes - MISSING, wrong)
        if self._search_is_due():
            self.fresh = self.cases = 0
            self._look(taken)
        self._none_ripe = False

    def _search_is_due(self) -> bool:
        held = len(self.search.cases)
        gap = min(self.gap_max * held / HELD_MAX, self.rows * (1 - 1 / GROWTH))
        return self.cases >= max(CASES_MIN, held // (4 if held < HELD_MAX else 2)) and self.fresh >= gap

    def worst(self) -> int | None:
        """The pair to be put on trial next. None: none is ripe."""
        if self._none_ripe or not len(self.pairs):
            return None
        n, k = self.counts[:, 0].T
        scores = score(n, k, self.counts[:, 3, 0], self.counts[:, 3, 1], WEIGHT_OF_PAIR)
        found = worst(self.counts[:, 0], scores, self._limits(), self.phi_of(self.pairs), np.ones(len(n), np.bool_))
        self._none_ripe = found is None
        return None if found is None else int(self.pairs[found])

    def take(self, pair: int) -> Floats:
        """It is on trial from now on, and counted here no more. float64[4, 2], what was counted of it."""
        at = int(np.flatnonzero(self.pairs == pair)[0])
        found: Floats = self.counts[at].copy()
        cases, controls = (self.cells.in_pairs(rows + MISSING, self.pairs) for rows in (self.search.cases, self.search.controls))
        shared = (cases & cases[at]).sum(1) > SHARED_MAX * cases.sum(1)
        self.counts[shared] = 0.0
        self.search.leave_out(cases[at], controls[at])
        self._keep(np.arange(len(self.pairs)) != at)
        return found

    def phi_of(self, pairs: Ints) -> Floats:
        first, second = self.cells.halves(pairs)
        larger: Floats = np.maximum(self.phi[first], self.phi[second])
        return larger

    def _limits(self) -> Floats:
        """Error that each pair has to surpass: the line; where a cell is over it without the pair, that, beyond its own luck.

        1 where too little is left of a cell to tell."""
        first, second = (limits(self.line, self.counts[:, part] - self.counts[:, 0]) for part in (1, 2))
        larger: Floats = np.maximum(first, second)
        return larger

    def _halve(self, to_ms: int) -> None:
        self.week, left = faded(self.week, to_ms)
        self.counts *= left

    def _look(self, taken: Collection[int]) -> None:
        """Gives up what does not look bad any more, and counts what stands out now in its place."""
        n, k = self.counts[:, 0].T
        expected = n * self._limits()
        above = np.where((n < YOUNG) | (k > expected), (k - expected) / np.sqrt(expected + 1), -np.inf)
        keep = np.zeros(len(n), np.bool_)
        keep[np.argsort(-above, kind="stable")[:KEPT_MAX]] = True
        self._keep(keep & (above > -np.inf))
        found = self.search.best(NAMED_MAX)
        if not found:
            return
        size, cases = np.array([max(each.controls, 0.5) for each in found]), np.array([each.cases for each in found], np.float64)
        large = score(size, cases, len(self.search.controls), len(self.search.cases), WEIGHT_OF_PAIR) > 0
        first, second = (np.array(cell, np.int64) for cell in zip(*((each.first, each.second) for each in found), strict=True))
        named = self.cells.pair(first, second)[large]
        fresh = named[~np.isin(named, [*self.pairs.tolist(), *taken])][: COUNTED_MAX - len(self.pairs)]
        self.pairs = np.append(self.pairs, fresh)
        self.counts = np.concatenate([self.counts, np.zeros((len(fresh), 4, 2))])

    def _keep(self, which: NDArray[np.bool_]) -> None:
        self.pairs, self.counts = self.pairs[which], self.counts[which]

    # state

    def snapshot(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays = {"numbers": self.pairs.copy(), "counts": self.counts.copy(), **self.held.arrays("held"), **self.search.snapshot()}
        return {"rows": self.rows, "fresh": self.fresh, "cases": self.cases, "week": self.week}, {
            f"pairs/{name}": array for name, array in arrays.items()
        }

    def restore(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Raises StateCorrupt. Of before there were pairs nothing is left to put back."""
        if not header:
            return
        mine = {name.removeprefix("pairs/"): array for name, array in arrays.items() if name.startswith("pairs/")}
        self.search.restore(mine)
        self.rows, self.fresh, self.cases, self.week = (header[name] for name in ("rows", "fresh", "cases", "week"))
        self.pairs, self.counts = mine["numbers"].astype(np.int64), mine["counts"].astype(np.float64)
        self.held = Drawn.of_arrays("held", mine, self.cells) or Drawn.none(len(self.cells.fields))
        self._none_ripe = False
