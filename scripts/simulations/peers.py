"""What others would say of the same streams: river's detectors as they are installed, and the window rules of monitoring libraries."""

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
