"""What others would say of the same streams: river's detectors as they are installed, and the window rules of monitoring libraries."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import drift
from scipy import stats

Floats = NDArray[np.float64]
Make = Callable[[], Any]

SERIOUS: dict[str, Make] = {  # of river, on error streams
    "ADWIN .002": drift.ADWIN,
    "ADWIN .05": lambda: drift.ADWIN(delta=0.05),
    "PageHinkley": drift.PageHinkley,
    "HDDM_A": drift.binary.HDDMA,
    "HDDM_W": drift.binary.HDDMW,
}
OTHERS: dict[str, Make] = {"DDM": drift.binary.DDM, "EDDM": drift.binary.EDDM, "FHDDM": drift.binary.FHDDM}
SLOW: dict[str, Make] = {"KSWIN": lambda: drift.KSWIN(seed=1)}  # 307 us an event


def alarms(make: Make, stream: Iterable[float]) -> NDArray[np.int64]:
    """Events at which the detector said drift, counted from 0; it goes on by its own rules."""
    detector, at = make(), []
    update = detector.update
    for i, x in enumerate(stream):
        update(x)
        if detector.drift_detected:
            at.append(i)
    return np.array(at, np.int64)


def first_after(at: NDArray[np.int64], onset: int) -> float:
    """Events from the onset to the first alarm at or after it; NaN when there is none."""
    later = at[at >= onset]
    return float(later[0] - onset + 1) if len(later) else float("nan")


# --- detectors that river does not have, from their papers


class Stepd:
    """Are the last `window` answers right less often than those before? A test of equal proportions (Nishida, Yamauchi 2007)."""

    def __init__(self, window: int = 30, alpha: float = 0.003) -> None:
        self.window, self.limit = window, float(stats.norm.isf(alpha / 2))
        self.forget()

    def forget(self) -> None:
        self.recent, self.wrong_recent, self.n_old, self.wrong_old = deque[int](), 0, 0, 0

    def update(self, wrong: int) -> None:
        self.drift_detected = False
        self.recent.append(wrong)
        self.wrong_recent += wrong
        if len(self.recent) > self.window:
            left = self.recent.popleft()
            self.wrong_recent, self.wrong_old, self.n_old = self.wrong_recent - left, self.wrong_old + left, self.n_old + 1
        if self.n_old < self.window:
            return
        old, new, both = self.wrong_old / self.n_old, self.wrong_recent / self.window, 1 / self.n_old + 1 / self.window
        p = (self.wrong_old + self.wrong_recent) / (self.n_old + self.window)
        if new > old and p < 1 and (new - old - both / 2) / math.sqrt(p * (1 - p) * both) > self.limit:
            self.forget()
            self.drift_detected = True


class Seed:
    """Do two parts of the window differ, cut where blocks meet, by a bound with the variance in it? (Huang et al. 2014, ICDM.)

    Blocks that are alike are not merged, which saves memory there and leaves more cuts to look at here.
    """

    def __init__(self, delta: float = 0.05, block: int = 32) -> None:
        self.delta, self.block = delta, block
        self.sums, self.n, self.sum = list[int](), 0, 0

    def update(self, wrong: int) -> None:
        self.drift_detected = False
        self.n, self.sum = self.n + 1, self.sum + wrong
        if self.n < self.block:
            return
        self.sums.append(self.sum)
        self.n = self.sum = 0
        if len(self.sums) > 1 and len(cuts := np.flatnonzero(self._differ())):
            self.sums = self.sums[int(cuts[-1]) + 1 :]
            self.drift_detected = True

    def _differ(self) -> NDArray[np.bool_]:
        """bool[blocks - 1], by the place of the cut."""
        total, n = np.cumsum(self.sums), len(self.sums) * self.block
        left = np.arange(1, len(self.sums)) * self.block
        apart = np.abs(total[:-1] / left - (total[-1] - total[:-1]) / (n - left))
        harmonic, log = left * (n - left) / n, math.log(2 * math.log(n) / self.delta)
        spread = total[-1] / n * (1 - total[-1] / n)
        found: NDArray[np.bool_] = apart > np.sqrt(2 / harmonic * spread * log) + 2 / (3 * harmonic) * log
        return found


# --- window rules: one window of live values against a reference sample; True: this feature "drifted"


def ks_below(level: float) -> Callable[[Floats, Floats], bool]:
    return lambda reference, live: bool(stats.ks_2samp(reference, live).pvalue < level)


def wasserstein_above(limit: float) -> Callable[[Floats, Floats], bool]:
    """Distance in standard deviations of the reference."""
    return lambda reference, live: bool(stats.wasserstein_distance(reference, live) / max(float(reference.std()), 1e-12) >= limit)


def psi_above(limit: float, bins: int = 10) -> Callable[[Floats, Floats], bool]:
    """Population stability index over deciles of the reference; empty cells count as 1e-4."""

    def rule(reference: Floats, live: Floats) -> bool:
        cuts = np.quantile(reference, np.arange(1, bins) / bins)
        p, q = (np.maximum(np.bincount(np.searchsorted(cuts, x), minlength=bins) / len(x), 1e-4) for x in (reference, live))
        return bool(((q - p) * np.log(q / p)).sum() > limit)

    return rule
