"""Did the mean of a value move? A CUSUM against its own running mean, without a reference."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

from river import drift

from anchorwatch.estimators.base import BLOCKS_MAX, Detector, Level, Plain, Stated

_PLAIN = ("_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease")


class PageHinkley(Detector, drift.PageHinkley):  # type: ignore[misc]  # river is read without types
    """Two-sided Page-Hinkley test. Advice: the running mean since the last alarm.

    Takes:     one finite number per update. The threshold has its unit: standardise what is no 0/1 stream first.
    Gives:     drift_detected on the update that crosses the threshold; the next update starts anew.
    Settings:  min_instances: events before the first test; delta (unit of x): smallest move worth seeing; threshold (unit of x): lambda of
               the paper; alpha in (0, 1]: forgetting; mode: up, down or both.
    Cost:      1.6 us an update; 1.7 kB with the blocks to rebuild from.
    Guarantee: at most .6 alarms per 10,000 events at a constant rate of .05; sees .05 -> .20 within 600 events.
    Source:    Page 1954, Biometrika 41, 100-115; river.drift.PageHinkley.

    >>> detector = PageHinkley()
    >>> detector.feed(1_000, 50), detector.feed(600, 180)
    (False, True)
    """

    stated = Stated(false_per_10k=0.6, before=0.05, after=0.2, within=600, bytes_max=4_000)

    def __init__(
        self, min_instances: int = 30, delta: float = 0.005, threshold: float = 50.0, alpha: float = 1 - 0.0001, mode: str = "both"
    ) -> None:
        if not (
            min_instances >= 1 and math.isfinite(delta) and delta >= 0 and math.isfinite(threshold) and threshold > 0 and 0 < alpha <= 1
        ):
            found = f"min_instances {min_instances}, delta {delta}, threshold {threshold}, alpha {alpha}"
            raise ValueError(f"PageHinkley: {found}; need min_instances >= 1, delta >= 0, threshold > 0, alpha in (0, 1]")
        super().__init__(min_instances, delta, threshold, alpha, mode)
        self._blocks = deque(maxlen=BLOCKS_MAX)

    def level(self) -> Level:
        n = int(self._x_mean.n)
        return Level(n, float(self._x_mean.get()) if n else None)

    def _step(self, x: float) -> None:
        drift.PageHinkley.update(self, x)
        self._drift_detected = bool(self._drift_detected)

    def _state(self) -> dict[str, Plain]:
        sums = {name: float(getattr(self, name)) for name in _PLAIN if math.isfinite(getattr(self, name))}  # infinite: as new
        return {"n": float(self._x_mean.n), "mean": float(self._x_mean.get()), "drift": self._drift_detected, **sums}

    def _load(self, state: Mapping[str, Any]) -> None:
        self._forget()
        self._x_mean.n, self._x_mean._mean = float(state["n"]), float(state["mean"])
        self._drift_detected = bool(state["drift"])
        for name in _PLAIN:
            setattr(self, name, float(state.get(name, getattr(self, name))))

    def _forget(self) -> None:
        self._reset()
        self._blocks = deque(maxlen=BLOCKS_MAX)
