"""Did an error rate rise? Hoeffding's bound between the best past and all of it, without a reference."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from river import drift

from anchorwatch.estimators.base import BLOCKS_MAX, Detector, Level, Plain, Stated

_MEANS = ("_x_min", "_x_max", "_z")


class HDDMA(Detector, drift.binary.HDDMA):  # type: ignore[misc]  # river is read without types
    """Hoeffding's drift detection by moving averages. Advice: the mean since the last alarm.

    Takes:     0 or 1 (or a value between) per update.
    Gives:     drift_detected on the update that crosses the bound; the next update starts anew.
    Settings:  drift_confidence < warning_confidence in (0, 1); two_sided_test: falls too.
    Cost:      4 to 11 us an update; 1.7 kB with the blocks to rebuild from.
    Guarantee: at most .1 alarms per 10,000 events at a constant rate of .05; sees .05 -> .20 within 400 events; slow on small changes.
    Source:    Frias-Blanco et al. 2014, IEEE TKDE 27(3), 810-823; river.drift.binary.HDDM_A.

    >>> detector = HDDMA()
    >>> detector.feed(1_000, 50), detector.feed(400, 120)
    (False, True)
    """

    stated = Stated(false_per_10k=0.1, before=0.05, after=0.2, within=400, bytes_max=4_000)
    low, high = 0.0, 1.0

    def __init__(self, drift_confidence: float = 0.001, warning_confidence: float = 0.005, two_sided_test: bool = False) -> None:
        if not 0 < drift_confidence <= warning_confidence < 1:
            found = f"drift_confidence {drift_confidence}, warning_confidence {warning_confidence}"
            raise ValueError(f"HDDMA: {found}; need 0 < drift <= warning < 1")
        super().__init__(drift_confidence, warning_confidence, two_sided_test)
        self._blocks = deque(maxlen=BLOCKS_MAX)

    def level(self) -> Level:
        return Level(int(self._z.n), float(self._z.get()) if self._z.n else None)

    def _step(self, x: float) -> None:
        drift.binary.HDDMA.update(self, x)

    def _state(self) -> dict[str, Plain]:
        means: dict[str, Plain] = {name: [float(getattr(self, name).n), float(getattr(self, name).get())] for name in _MEANS}
        return means | {"drift": self._drift_detected, "warning": self._warning_detected}

    def _load(self, state: Mapping[str, Any]) -> None:
        self._forget()
        for name in _MEANS:
            mean = getattr(self, name)
            mean.n, mean._mean = (float(v) for v in state[name])
        self._drift_detected, self._warning_detected = bool(state["drift"]), bool(state["warning"])

    def _forget(self) -> None:
        self._reset()
        self._blocks = deque(maxlen=BLOCKS_MAX)
