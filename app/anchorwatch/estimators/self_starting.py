"""Has an error rate risen, when nobody gave a reference or a line? The line is learnt from the stream itself, and stays behind it."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from river import base

from anchorwatch.estimators.base import BLOCK_EVENTS, BLOCKS_MAX, FEED_MAX, Detector, Level, Plain, Stated
from anchorwatch.estimators.lines import line_above, luck
from anchorwatch.estimators.tables import LAM, Floats, bernoulli


class SelfStarting(Detector, base.DriftDetector):  # type: ignore[misc]  # river is read without types
    """The e-detector of e_detector.py against a line learnt from older events of the same stream.

    Takes:     one value in [0, 1] per update; or counts, `feed(n, k)`.
    Gives:     drift_detected on the update at which the evidence reaches `run_length`; then all is learnt anew.
    Settings:  run_length: events; learn: events before the first test; behind: the last so many events are judged, not learnt from, so
               that a change does not become its own reference; tolerance: in units of the rate.
    Cost:      7 us an update or a count of any size; 4 kB with the last blocks.
    Guarantee: empirical, since the line is a guess: at most .5 alarms per 10,000 events at a constant rate of .05, run_length 10,000;
               sees .05 -> .20 within 100 events. A slow rise is learnt: with a reference, use EDetector.
    Source:    Shin, Ramdas, Rinaldo 2023, arXiv 2203.03532; the line: lines.line_above with lines.luck.

    >>> detector = SelfStarting()
    >>> any(detector.feed(100, 5) for _ in range(20)), any(detector.feed(10, 3) for _ in range(20))
    (False, True)
    """

    stated = Stated(false_per_10k=0.5, before=0.05, after=0.2, within=100, bytes_max=6_000)
    low, high = 0.0, 1.0
    state_version = "1"

    _m: Floats  # evidence of each bet, in events
    _old: list[float]  # events, sum: what the line is learnt from
    _waiting: deque[list[float]]  # [events, sum] of blocks that are judged, not learnt from yet
    _line: float
    _table: Floats

    def __init__(self, run_length: float = 10_000.0, learn: int = 500, behind: int = 1_000, tolerance: float = 0.0) -> None:
        if not 1 < run_length < 1e12 or learn < 30 or behind < 0 or not 0 <= tolerance < 1:
            found = f"run_length {run_length}, learn {learn}, behind {behind}, tolerance {tolerance}"
            raise ValueError(f"SelfStarting: {found}; need run_length in (1, 1e12), learn >= 30, behind >= 0, tolerance in [0, 1)")
        super().__init__()
        self.run_length, self.learn, self.behind, self.tolerance = run_length, learn, behind, tolerance
        self._forget()

    @property
    def evidence(self) -> float:
        """In events."""
        return float(self._m.mean())

    @property
    def line(self) -> float | None:
        """None while it learns."""
        return None if self._old[0] < self.learn else self._line

    def level(self) -> Level:
        """Events that are learnt, and their mean."""
        n, total = self._old
        return Level(int(n), total / n if n else None)

    def feed(self, n: int, k: int) -> bool:
        """One block: only the sum enters."""
        assert 0 <= k <= n, f"{k} ones among {n} events: the counts of two streams were mixed"
        if n > FEED_MAX:
            n, k = FEED_MAX, round(k * FEED_MAX / n)
        if n:
            self._remember(n, float(k), bits=True)
            self._block(float(n), float(k))
        return self.drift_detected

    def _step(self, x: float) -> None:
        self._block(1.0, float(x))

    def _block(self, n: float, k: float) -> None:
        self._drift_detected = False
        if self._old[0] < self.learn:
            self._learn(n, k)
            return
        gain = self._table[:, 0] * (n - k) + self._table[:, 1] * k
        self._m = np.minimum((self._m + n) * np.exp(np.minimum(gain, 500.0)), 1e300)
        if self.evidence >= self.run_length:
            self._anew()
            self._drift_detected = True
            return
        self._hold(n, k)

    def _hold(self, n: float, k: float) -> None:
        """Judged events wait in blocks until they are old enough to be learnt from."""
        if not self._waiting or self._waiting[-1][0] >= BLOCK_EVENTS:
            self._waiting.append([0.0, 0.0])
        self._waiting[-1][0] += n
        self._waiting[-1][1] += k
        self._held += n
        while len(self._waiting) > 1 and self._held - self._waiting[0][0] >= self.behind:
            old = self._waiting.popleft()
            self._held -= old[0]
            self._learn(*old)

    def _learn(self, n: float, k: float) -> None:
        self._old[0] += n
        self._old[1] += k
        total, ones = self._old
        if total >= self.learn:
            self._line = float(line_above(ones, total, self.tolerance, 1.0, luck(self.run_length / total)))
            self._table = bernoulli(self._line)

    def _anew(self) -> None:
        self._m, self._old, self._waiting = np.zeros(len(LAM)), [0.0, 0.0], deque()
        self._held = 0.0
        self._line, self._table = 1.0, bernoulli(1.0)

    def _state(self) -> dict[str, Plain]:
        waiting: list[Any] = [list(b) for b in self._waiting]
        return {"m": self._m.tolist(), "old": list(self._old), "waiting": waiting, "drift": self._drift_detected}

    def _load(self, state: Mapping[str, Any]) -> None:
        m, old = np.array(state["m"], np.float64), [float(v) for v in state["old"]]
        waiting = [[float(n), float(k)] for n, k in state["waiting"]]
        if m.shape != LAM.shape or len(old) != 2 or not np.isfinite([*m, *old, *(v for b in waiting for v in b)]).all():
            raise ValueError("rows")
        self._forget()
        self._learn(*old)
        self._m, self._waiting, self._held = m, deque(waiting), sum(n for n, _ in waiting)
        self._drift_detected = bool(state["drift"])

    def _forget(self) -> None:
        self._reset()
        self._anew()
        self._blocks = deque(maxlen=BLOCKS_MAX)
