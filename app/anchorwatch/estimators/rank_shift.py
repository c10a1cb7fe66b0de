"""Has a number moved, in place or in spread? Ranks against a reference, event by event, as a river detector: for notebooks."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from river import base

from anchorwatch.estimators.base import BLOCKS_MAX, Detector, Level, Plain, Stated
from anchorwatch.estimators.lines import luck
from anchorwatch.estimators.reference_bins import digitize, reference_bins
from anchorwatch.estimators.tables import Floats, rank_tilt

LEARN_MIN, LEARN_MAX = 100, 2_000  # a state must stay small


class RankShift(Detector, base.DriftDetector):  # type: ignore[misc]  # river is read without types
    """The rank tilt of tables.py on one column: where KSWIN would be used.

    Takes:     one finite number per update, any unit: only ranks enter.
    Gives:     drift_detected on the update at which the evidence reaches `run_length`; evidence then starts anew, the reference stays.
    Settings:  reference: numbers, or None: the first `learn` values are taken; place: P(live > reference) may lie in .50 +- place; spread:
               how far E[P2] may be from 0; run_length: events.
    Cost:      7 us an update; state 1.5 kB, while it learns up to 8 kB.
    Guarantee: at most 1 / run_length false alarms per event while place and spread are within, for a reference that is no luckier than
               `lines.luck` allows; hears +1 sd after 36 events in the mean, sd x1.5 after 100, 20 % frozen after 340.
    Source:    Shin, Ramdas, Rinaldo 2023, arXiv 2203.03532, with Legendre scores of ranks.

    >>> detector = RankShift(reference=range(1_000))
    >>> for x in [500, 900, 100, 700] * 100 + [5_000] * 40:
    ...     detector.update(x)
    ...     if detector.drift_detected:
    ...         break
    >>> x, detector.spoke
    (5000, 'higher')
    """

    stated = Stated(false_per_10k=1.0, before=0.05, after=0.2, within=400, bytes_max=12_000)
    state_version = "1"
    _m: Floats  # evidence of each bet, in events
    _first: list[float]  # while it learns
    _edges: Floats
    _mass: Floats
    _table: Floats
    _n: int  # of the reference; 0 while it learns
    SPOKE = ("higher", "lower") * 4 + ("wider", "narrower") * 2

    def __init__(
        self,
        reference: Iterable[float] | None = None,
        learn: int = 500,
        place: float = 0.0,
        spread: float = 0.0,
        run_length: float = 10_000.0,
    ) -> None:
        if not LEARN_MIN <= learn <= LEARN_MAX or not 0 <= place < 0.5 or not 0 <= spread < 1 or not 1 < run_length < 1e12:
            found = f"learn {learn}, place {place}, spread {spread}, run_length {run_length}"
            raise ValueError(f"RankShift: {found}; need learn in 100..2,000, place in [0, .5), spread in [0, 1), run_length in (1, 1e12)")
        super().__init__()
        self.reference = None if reference is None else tuple(float(x) for x in reference)
        if self.reference is not None and (len(self.reference) < LEARN_MIN or not np.isfinite(self.reference).all()):
            raise ValueError(f"RankShift: a reference of {len(self.reference)} values; needs at least {LEARN_MIN}, all finite")
        self.learn, self.place, self.spread, self.run_length = learn, place, spread, run_length
        self._forget()

    @property
    def evidence(self) -> float:
        """In events; 0 right after an alarm and while it learns."""
        return float(self._m.mean())

    def level(self) -> Level:
        """Events of the reference; no mean, since only ranks are kept."""
        return Level(self._n or len(self._first), None)

    def _step(self, x: float) -> None:
        self._drift_detected = False
        if not self._n:
            self._first.append(x)
            if len(self._first) >= self.learn:
                self._taught(self._first)
            return
        gain = self._table[:, int(digitize([x], self._edges)[0])]
        self._m = (self._m + 1) * np.exp(gain)
        if self.evidence >= self.run_length:
            self.spoke = self.SPOKE[int(self._m.argmax())]
            self._m, self._drift_detected = np.zeros_like(self._m), True

    def _taught(self, values: Iterable[float]) -> None:
        bins = reference_bins(list(values))
        self._bins(bins.edges, bins.mass, bins.n)

    def _bins(self, edges: Floats, mass: Floats, n: int) -> None:
        z = float(luck(self.run_length / n))
        self._edges, self._mass, self._n, self._first = edges, mass, n, []
        self._table = rank_tilt(mass, self.place + z / math.sqrt(12 * n), self.spread + z / math.sqrt(5 * n))

    def _state(self) -> dict[str, Plain]:
        bins: dict[str, Plain] = {"edges": self._edges.tolist(), "mass": self._mass.tolist(), "n": self._n, "first": list(self._first)}
        return bins | {"m": self._m.tolist(), "spoke": self.spoke, "drift": self._drift_detected}

    def _load(self, state: Mapping[str, Any]) -> None:
        edges, mass, m = (np.array(state[name], np.float64) for name in ("edges", "mass", "m"))
        first, n = [float(x) for x in state["first"]], int(state["n"])
        if m.shape != (len(self.SPOKE),) or len(mass) != len(edges) + 1 or not np.isfinite([*edges, *mass, *m, *first]).all() or n < 0:
            raise ValueError("bins")
        self._forget()
        if n:
            self._bins(edges, mass, n)
        self._first, self._m, self.spoke = first, m, str(state["spoke"])
        self._drift_detected = bool(state["drift"])

    def _forget(self) -> None:
        self._reset()
        self._m, self._first = np.zeros(len(self.SPOKE)), []
        self._edges, self._mass, self._n = np.zeros(0), np.ones(1), 0
        self.spoke = ""  # at the last alarm: higher, lower, wider, narrower
        self._blocks = deque(maxlen=BLOCKS_MAX)
        if self.reference is not None:
            self._taught(self.reference)
