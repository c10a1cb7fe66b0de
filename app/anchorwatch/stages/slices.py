"""Slices of one model that nobody declared: which look bad, which are on trial, and which are found (detection.md 6).

Counts of all cells are added up, halved each week; of pairs of cells pairs.py says which look bad. What looks bad is lent the lowest free
place: 30 days of that place's credit at once, and from the next window on it is tested like any monitor: a cell on all predictions, a pair on
those that are drawn (drawn.py). What has not got to its mark when the loan is over makes room.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.alerting.budget import share_of_watch
from anchorwatch.estimators.bank import QUIET
from anchorwatch.estimators.lent import LentBank, place_share
from anchorwatch.stages.drawn import Drawn
from anchorwatch.stages.monitors import Heard
from anchorwatch.stages.pairs import Pairs
from anchorwatch.stages.suspicion import REST_MIN, faded, limits, line_of_whole, score, worst
from anchorwatch.watches.base import Floats, Ints, Monitor, Stream
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.slices import SUBJECT, monitor_key

DAY_MS = 86_400_000
LOAN_DAYS = 30
LENT_SHARE_MAX = 1 / 20  # of N: with a mark of hours a loan alone must not warn
CLEAR_DAYS = 7.0  # of evidence: with one, a value a fifth beyond its line, thirty labels a day, was over and back 32 times in three years
Window = tuple[int, int]


class Trial(NamedTuple):
    """What a place is lent to."""

    which: int  # a slice, by its number (cells.py)
    until_ms: int  # then the place is free again, unless its alert is open
    lent_days: float


class Slices:
    """Cost: 16 bytes a cell, 500 a place; .1 ms a window in which predictions were judged, nothing in others."""

    def __init__(self, layout: Layout, level_days: float) -> None:
        self.layout, self.level_days = layout, level_days
        self.cells = layout.cells
        self.line = line_of_whole(layout) if self.cells is not None else None
        self.trials: dict[int, Trial] = {}  # by place
        if self.cells is None or self.line is None:
            return
        places = min(layout.contract.segments.discover, len(self.cells.names))
        self.bank = LentBank(places, CLEAR_DAYS, level_days)
        self.shares = share_of_watch("slices") * place_share(np.arange(1, places + 1))
        self.lent_until = np.zeros(places, np.int64)  # of each share of the budget, not of each place
        self.seen: Floats = np.zeros((self.cells.rows, 2))  # n, wrong
        self.since: Floats = np.zeros((places, 4, 2))  # of each trial: its slice, all, and of a pair its two cells; n, wrong
        self.week = -1
        self.credited_ms = -1
        usual = layout.phi(self.line.monitors[0], 1)[0]
        self.phi = np.array([layout.phi(monitor_key(name), 1)[0] for name in self.cells.names])
        self.phi = np.maximum(self.phi, 1.0) if self.phi.max() > 1 else np.full(len(self.phi), usual)
        self.singles = len(self.cells.names)  # numbers from there on are pairs
        self.pairs = Pairs(self.cells, self.line.line, self.phi)

    # a window

    def window(self, apart: Mapping[str, Ints], window: Window, drawn: Drawn | None = None) -> list[Heard]:
        """apart: int64[rows, 2] of `Cells.count` under its key, of all tasks, where anything was judged; drawn: those that stand for it."""
        if self.cells is None or self.line is None or self.cells.key not in apart:
            return []
        counts = apart[self.cells.key]
        n, k = np.zeros(self.bank.size, np.int64), np.zeros(self.bank.size, np.int64)
        at = self._lent()
        mine = self._count(self._on_trial(at), counts, drawn)
        n[at], k[at] = mine[:, 0].T
        self.since[at] += mine
        waits = self._waiting()
        n[waits] = k[waits] = 0
        if self.trials:
            self._tune()
        days = max(window[1] - (self.credited_ms if self.credited_ms >= 0 else window[0]), 0) / DAY_MS
        self.credited_ms = window[1]
        heard = [self._words(change) for change in self.bank.window(n, k, days, *window)]
        for each in heard:
            if each.change.verdict == "quiet":
                self._clear(each.change.monitor)
        self._end_loans(window[1])
        self._add(counts, window[1])
        if drawn is not None:
            self.pairs.add(drawn, {trial.which for trial in self.trials.values()}, window[1])
        self._suspect(window[1])
        return heard

    def _waiting(self) -> Ints:
        """Places of cells of which nobody knows yet how all else fares since their trial began."""
        left = self.since[:, 1, 0] - self.since[:, 0, 0]
        return np.array([p for p, trial in self.trials.items() if trial.which < self.singles and left[p] < REST_MIN], np.int64)

    def _count(self, which: Ints, counts: Ints, drawn: Drawn | None) -> Ints:
        """int64[slices, 4, 2] as in `since`: of a cell all predictions of the window, of a pair those that were drawn."""
        assert self.cells is not None, "slices are of cells"
        found = np.zeros((len(which), 4, 2), np.int64)
        single = which < self.singles
        found[single, 0], found[single, 1] = counts[which[single]], counts[-1]
        if drawn is not None and not single.all():
            found[~single] = self.cells.count_pairs(drawn.codes, drawn.wrong, which[~single])[:, [0, 3, 1, 2]]
        return found

    def _lent(self) -> Ints:
        return np.array(sorted(self.trials), np.int64)

    def _on_trial(self, places: Ints) -> Ints:
        return np.array([self.trials[place].which for place in places.tolist()], np.int64)

    def _end_loans(self, to_ms: int) -> None:
        state = self.bank.state()
        for place in [p for p, trial in self.trials.items() if to_ms >= trial.until_ms and state[p] == QUIET]:
            self._free(place)

    def _clear(self, place: int) -> None:
        """What was known against it is answered. A pair is counted anew, once it stands out again."""
        which = self.trials[place].which
        if which < self.singles:
            self.seen[which] = 0.0
        self._free(place)

    def _free(self, place: int) -> None:
        del self.trials[place]
        self.bank.free(place)

    def _add(self, counts: Ints, to_ms: int) -> None:
        self.week, left = faded(self.week, to_ms)
        self.seen *= left
        self.seen += counts

    def _suspect(self, to_ms: int) -> None:
        """One slice a window at most: the worst cell that is not on trial; where there is none, the worst pair."""
        place = next((p for p in range(self.bank.size) if p not in self.trials), None)
        budget = np.flatnonzero(self.lent_until <= to_ms)
        if place is None or not len(budget):
            return
        cell = self._worst()
        which = self.pairs.worst() if cell is None else cell
        if which is None:
            return
        lent = min(LOAN_DAYS * float(self.shares[budget[0]]), self.level_days * LENT_SHARE_MAX)
        self.lent_until[budget[0]] = to_ms + LOAN_DAYS * DAY_MS
        self.trials[place] = Trial(which, to_ms + LOAN_DAYS * DAY_MS, lent)
        self.since[place] = 0.0 if cell is not None else self.pairs.take(which)[[0, 3, 1, 2]]
        self._tune()
        self.bank.lend(place, lent)

    def _worst(self) -> int | None:
        assert self.line is not None, "cells are suspected against a line"
        seen = self.seen[:-1]
        free = np.ones(len(seen), np.bool_)
        free[[trial.which for trial in self.trials.values() if trial.which < self.singles]] = False
        free[self._explained()] = False
        return worst(seen, score(*seen.T, *self.seen[-1].tolist()), limits(self.line.line, self.seen[-1] - seen), self.phi, free)

    def _explained(self) -> list[int]:
        """Cells that are fine but for a pair that is on trial."""
        return [cell for place in self.trials for cell, (n, k) in self._without(place) if self._is_fine(n, k)]

    def _without(self, place: int) -> list[tuple[int, tuple[float, float]]]:
        """The cells of a pair on trial, and n and wrong of what they are without it, since it is counted; none of a single cell."""
        assert self.cells is not None, "slices are of cells"
        cells = self.cells.parts(self.trials[place].which)
        rest = (self.since[place, 2:] - self.since[place, 0]).tolist()
        return [(cell, (n, k)) for cell, (n, k) in zip(cells, rest, strict=True)] if len(cells) > 1 else []

    def _is_fine(self, n: float, k: float) -> bool:
        assert self.line is not None, "what is fine lies inside a line"
        return n >= REST_MIN and k <= n * self.line.line

    def _tune(self) -> None:
        """Where all else is worse than the line, of a pair either cell without it, that is the line."""
        assert self.line is not None, "places are lent against a line"
        at = self._lent()
        line, phi, which = np.full(self.bank.size, self.line.line), np.ones(self.bank.size), self._on_trial(at)
        single = which < self.singles
        phi[at[single]] = self.phi[which[single]]
        phi[at[~single]] = self.pairs.phi_of(which[~single])
        rest, wrong = (self.since[at[single], 1] - self.since[at[single], 0]).T
        line[at[single]] = np.maximum(self.line.line, np.where(rest < REST_MIN, 0.0, wrong / np.maximum(rest, 1.0)))
        for place in at[~single].tolist():
            line[place] = max([self.line.line, *(k / n for _, (n, k) in self._without(place) if n >= REST_MIN)])
        self.bank.tune(line, phi)

    # words

    def monitor(self, place: int) -> Monitor:
        assert self.cells is not None, "a place was lent to a cell"
        assert self.line is not None, "it was lent against a line"
        nothing = np.zeros(0, np.int64)
        stream = Stream(self.cells.key, nothing, nothing, self.line.line, "up", "wrong")
        return Monitor(
            "slices", SUBJECT, self.cells.name(self.trials[place].which), -1, True, CLEAR_DAYS, (stream,), None, self.line.reference, "1",
            "error", SUBJECT, self.line.line,
        )  # fmt: skip

    def _words(self, change: Any) -> Heard:
        monitor = self.monitor(change.monitor)
        current = change.k / change.n if change.n else None
        line, phi = float(self.bank.line[change.monitor]), float(self.bank.phi[change.monitor])
        return Heard(monitor, change, "wrong", change.direction, line, phi, current, monitor.reference)

    def place_of(self, segment: str) -> int | None:
        """Of what is on trial by that name."""
        return next((place for place in self.trials if self.monitor(place).segment == segment), None)

    def lent_days(self, segment: str) -> float:
        """With how many days of credit its trial began."""
        place = self.place_of(segment)
        return 0.0 if place is None else self.trials[place].lent_days

    def share_of(self, segment: str) -> float:
        """Of the labelled predictions of the last weeks; of a pair of those since it is counted, 0 once it is not on trial."""
        assert self.cells is not None, "a slice has a name"
        if segment in self.cells.names:
            mine, total = self.seen[[self.cells.names.index(segment), -1], 0].tolist()
        else:
            place = self.place_of(segment)
            mine, total = self.since[place, :2, 0].tolist() if place is not None else (0.0, 0.0)
        return mine / total if total else 0.0

    def explains(self, segment: str, whole_too: bool) -> bool:
        """Is all that is busy around this slice back inside the line without it, since its trial began?

        Around a pair are its two cells, where they are on trial; whole_too: and the whole."""
        place = self.place_of(segment)
        if place is None:
            return False
        busy = {self.trials[p].which for p in np.flatnonzero(self.bank.state() != QUIET).tolist() if p in self.trials}
        around = [counts for cell, counts in self._without(place) if cell in busy]
        rest = [*around, tuple(self.since[place, 1] - self.since[place, 0])] if whole_too else around
        return all(self._is_fine(n, k) for n, k in rest)

    def suspected(self) -> list[tuple[str, float]]:
        """Names of what is on trial and its evidence in days, the most first; what is found already is told by its alert."""
        if not self.trials:
            return []
        days, state = self.bank.evidence(), self.bank.state()
        found = [(self.monitor(place).segment, float(days[place])) for place in self.trials if state[place] == QUIET]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def busy(self) -> list[Monitor]:
        """Those with an open warning or page."""
        if not self.trials:
            return []
        state = self.bank.state()
        return [self.monitor(place) for place in sorted(self.trials) if state[place] != QUIET]

    # changes

    def reset(self, segments: Sequence[str]) -> None:
        """A person ended these alerts: what was known against them is dealt with."""
        for place in [p for p in self.trials if self.monitor(p).segment in segments]:
            self._clear(place)

    def rescale(self, level_days: float) -> None:
        if self.cells is not None and self.line is not None:
            self.bank.rescale(level_days / self.level_days)
        self.level_days = level_days

    def take_over(self, old: "Slices | None") -> None:
        """After a changed contract: goes on where cells and line are the same."""
        if old is not None and self._alike(old.cells.key if old.cells else "", old.line.line if old.line else 0.0):
            self.restore(*old.snapshot())

    def _alike(self, key: str, line: float) -> bool:
        return self.cells is not None and self.line is not None and (self.cells.key, self.line.line) == (key, line)

    def snapshot(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        if self.cells is None or self.line is None:
            return {}, {}
        header = {
            "key": self.cells.key, "line": self.line.line, "level_days": self.level_days, "week": self.week, "credited_ms": self.credited_ms,
            "trials": [[place, *trial] for place, trial in sorted(self.trials.items())],
        }  # fmt: skip
        header["pairs"], pairs = self.pairs.snapshot()
        mine = {"seen": self.seen.copy(), "lent_until": self.lent_until.copy(), "since": self.since.copy()}
        return header, mine | pairs | dict(self.bank.snapshot())

    def restore(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Raises StateCorrupt. What is of other cells, another line or another number of places is left: all begins anew."""
        if not header or not self._alike(header["key"], header["line"]) or arrays["lent_until"].shape != self.lent_until.shape:
            return
        self.week, self.credited_ms = header["week"], header["credited_ms"]
        self.trials = {int(place): Trial(int(which), int(until), float(lent)) for place, which, until, lent in header["trials"]}
        self.seen, self.lent_until = arrays["seen"].astype(np.float64), arrays["lent_until"].astype(np.int64)
        since = arrays["since"].astype(np.float64)  # of before there were pairs: without the cells of a pair
        self.since = np.concatenate([since, np.zeros((len(since), 4 - since.shape[1], 2))], axis=1)
        self.pairs.restore(header.get("pairs", {}), arrays)
        self.bank.restore(arrays)
        self._tune()
        self.bank.rescale(self.level_days / header["level_days"])
        self.bank.level_days = self.level_days
