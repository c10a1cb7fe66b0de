"""All monitors of one model in banks: which counts feed which stream, and what is heard when a window closes."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.estimators.bank import OPEN, BernoulliBank, Change
from anchorwatch.estimators.season import CELLS, HOUR_MS
from anchorwatch.stages.banks import Banks, Group, shares
from anchorwatch.watches.base import Floats, Ints, Monitor
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.pace import cell_of


class Heard(NamedTuple):
    """A monitor whose verdict changed, with the words of what spoke loudest."""

    monitor: Monitor
    change: Change
    label: str  # which class, category, bound; place or spread
    direction: str
    line: float
    phi: float
    current: float | None  # mean of the loudest stream or score since then; a complement is turned back
    reference: float | None


class Monitors:
    def __init__(self, layout: Layout, level_days: float) -> None:
        self.layout, self.level_days = layout, level_days
        self.every = layout.monitors
        self._shares = shares(self.every, len(layout.segments) - 1)
        self.groups: dict[str, Group] = {}
        zero_one = [m for m in self.every if m.streams]
        if zero_one:
            self.groups["zero_one"] = self._banks.zero_one(zero_one)
        for kind in sorted({_table_kind(m) for m in self.every if m.tilt}):
            self.groups[kind] = self._banks.table([m for m in self.every if m.tilt and _table_kind(m) == kind])
        self._hours = self._lines_of_hours()
        self._hour = -1  # local hour of the week whose lines are in force; -1: those of the whole week
        self.owed: dict[str, float] = {}  # days of credit of a bank that waits for its next spell: most windows end none
        self.carried: dict[str, Ints] = {}  # what watches keep from one window to the next, by count key
        self.places = {m.key: (name, i) for name, group in self.groups.items() for i, m in enumerate(group.monitors)}

    # banks

    @property
    def _banks(self) -> Banks:
        return Banks(self.layout, self._shares, self.level_days)

    def _lines_of_hours(self) -> Floats | None:
        """float64[streams, 168] of the 0/1 bank; None where no monitor has hours of its own."""
        streams = [s for m in self.groups["zero_one"].monitors for s in m.streams] if "zero_one" in self.groups else []
        if all(stream.hours is None for stream in streams):
            return None
        return np.stack([np.full(CELLS, s.line) if s.hours is None else s.hours for s in streams])

    def _move_lines(self, from_ms: int, to_ms: int) -> None:
        """The lines of this window's hour, known before its counts. A window of more than an hour has the line of the whole week."""
        if self._hours is None:
            return
        hour = cell_of(from_ms, self.layout.contract.timezone) if to_ms - from_ms <= HOUR_MS else -1
        if hour != self._hour:
            bank = self.groups["zero_one"].bank
            assert isinstance(bank, BernoulliBank), "0/1 streams live in a 0/1 bank"
            bank.move_lines(self._hours[:, hour] if hour >= 0 else [s.line for m in self.groups["zero_one"].monitors for s in m.streams])
            self._hour = hour

    # a window

    def window(self, flat: Ints, days: float, from_ms: int, to_ms: int) -> list[Heard]:
        """flat: int64[layout.size], the window's counts of all tasks; days: event time since the window before."""
        self._move_lines(from_ms, to_ms)
        for watch in self.layout.watches:
            watch.derive(self.layout, flat, self.carried)
        padded = np.append(flat, 0)
        heard = []
        for name, group in self.groups.items():
            if isinstance(group.bank, BernoulliBank):
                sums = np.add.reduceat(padded[group.at], group.starts)
                ones = np.where(group.complement, sums[0::2] - sums[1::2], sums[1::2])
                changes = group.bank.window(sums[0::2], ones, days, from_ms, to_ms)
            else:
                cells = padded[group.at].reshape(-1, group.width)
                if name == SPELLS and not cells.any():
                    self.owed[name] = self.owed.get(name, 0.0) + days
                    continue
                changes = group.bank.window(cells, days + self.owed.pop(name, 0.0), from_ms, to_ms)
            heard += [self._words(group, change) for change in changes]
        return heard

    def _words(self, group: Group, change: Change) -> Heard:
        monitor = group.monitors[change.monitor]
        current = change.k / change.n if change.n else None
        if monitor.tilt is not None:
            label = monitor.tilt.labels[change.stream]
            if monitor.scale is not None and current is not None:
                current = monitor.scale[0] + current * monitor.scale[1]
            line = float(monitor.tilt.heal.line[0, change.stream]) if monitor.line is None else monitor.line
            return Heard(monitor, change, label, change.direction, line, 1.0, current, monitor.reference)
        assert isinstance(group.bank, BernoulliBank), "streams live in a 0/1 bank"
        first = int(np.searchsorted([i for i, m in enumerate(group.monitors) for _ in m.streams], change.monitor))
        stream = monitor.streams[change.stream - first]
        phi = float(group.bank.phi[change.stream])
        line = float(group.bank.line[change.stream])  # of this hour
        if stream.direction == "down":
            current, line = (None if current is None else 1 - current), 1 - line
        reference = monitor.reference
        if reference is None and not self.layout.learning:
            reference = self._usual(monitor, change.stream - first)
        return Heard(monitor, change, stream.label, stream.direction, line, phi, current, reference)

    def _usual(self, monitor: Monitor, place: int) -> float | None:
        """The share of the stream's ones in the reference; a complement is turned back."""
        stream = monitor.streams[place]
        found = self.layout.usual(monitor, stream)
        return 1 - found if found is not None and (stream.complement or stream.direction == "down") else found

    # what is so

    def evidence(self) -> dict[str, float]:
        """Monitor key -> M in days; 0 while open."""
        found: dict[str, float] = {}
        for group in self.groups.values():
            found.update(zip((m.key for m in group.monitors), group.bank.evidence().tolist(), strict=True))
        return found

    def share_of(self, monitor: Monitor) -> float:
        """Days of credit that it earns a day."""
        return self._shares[monitor.key]

    def busy(self) -> list[Monitor]:
        """Monitors that are warned or open."""
        return [group.monitors[i] for group in self.groups.values() for i in np.flatnonzero(group.bank.state()).tolist()]

    def standing(self) -> dict[str, tuple[Monitor, bool]]:
        """Monitors of harm whose page stands, and whether a return is dated."""
        found = {}
        for group in self.groups.values():
            bank = group.bank
            open_ones = np.flatnonzero((bank.state() == OPEN) & ~bank.news)
            if len(open_ones):
                returns = bank.recovering()
                found.update({group.monitors[i].key: (group.monitors[i], bool(returns[i])) for i in open_ones.tolist()})
        return found

    def find(self, key: str) -> Monitor:
        name, i = self.places[key]
        return self.groups[name].monitors[i]

    def is_busy(self, key: str) -> bool:
        place = self.places.get(key)
        return place is not None and bool(self.groups[place[0]].bank.state()[place[1]])

    def may_open(self, key: str) -> bool:
        """Is it watched, and not open yet: could more evidence change what it says?"""
        place = self.places.get(key)
        return place is not None and int(self.groups[place[0]].bank.state()[place[1]]) != OPEN

    def reset(self, keys: Sequence[str]) -> None:
        for key in keys:
            if key in self.places:
                name, i = self.places[key]
                self.groups[name].bank.reset([i])

    def rescale(self, level_days: float) -> None:
        """A new N: the promise holds in M / N."""
        for group in self.groups.values():
            group.bank.rescale(level_days / self.level_days)
        self.level_days = level_days

    # state

    def take_over(self, old: "Monitors") -> set[str]:
        """After a changed contract: a monitor whose definition did not change keeps its evidence. Returns the keys of those."""
        going_on: set[str] = set()
        if old.layout.segments == self.layout.segments:  # keys name bins and classes too
            self.carried = {key: kept for key, kept in old.carried.items() if key in self.layout.counts}
        for name, group in self.groups.items():
            before = old.groups.get(name)
            if before is None:
                continue
            theirs = {m.key: i for i, m in enumerate(before.monitors)}
            pairs = [
                (i, theirs[m.key]) for i, m in enumerate(group.monitors) if m.key in theirs and _same(m, before.monitors[theirs[m.key]])
            ]
            if pairs:
                group.bank.take_over(before.bank, [a for a, _ in pairs], [b for _, b in pairs])
                going_on |= {group.monitors[a].key for a, _ in pairs}
        return going_on

    def snapshot(self) -> tuple[dict[str, list[str]], dict[str, NDArray[Any]]]:
        header = {name: [m.key for m in group.monitors] for name, group in self.groups.items()}
        arrays = {f"{name}/{part}": a for name, group in self.groups.items() for part, a in group.bank.snapshot().items()}
        arrays |= {f"{name}/owed": np.array([days]) for name, days in self.owed.items()}
        arrays |= {f"{CARRIED}{key}": kept for key, kept in self.carried.items()}
        return header, arrays

    def restore(self, header: Mapping[str, Sequence[str]], arrays: Mapping[str, NDArray[Any]]) -> bool:
        """False when the snapshot is of other monitors: the contract changed while nobody ran; they start anew.

        Those that it does not know, left by a release that judged less, start anew alone.
        """
        if any(self.places.get(key, ("",))[0] != name for name, keys in header.items() for key in keys):
            return False
        for name, keys in header.items():
            group, own = self.groups[name], [self.places[key][1] for key in keys]
            kept = {part.partition("/")[2]: a for part, a in arrays.items() if part.startswith(f"{name}/")}
            if own == list(range(len(group.monitors))):
                group.bank.restore(kept)
            elif own:
                known = [group.monitors[i] for i in own]
                before = self._banks.zero_one(known) if isinstance(group.bank, BernoulliBank) else self._banks.table(known)
                before.bank.restore(kept)
                group.bank.take_over(before.bank, own, range(len(own)))
        self.carried = {part.removeprefix(CARRIED): a.astype(np.int64) for part, a in arrays.items() if part.startswith(CARRIED)}
        self.owed = {part.partition("/")[0]: float(a[0]) for part, a in arrays.items() if part.endswith("/owed")}
        return True


