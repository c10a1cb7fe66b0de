"""One column against its reference, event by event."""

import numpy as np
import pytest

from anchorwatch.estimators.rank_shift import RankShift
from anchorwatch.estimators.reference_bins import digitize, reference_bins
from anchorwatch.estimators.tables import Floats, rank_tilt


def first(detector: RankShift, values: Floats) -> int | None:
    for i, x in enumerate(values.tolist()):
        detector.update(x)
        if detector.drift_detected:
            return i + 1
    return None


def test_evidence_is_the_sum_over_all_beginnings_of_the_tables_gains() -> None:
    """By hand over seven events, with the tolerance that a reference of 1,000 needs: luck z = 1 for a promise ten times as long."""
    rng = np.random.default_rng(1)
    reference, live = rng.normal(0, 1, 1_000), rng.normal(0.5, 1, 7)
    detector = RankShift(reference=reference.tolist(), run_length=10_000)
    for x in live.tolist():
        detector.update(x)

    bins = reference_bins(reference)
    table = np.exp(rank_tilt(bins.mass, 1 / np.sqrt(12 * 1_000), 1 / np.sqrt(5 * 1_000)))
    gains = table[:, digitize(live, bins.edges)]
    assert detector.evidence == pytest.approx(np.mean([sum(row[s:].prod() for s in range(7)) for row in gains]))


@pytest.mark.parametrize(
    ("name", "mean", "sd", "within", "word"),
    [
        ("place", 1.0, 1.0, 60, "higher"),
        ("place", -1.0, 1.0, 60, "lower"),
        ("spread", 0.0, 2.0, 120, "wider"),
        ("spread", 0.0, 0.5, 120, "narrower"),
    ],
)
def test_it_hears_a_move_and_says_which(name: str, mean: float, sd: float, within: int, word: str) -> None:
    rng, delays, words = np.random.default_rng(2), [], []
    for _ in range(20):
        detector = RankShift(learn=1_000)
        first(detector, rng.normal(0, 1, 2_000))  # a false alarm on the way may be: one in 10,000 is promised
        delays.append(first(detector, rng.normal(mean, sd, 2_000)) or 2_000)
        words.append(detector.spoke)

    assert np.median(delays) <= within
    assert words.count(word) >= 18


def test_what_is_tolerated_is_not_told() -> None:
    """+.05 sd is P(live > reference) = .514, within .03."""
    rng = np.random.default_rng(3)

    assert first(RankShift(reference=rng.normal(0, 1, 2_000).tolist(), place=0.03, spread=0.03), rng.normal(0.05, 1, 20_000)) is None


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="learn in"):
        RankShift(learn=3)
    with pytest.raises(ValueError, match="at least 100"):
        RankShift(reference=[1.0, 2.0])
    with pytest.raises(ValueError, match="all finite"):
        RankShift(reference=[*range(200), float("nan")])
