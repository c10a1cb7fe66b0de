"""Do answers at a given score still turn out as in the reference? The calibration monitor of the watch `quality` (detection.md 5.4).

Of the whole alone, where the reference holds a hundred labels in each group of score bins. It warns and never pages: what is wrong more often
pages by itself; a score that means something else makes estimates before labels useless, which are blanked while it is open.
"""

from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.estimators.cbpe import calibrated
from anchorwatch.estimators.tables import calibration, calibration_heal
from anchorwatch.watches.base import WHOLE, Explained, Floats, Ints, Monitor, Seen, Tilt
from anchorwatch.watches.lines import luck_of

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

SUBJECT = "calibration@late"
MONITOR = f"quality:{SUBJECT}/{WHOLE}"
TOLERATED = 0.2  # log-odds of each group's rate
LABELS_MIN = 100  # of each group
WIDEST = 10.0  # log-odds: beyond that nothing is judged, however large a number errors that clump would ask for
CLEAR_DAYS = 1.0


def calibration_monitor(layout: "Layout") -> list[Monitor]:
    scores = layout.scores
    if scores is None or scores.cells.key not in layout.counts:
        return []
    counts = layout.reference_counts(scores.cells.key)
    if counts is None:
        return []
    cells = counts[0].reshape(-1, 2)
    if int(cells.sum(1).min()) < LABELS_MIN:
        return []
    rate = calibrated(cells, scores.said, scores.calibrated.answer).rate
    within = tolerated(rate, cells.sum(1), max(layout.phi(MONITOR, 2)), luck_of(layout))
    tilt = Tilt(
        scores.cells.key, np.arange(2 * scores.groups), calibration(rate, within), calibration_heal(rate, within),
        ("more often",) * 6 + ("more rarely",) * 6,
    )  # fmt: skip
    return [
        Monitor("quality", SUBJECT, WHOLE, 0, True, CLEAR_DAYS, (), tilt, 0.0, "log-odds", "calibration", SUBJECT, TOLERATED, pages=False)
    ]


def tolerated(rate: Floats, n: Ints, phi: float, luck: float) -> Floats:
    """float64[groups]: how far each rate may move, in log-odds: a fifth, or the error of a rate of n labels where that is more."""
    return np.minimum(np.maximum(TOLERATED, luck * np.sqrt(phi / ((n + 1) * rate * (1 - rate)))), WIDEST)


def explain(seen: Seen, runbook: str) -> Explained:
    how = f" {seen.label}" if seen.label else " otherwise"
    span = f" [{seen.interval[0]:.3g}, {seen.interval[1]:.3g}]" if seen.interval else ""
    gap = "" if seen.current is None else f"; scores are off by {seen.current:.3g}{span} in the mean, over {seen.n} labels"
    text = f"At a given score the positive class comes{how} than in the reference{gap}. Estimates before labels are in are not shown meanwhile."
    return Explained("Miscalibrated", text, runbook)
