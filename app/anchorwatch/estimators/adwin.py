"""Is the recent past of one kind, and how long is it? An adaptive window, without a reference and without a line."""

import zlib
from collections import deque
from collections.abc import Mapping
from typing import Any

from river import drift

from anchorwatch.estimators.base import BLOCKS_MAX, Detector, Level, Plain, Stated


class ADWIN(Detector, drift.ADWIN):  # type: ignore[misc]  # river is read without types
    """Adaptive windowing. Advice: a window of n events of one kind, and their mean.

    Takes:     one finite number per update, any unit.
    Gives:     drift_detected on the update that cuts the window; one drift is told 2 to 5 times, since the window is kept.
    Settings:  delta in (0, 1): .002 for advice, .05 for matured errors; clock: updates between two looks.
    Cost:      .5 us an update; 3 kB with the blocks to rebuild from.
    Guarantee: at most .2 alarms per 10,000 events at a constant rate of .05; sees .05 -> .20 within 200 events.
    Differs:   river throws the whole window away on the update after an alarm; here it goes on shrinking. Its start is no change point.
    Source:    Bifet, Gavalda 2007, SIAM International Conference on Data Mining; river.drift.ADWIN.

    >>> detector = ADWIN()
    >>> detector.feed(1_000, 50), detector.feed(300, 90)
    (False, True)
    >>> detector.level().n < 1_300
    True
    """

    stated = Stated(false_per_10k=0.2, before=0.05, after=0.2, within=200, bytes_max=6_000)

    def __init__(
        self, delta: float = 0.002, clock: int = 32, max_buckets: int = 5, min_window_length: int = 5, grace_period: int = 10
    ) -> None:
        if not 0 < delta < 1 or clock < 1 or max_buckets < 1:
            raise ValueError(f"ADWIN: delta {delta} must lie in (0, 1), clock {clock} and max_buckets {max_buckets} be at least 1")
        super().__init__(delta, clock, max_buckets, min_window_length, grace_period)
        self._blocks = deque(maxlen=BLOCKS_MAX)

    def level(self) -> Level:
        return Level(int(self.width), float(self.estimation) if self.width else None)

    def _step(self, x: float) -> None:
        self._drift_detected = bool(self._helper.update(float(x)))

    def _state(self) -> dict[str, Plain]:
        window = bytes(self._helper.__getstate__())
        return {"window": window, "crc": zlib.crc32(window), "drift": self._drift_detected}

    def _load(self, state: Mapping[str, Any]) -> None:
        window = bytes(state["window"])
        if zlib.crc32(window) != state["crc"]:  # the helper aborts on bytes that are not its own
            raise ValueError("checksum of the window")
        self._forget()
        self._helper.__setstate__(window)
        self._drift_detected = bool(state["drift"])

    def _forget(self) -> None:
        self._reset()
        self._blocks = deque(maxlen=BLOCKS_MAX)
