"""How fast does time run for a model? A clock of expected events, from the reference's hours, and the spells it cuts (detection.md 5.7).

Silence is only news where something was expected: a night without traffic is no outage. So judge counts *spells*, each as long as the reference
needs for a fixed number of events, and a spell either spoke or was silent. Spells of a larger number say whether volume fell or rose.
Both are derived counts: ingest counts `events` alone, judge adds the spells that ended with a window before it judges that window.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from anchorwatch.estimators.lines import clumping
from anchorwatch.estimators.season import CELLS, HOUR_MS, WEEKS_MIN, hour_of_week, season_rates
from anchorwatch.watches.base import Count, Floats, Ints
from anchorwatch.watches.spans import Spans, overlap

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

EVENTS = Count("events", 1)  # every call, also a failed one: it speaks
SILENT = Count("spells.silent", 2)  # symbols: spoke, silent
VOLUME = Count("spells.volume", 3)  # symbols: low, as usual, high
DAY_HOURS = 24
DAYS_MIN, WEEKS_DAYS = 7.0, 7.0 * WEEKS_MIN  # of reference: for the hours of the day, for those of the week; fewer: nothing is said
EXPECTED_MIN, GAPS = 10.0, 1.5  # events of a silent spell: ten, or one and a half of the reference's longest gap on this clock
BULK_MIN, BULKS_MAX = 100.0, 240  # events of a volume spell, and how many of them cut a reference
HALF, DOUBLE = 0.5, 2.0  # of the expected events: where a spell is low, and high
SPELLS_MIN = 30  # of a reference, to call anything usual


class Pace(NamedTuple):
    """Of one reference. rates: float64[168], events an hour by local hour of the week, Monday first."""

    rates: Floats
    expected: float  # events of a silent spell
    spells: int  # of that size in the reference, none of them silent
    bulk: float  # events of a volume spell
    low: int
    usual: int
    high: int
    phi: tuple[float, float]  # of low, of high


def pace_of(at: Ints, from_ms: int, to_ms: int, zone: str, left_out: Spans = ()) -> dict[str, tuple[float, ...]]:
    """Plain numbers for the reference; empty where it is too short. at: int64[n] event times, any order, none in what is left out."""
    days = (to_ms - from_ms - overlap(from_ms, to_ms, left_out)) / (DAY_HOURS * HOUR_MS)
    if days < DAYS_MIN or len(at) < 2:
        return {}
    hours = np.arange(from_ms // HOUR_MS, (to_ms - 1) // HOUR_MS + 1)
    cells = _cells(hours, zone) % (CELLS if days >= WEEKS_DAYS else DAY_HOURS)
    covered = np.minimum((hours + 1) * HOUR_MS, to_ms) - np.maximum(hours * HOUR_MS, from_ms)
    away = np.array([overlap(int(hour) * HOUR_MS, (int(hour) + 1) * HOUR_MS, left_out) if left_out else 0 for hour in hours])
    covered -= away
    # events of milliseconds: so few of so many that their law is Poisson's
    rates = HOUR_MS * season_rates(np.bincount(cells[at // HOUR_MS - hours[0]], minlength=CELLS), np.bincount(cells, covered, CELLS))
    if days < WEEKS_DAYS:
        rates = np.tile(rates[:DAY_HOURS], CELLS // DAY_HOURS)
    # the clock at the end of each hour, then at each event
    ends = np.cumsum(rates[_cells(hours, zone)] * (1 - away / HOUR_MS))
    clock = np.interp(np.sort(at), np.append(hours, hours[-1] + 1) * HOUR_MS, np.append(0.0, ends))
    expected = max(EXPECTED_MIN, GAPS * float(np.diff(clock).max()))
    spells = int(len(at) / expected)
    if spells < SPELLS_MIN:
        return {}
    bulk = max(BULK_MIN, expected, len(at) / BULKS_MAX)
    counts = np.bincount((clock / bulk).astype(np.int64))[: int(clock[-1] / bulk)]
    kinds = [counts < HALF * bulk, counts > DOUBLE * bulk]
    phi = [_phi(kind) for kind in kinds]
    low, high = (int(kind.sum()) for kind in kinds)
    return {
        "rates": tuple(round(float(rate), 6) for rate in rates), "silent": (round(expected, 6), float(spells)),
        "volume": (round(bulk, 6), float(low), float(len(counts) - low - high), float(high), *phi),
    }  # fmt: skip


def pace(layout: "Layout") -> Pace | None:
    """As the reference holds it; None without one, or where it is too short."""
    found = layout.reference.pace if layout.reference else {}
    if "silent" not in found:
        return None
    (expected, spells), (bulk, low, usual, high, *phi) = found["silent"], found["volume"]
    return Pace(np.array(found["rates"]), expected, int(spells), bulk, int(low), int(usual), int(high), (phi[0], phi[1]))


def _phi(kind: Any) -> float:
    p = float(kind.mean())
    phi, _ = clumping(kind - p, np.full(len(kind), p * (1 - p)))
    return round(float(phi), 4)


def _cells(hours: Ints, zone: str) -> Ints:
    return np.array([_cell(int(hour), zone) for hour in hours], np.int64)


@lru_cache(maxsize=100_000)
def _cell(hour: int, zone: str) -> int:
    """Local hour of the week, Monday first, of an hour since 1970 UTC."""
    offset = datetime.fromtimestamp(hour * 3_600, ZoneInfo(zone)).utcoffset() or timedelta()
    return int(hour_of_week(hour * HOUR_MS, int(offset.total_seconds() * 1000)))


def cell_of(at_ms: int, zone: str) -> int:
    """Local hour of the week of a time, 0..167, Monday first."""
    return _cell(at_ms // HOUR_MS, zone)


@dataclass
class Spell:
    """One that has not ended yet."""

    size: float  # expected events at which it ends
    expected: float = 0.0
    events: int = 0


class Meter:
    """The clock of one model in the judge: told how many events each window held, it says which spells ended with it.

    Spells end with windows, so what it says depends on the events of windows alone, however they arrived.
    """

    def __init__(self, layout: "Layout", window_ms: int) -> None:
        self.pace, self.zone, self.window_ms = pace(layout), layout.contract.timezone, window_ms
        self.at_ms = -1
        self.silent = Spell(self.pace.expected if self.pace else np.inf)
        self.volume = Spell(self.pace.bulk if self.pace else np.inf)

    def advance(self, to_ms: int, events: int, *, counts: bool = True) -> dict[str, Ints]:
        """events: of (at_ms, to_ms]. Gives count key -> int64[symbols]: spells that ended. counts False: it was off, time passes unheard."""
        if self.pace is None or (self.at_ms < 0 and not events):
            return {}
        expected = self._expected(self.at_ms if self.at_ms >= 0 else to_ms - self.window_ms, to_ms)
        self.at_ms = to_ms
        found: dict[str, Ints] = {}
        for key, spell in ((SILENT.key, self.silent), (VOLUME.key, self.volume)):
            if not counts:
                spell.expected, spell.events = 0.0, 0
                continue
            spell.expected, spell.events = spell.expected + expected, spell.events + events
            if spell.expected >= spell.size:
                found[key] = _ended(key, spell)
                spell.expected, spell.events = 0.0, 0
        return found

    def next_end(self) -> int:
        """The window end at which a silent spell ends if nothing more comes; -1: never, or not begun."""
        if self.pace is None or self.at_ms < 0:
            return -1
        left, at = self.silent.size - self.silent.expected, self.at_ms
        for _ in range(2 * CELLS):
            hour = at // HOUR_MS
            rate = self.pace.rates[_cell(hour, self.zone)] / HOUR_MS
            end = (hour + 1) * HOUR_MS
            if rate * (end - at) >= left:
                step = self.window_ms
                return max(-(-int(np.ceil(at + left / rate)) // step) * step, self.at_ms + step)
            left, at = left - rate * (end - at), end
        return -1

    def _expected(self, from_ms: int, to_ms: int) -> float:
        """Events that the reference would bring in that time."""
        assert self.pace is not None, "asked of a model with a pace only"
        edges = [from_ms, *range((from_ms // HOUR_MS + 1) * HOUR_MS, to_ms, HOUR_MS), to_ms]
        return float(sum(self.pace.rates[_cell(a // HOUR_MS, self.zone)] * (b - a) / HOUR_MS for a, b in pairwise(edges)))

    def snapshot(self) -> dict[str, Any]:
        return {"at_ms": self.at_ms, **{name: [s.expected, s.events] for name, s in self._spells().items()}}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Of another reference as well: a spell goes on, however long it is now."""
        self.at_ms = int(kept.get("at_ms", -1))
        for name, spell in self._spells().items():
            expected, events = kept.get(name, (0.0, 0))
            spell.expected, spell.events = float(expected), int(events)

    def _spells(self) -> dict[str, Spell]:
        return {"silent": self.silent, "volume": self.volume}


def _ended(key: str, spell: Spell) -> Ints:
    """A long stretch, as one window after a gap, may hold several spells; of those only the silent ones are told apart."""
    whole = int(spell.expected / spell.size)
    if key == SILENT.key:
        return np.array([0, whole] if not spell.events else [1, 0], np.int64)
    share = spell.events / spell.expected
    found: Ints = np.eye(3, dtype=np.int64)[0 if share < HALF else 2 if share > DOUBLE else 1]
    return found
