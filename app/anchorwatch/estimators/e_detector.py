"""Is the mean beyond a line? Our own detector, event by event, as a river detector: for notebooks, and wherever river's are used."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from river import base

from anchorwatch.estimators.base import BLOCKS_MAX, Detector, Level, Plain, Stated
from anchorwatch.estimators.tables import LAM, LINE_MIN, Floats, bernoulli


class EDetector(Detector, base.DriftDetector):  # type: ignore[misc]  # river is read without types
    """Shiryaev-Roberts mixture e-detector for the mean of a 0/1 stream, or of values in [0, 1].

    Takes:     one value in [0, 1] per update; or counts, `feed(n, k)`.
    Gives:     drift_detected on the update at which the evidence reaches `run_length`, then starts anew; `evidence`: "by luck one gets
               here once in so many events"; `changed`: updates since the change began.
    Settings:  line: the largest mean that is fine (the smallest, with down=True); run_length: events.
    Cost:      11 us an update or a count of any size (a bank: .11 us a monitor); 1.8 kB with the last blocks.
    Guarantee: at most 1 / run_length false alarms per event while the mean respects the line, any order and dependence of the past.
    Source:    Shin, Ramdas, Rinaldo 2023, "E-detectors", NEJSDS, arXiv 2203.03532.

    >>> detector = EDetector(line=0.10, run_length=10_000)
    >>> for x in [0, 0, 0, 1, 0] * 40:
    ...     detector.update(x)
    ...     if detector.drift_detected:
    ...         break
    >>> detector.drift_detected, detector.changed
    (True, 161)
    """

    stated = Stated(false_per_10k=1.0, before=0.05, after=0.2, within=100, bytes_max=4_000)
    low, high = 0.0, 1.0
    state_version = "1"

    _m: Floats  # evidence of each bet, in events
    _w: Floats  # dates the change: n and k count since it last was 0
    _n: Floats
    _k: Floats

    def __init__(self, line: float = 0.06, run_length: float = 10_000.0, down: bool = False) -> None:
        if not LINE_MIN < line < 1 - LINE_MIN or not 1 < run_length < 1e12:
            raise ValueError(f"EDetector: line {line} must lie inside (0, 1), run_length {run_length} in (1, 1e12) events")
        super().__init__()
        self.line, self.run_length, self.down = line, run_length, down
        table = bernoulli(1 - line if down else line)
        self._zero, self._one = table[:, 0], table[:, 1]
        self._forget()

    @property
    def evidence(self) -> float:
        """In events; 0 right after an alarm."""
        return float(self._m.mean())

    def level(self) -> Level:
        """Events and mean since the change began: of the bet that speaks loudest."""
        loud = int(self._m.argmax())
        n, total = float(self._n[loud]), float(self._k[loud])
        return Level(int(n), total / n if n else None)

    def feed(self, n: int, k: int) -> bool:
        """One block: only the sum enters; exact for the promise, at the cost of about half a block of delay."""
        assert 0 <= k <= n, f"{k} ones among {n} events: the counts of two streams were mixed"
        if n:
            self._remember(n, float(k), bits=True)
            self._block(float(n), float(k))
        return self.drift_detected

    def _step(self, x: float) -> None:
        self._block(1.0, float(x))

    def _block(self, n: float, k: float) -> None:
        bad = n - k if self.down else k
        gain = self._zero * (n - bad) + self._one * bad
        going = self._w > 0
        self._n, self._k = self._n * going + n, self._k * going + k
        self._w = np.maximum(self._w + gain, 0.0)
        self._m = np.minimum((self._m + n) * np.exp(np.minimum(gain, 500.0)), 1e300)
        self._drift_detected = bool(self.evidence >= self.run_length)
        if self._drift_detected:
            self.changed = int(self._n[int(self._m.argmax())])
            self._m, self._w = np.zeros(len(LAM)), np.zeros(len(LAM))

    def _state(self) -> dict[str, Plain]:
        rows: dict[str, Plain] = {name: getattr(self, "_" + name).tolist() for name in ("m", "w", "n", "k")}
        return rows | {"changed": self.changed, "drift": self._drift_detected}

    def _load(self, state: Mapping[str, Any]) -> None:
        rows = {name: np.array(state[name], np.float64) for name in ("m", "w", "n", "k")}
        if any(a.shape != LAM.shape or not np.isfinite(a).all() for a in rows.values()):
            raise ValueError("rows")
        self._m, self._w, self._n, self._k = rows.values()
        self.changed, self._drift_detected = int(state["changed"]), bool(state["drift"])

    def _forget(self) -> None:
        self._reset()
        self._m, self._w, self._n, self._k = (np.zeros(len(LAM)) for _ in range(4))
        self.changed = 0  # at the last alarm: updates since the change began
        self._blocks = deque(maxlen=BLOCKS_MAX)