SPELLS = "up6"  # the bank of silent spells
CARRIED = "carried/"


def _table_kind(monitor: Monitor) -> str:
    """Tables whose rows mean the same share a bank: rank tilts have 12 rows in turn up and down, calibration 12 in two halves, silence only up."""
    assert monitor.tilt is not None, "a monitor of streams has no table"
    up, bets = monitor.tilt.heal.up, len(monitor.tilt.table)
    halves = bool(up[: bets // 2].all() and not up[bets // 2 :].any())
    return f"up{bets}" if up.all() else f"halves{bets}" if halves else f"table{bets}"


def _same(a: Monitor, b: Monitor) -> bool:
    if len(a.streams) != len(b.streams) or (a.tilt is None) != (b.tilt is None):
        return False
    for mine, theirs in zip(a.streams, b.streams, strict=True):
        if (mine.key, mine.line, mine.direction, mine.n_row) != (theirs.key, theirs.line, theirs.direction, theirs.n_row):
            return False
        if not (np.array_equal(mine.n, theirs.n) and np.array_equal(mine.k, theirs.k)):
            return False
        none: Floats = np.zeros(0)
        if not _equal(none if mine.hours is None else mine.hours, none if theirs.hours is None else theirs.hours):
            return False
    if a.tilt is not None and b.tilt is not None:
        return a.tilt.key == b.tilt.key and _equal(a.tilt.table, b.tilt.table)
    return True


def _equal(a: Floats, b: Floats) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b))
