"""Slices of one model that nobody declared: which look bad, which are on trial, and which are found (detection.md 6).

Counts of all cells are added up, halved each week. A cell that looks bad is lent the lowest free place: 30 days of that place's credit at
once, and from the next window on it is tested like any monitor. What has not got to its mark when the loan is over makes room.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.alerting.budget import share_of_watch
from anchorwatch.estimators.bank import QUIET
from anchorwatch.estimators.interval import beta_binomial_interval
from anchorwatch.estimators.lent import LentBank, place_share
from anchorwatch.stages.monitors import Heard
from anchorwatch.watches.base import WHOLE, Floats, Ints, Monitor, Stream
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.slices import SUBJECT, monitor_key

DAY_MS, WEEK_MS = 86_400_000, 7 * 86_400_000
LOAN_DAYS = 30
LENT_SHARE_MAX = 1 / 20  # of N: with a mark of hours a loan alone must not warn
CLEAR_DAYS = 1.0
SIZE_MIN = 200  # labelled predictions of a cell
WEIGHT = 0.95  # of a cell's error against its size; with .6 an eighth of the traffic with twice the error scores below 0
TRIED_MAX = 16  # cells whose interval is asked for in a window, best first
Window = tuple[int, int]


class Trial(NamedTuple):
    """What a place is lent to."""

    cell: int
    until_ms: int  # then the place is free again, unless its alert is open
    lent_days: float


class Line(NamedTuple):
    """Of the whole."""

    line: float
    reference: float | None
    monitors: tuple[str, ...]  # keys of the monitors that judge the error of the whole


def line_of_whole(layout: Layout) -> Line | None:
    """Up to which the error of the whole is fine; None while nothing is known or promised of it."""
    found = [m for m in layout.monitors if m.watch == "quality" and m.segment == WHOLE and m.streams and m.subject.endswith("@late")]
    if not found:
        return None
    line = min(m.streams[0].line for m in found)
    return Line(line, next((m.reference for m in found if m.reference is not None), None), tuple(m.key for m in found))


def score(n: Floats, k: Floats, total: float, wrong: float) -> Floats:
    """float64[cells]: how much worse than all, against how small. Source: Sagadeeva, Boehm 2021, SliceLine, SIGMOD, definition 1.

    >>> score(np.array([100.0, 10.0]), np.array([40.0, 4.0]), 200.0, 50.0).round(3).tolist()
    [0.52, -0.38]
    """
    size = np.maximum(n, 1.0)
    return WEIGHT * (k / size * total / max(wrong, 1e-9) - 1) - (1 - WEIGHT) * (total / size - 1)


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
        self.since: Floats = np.zeros((places, 2, 2))  # of each trial: its cell and the whole; n, wrong
        self.week = -1
        self.credited_ms = -1
        usual = layout.phi(self.line.monitors[0], 1)[0]
        self.phi = np.array([layout.phi(monitor_key(name), 1)[0] for name in self.cells.names])
        self.phi = np.maximum(self.phi, 1.0) if self.phi.max() > 1 else np.full(len(self.phi), usual)

    # a window

    def window(self, apart: Mapping[str, Ints], window: Window) -> list[Heard]:
        """apart: int64[rows, 2] of `Cells.count` under its key, of all tasks, where anything was judged."""
        if self.cells is None or self.line is None or self.cells.key not in apart:
            return []
        counts = apart[self.cells.key]
        n, k = np.zeros(self.bank.size, np.int64), np.zeros(self.bank.size, np.int64)
        at = self._lent()
        mine = counts[self._cells_of(at)]
        n[at], k[at] = mine.T
        self.since[at, 0] += mine
        self.since[at, 1] += counts[-1]
        days = max(window[1] - (self.credited_ms if self.credited_ms >= 0 else window[0]), 0) / DAY_MS
        self.credited_ms = window[1]
        heard = [self._words(change) for change in self.bank.window(n, k, days, *window)]
        for each in heard:
            if each.change.verdict == "quiet":
                self._free(each.change.monitor)
        self._end_loans(window[1])
        self._add(counts, window[1])
        self._suspect(window[1])
        return heard

    def _lent(self) -> Ints:
        return np.array(sorted(self.trials), np.int64)

    def _cells_of(self, places: Ints) -> Ints:
        return np.array([self.trials[place].cell for place in places.tolist()], np.int64)

    def _end_loans(self, to_ms: int) -> None:
        state = self.bank.state()
        for place in [p for p, trial in self.trials.items() if to_ms >= trial.until_ms and state[p] == QUIET]:
            self._free(place)

    def _free(self, place: int) -> None:
        del self.trials[place]
        self.bank.free(place)

    def _add(self, counts: Ints, to_ms: int) -> None:
        week = to_ms // WEEK_MS
        if self.week >= 0:
            self.seen *= 0.5 ** min(week - self.week, 60)
        self.week = week
        self.seen += counts

    def _suspect(self, to_ms: int) -> None:
        """One cell a window at most: the worst that is not on trial."""
        place = next((p for p in range(self.bank.size) if p not in self.trials), None)
        budget = np.flatnonzero(self.lent_until <= to_ms)
        if place is None or not len(budget):
            return
        cell = self._worst()
        if cell is None:
            return
        lent = min(LOAN_DAYS * float(self.shares[budget[0]]), self.level_days * LENT_SHARE_MAX)
        self.lent_until[budget[0]] = to_ms + LOAN_DAYS * DAY_MS
        self.trials[place] = Trial(cell, to_ms + LOAN_DAYS * DAY_MS, lent)
        self.since[place] = 0.0
        self._tune()
        self.bank.lend(place, lent)

    def _worst(self) -> int | None:
        assert self.line is not None, "cells are suspected against a line"
        n, k = self.seen[:-1].T
        total, wrong = self.seen[-1].tolist()
        scores = score(n, k, total, wrong)
        scores[[trial.cell for trial in self.trials.values()]] = 0.0
        scores[(n < SIZE_MIN) | (k <= n * self.line.line)] = 0.0
        for cell in np.argsort(-scores, kind="stable")[:TRIED_MAX].tolist():
            if scores[cell] <= 0:
                return None
            if beta_binomial_interval(float(k[cell]), float(n[cell]), phi=float(self.phi[cell]))[0] > self.line.line:
                return int(cell)
        return None

    def _tune(self) -> None:
        assert self.line is not None, "places are lent against a line"
        at = self._lent()
        phi = np.ones(self.bank.size)
        phi[at] = self.phi[self._cells_of(at)]
        self.bank.tune(np.full(self.bank.size, self.line.line), phi)

    # words

    def monitor(self, place: int) -> Monitor:
        assert self.cells is not None, "a place was lent to a cell"
        assert self.line is not None, "it was lent against a line"
        nothing = np.zeros(0, np.int64)
        stream = Stream(self.cells.key, nothing, nothing, self.line.line, "up", "wrong")
        return Monitor(
            "slices", SUBJECT, self.cells.names[self.trials[place].cell], -1, True, CLEAR_DAYS, (stream,), None, self.line.reference, "1",
            "error", SUBJECT, self.line.line,
        )  # fmt: skip

    def _words(self, change: Any) -> Heard:
        monitor = self.monitor(change.monitor)
        current = change.k / change.n if change.n else None
        phi = float(self.bank.phi[change.monitor])
        return Heard(monitor, change, "wrong", change.direction, monitor.streams[0].line, phi, current, monitor.reference)

    def lent_days(self, segment: str) -> float:
        """With how many days of credit its trial began."""
        return next((t.lent_days for p, t in self.trials.items() if self.monitor(p).segment == segment), 0.0)

    def share_of(self, segment: str) -> float:
        """Of the labelled predictions of the last weeks."""
        assert self.cells is not None, "a slice has a name"
        total = float(self.seen[-1, 0])
        return float(self.seen[self.cells.names.index(segment), 0]) / total if total else 0.0

    def rest(self, segment: str) -> tuple[int, int]:
        """n and wrong of all that is not of this slice, since its trial began."""
        place = next((p for p in self.trials if self.monitor(p).segment == segment), None)
        if place is None:
            return 0, 0
        n, wrong = (self.since[place, 1] - self.since[place, 0]).tolist()
        return int(n), int(wrong)

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
            self.seen[self.trials[place].cell] = 0.0
            self._free(place)

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
        return header, {"seen": self.seen.copy(), "lent_until": self.lent_until.copy(), "since": self.since.copy()} | dict(
            self.bank.snapshot()
        )

    def restore(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Raises StateCorrupt. What is of other cells, another line or another number of places is left: all begins anew."""
        if not header or not self._alike(header["key"], header["line"]) or arrays["lent_until"].shape != self.lent_until.shape:
            return
        self.week, self.credited_ms = header["week"], header["credited_ms"]
        self.trials = {int(place): Trial(int(cell), int(until), float(lent)) for place, cell, until, lent in header["trials"]}
        self.seen, self.lent_until = arrays["seen"].astype(np.float64), arrays["lent_until"].astype(np.int64)
        self.since = arrays["since"].astype(np.float64)
        self.bank.restore(arrays)
        self._tune()
        self.bank.rescale(self.level_days / header["level_days"])
        self.bank.level_days = self.level_days
