"""river's ADWIN beside the budgeted monitors: advice on matured errors, never a page.

It has no false-alarm dial, so what it says is shown beside a finding; where a contract names it, it raises a warning marked "outside the
budget" (detection.md 4). Of the whole and the `always` segments only: 0.22 us an update and label.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from anchorwatch.alerting.signal import Signal
from anchorwatch.estimators.adwin import ADWIN
from anchorwatch.watches.base import WHOLE, Ints
from anchorwatch.watches.layout import Layout

DELTA = 0.05  # for matured errors: 0 to 0.1 false alarms in 10,000 events
BACK = 0.01  # points above the error before: within it is well again, beyond it is worth a word
LABELS_MAX = 20_000  # of a window fed to it; above: every k-th, since the rest says nothing new


class Advice:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.key = next((key for key, count in layout.counts.items() if count.name == "confusion@late"), None)
        self.segments = [s for s in (WHOLE, *layout.contract.segments.always) if s in layout.rows] if self.key else []
        self.detectors = {segment: ADWIN(delta=DELTA) for segment in self.segments}
        setting = layout.contract.watches.get("quality")
        self.named = setting is not None and "adwin" in setting.detectors
        self.open: dict[str, tuple[int, float]] = {}  # segment -> (since ms, mean error before): ends when it is back there

    def window(self, flat: Ints, window: tuple[int, int]) -> list[Signal]:
        signals = []
        for segment, detector in self.detectors.items():
            n, k = self._errors(flat, segment)
            before = detector.level().mean
            drifted = detector.feed(n, k) if n <= LABELS_MAX else detector.feed(LABELS_MAX, k * LABELS_MAX // n)
            if not self.named:
                continue
            now = detector.level().mean
            if segment in self.open:
                since, usual = self.open[segment]
                if now is not None and now <= usual + BACK:
                    del self.open[segment]
                    signals.append(replace(self._signal(segment, window, usual, detector), verdict="quiet", since_ms=since))
            elif drifted and before is not None and now is not None and now > before + BACK:
                self.open[segment] = (window[0], before)
                signals.append(self._signal(segment, window, before, detector))
        return signals

    def _errors(self, flat: Ints, segment: str) -> tuple[int, int]:
        assert self.key is not None, "segments are watched only where there is a confusion count"
        side = len(self.layout.classes) + 1
        cells = self.layout.view(flat, self.key)[self.layout.rows[segment], :-1].reshape(side, side)
        n = int(cells.sum())
        return n, n - int(np.trace(cells))

    def _signal(self, segment: str, window: tuple[int, int], before: float | None, detector: ADWIN) -> Signal:
        level = detector.level()
        where = "" if segment == WHOLE else f" on {segment}"
        text = (
            f"ADWIN sees another error{where}: {100 * (level.mean or 0):.3g} % over the last {level.n} labels"
            f" (before: {100 * (before or 0):.3g} %). Advice, outside the budget."
        )
        evidence = {"metric": "error", "current": level.mean, "reference": before, "n": level.n, "detector": "adwin", "unit": "1"}
        return Signal(
            watch="quality", subject="error@late.adwin", segment=segment, verdict="exact", name="QualityDrop", severity="warning", harm=False,
            summary=text, since_ms=window[0], onset=window, evidence=evidence, outside_budget=True,
        )  # fmt: skip

    def levels(self) -> dict[str, tuple[int, float | None]]:
        """Segment -> (window of n labels, mean error) as ADWIN sees them now."""
        return {segment: (d.level().n, d.level().mean) for segment, d in self.detectors.items()}

    def snapshot(self) -> dict[str, Any]:
        return {"detectors": {segment: detector.snapshot() for segment, detector in self.detectors.items()}, "open": self.open}

    def restore(self, kept: Mapping[str, Any]) -> None:
        for segment, state in kept["detectors"].items():
            if segment in self.detectors:
                self.detectors[segment].restore(state)
        self.open = {segment: (int(since), float(usual)) for segment, (since, usual) in kept["open"].items() if segment in self.detectors}
