"""Labels that come late and by class: no bias where the plain mean is off by far."""

import numpy as np
import pytest

from anchorwatch.estimators.calibration import Floats
from anchorwatch.estimators.late_labels import aipw, arrived_share, labels_used


def test_the_share_is_the_product_over_later_delays() -> None:
    """By hand: ages 0..2, h_1 = (2 + 3) / (2 + 4 + 3 + 5) = 5/14, h_2 = 2 / 10."""
    cells = [[6, 0, 0], [4, 2, 0], [5, 3, 2]]

    assert arrived_share(cells) == pytest.approx([(1 - 5 / 14) * 0.8, 0.8, 1.0])


def test_a_growing_stream_does_not_move_the_share() -> None:
    """Ten times as many predictions in the last days: the plain share of delays would lean to the short ones."""
    rng = np.random.default_rng(1)
    days, law = 40, 0.5 ** np.arange(40)
    law /= law.sum()
    cells = np.zeros((days, days), np.int64)
    for age in range(days):
        delays = rng.choice(days, 20_000 if age < 5 else 2_000, p=law)
        cells[age] = np.bincount(delays[delays <= age], minlength=days)

    true = np.cumsum(law)
    assert arrived_share(cells) == pytest.approx(true, abs=0.012)
    assert abs(np.cumsum(cells.sum(0) / cells.sum())[0] - true[0]) > 0.015


def stream(rng: np.random.Generator, shift: float, ages: int = 21) -> tuple[Floats, Floats, Floats, float]:
    """400 predictions a day, two bins; positives known after 3 days in the mean, negatives after 12; `shift`: more errors than said."""
    rate = np.array([0.1, 0.8])
    n, labelled, delays, wrong, total = np.zeros((ages, 2)), np.zeros((ages, 2, 2)), np.zeros((2, ages, ages)), 0, 0
    for age in range(ages):
        bins = (rng.random(400) < 0.25).astype(int)
        one = rng.random(400) < rate[bins] + np.where(bins == 1, -shift, shift)
        delay = np.where(one, rng.exponential(3, 400), rng.exponential(12, 400)).astype(int)
        known = delay <= age
        n[age] = np.bincount(bins, minlength=2)
        for c in (0, 1):
            mine = known & (one == bool(c))
            labelled[age, :, c] = np.bincount(bins[mine], minlength=2)
            delays[c, age] = np.bincount(delay[mine], minlength=ages)
        wrong, total = wrong + int(((bins == 1) != one).sum()), total + 400
    return n, labelled, delays, wrong / total


@pytest.mark.parametrize("shift", [0.0, 0.05])
def test_the_estimate_follows_the_truth_with_and_without_a_change_of_concept(shift: float) -> None:
    """60 streams of three weeks: no bias beyond .005 where the arrived labels are off by .02 and more, and intervals hold."""
    rng = np.random.default_rng(2)
    off, plain, held = [], [], 0
    for _ in range(60):
        n, labelled, delays, truth = stream(rng, shift)
        share = np.array([arrived_share(delays[c]) for c in (0, 1)]) * np.array([[1 - np.exp(-21 / 12)], [1.0]])
        found = aipw(n, labelled, [0.1, 0.8], [False, True], np.maximum(share, 1e-9))
        assert found is not None
        off.append(found.value - truth)
        plain.append((labelled[:, 0, 1].sum() + labelled[:, 1, 0].sum()) / labelled.sum() - truth)
        held += found.low <= truth <= found.high

    assert abs(np.mean(off)) <= 0.005
    assert abs(np.mean(plain)) > 0.015
    assert held >= 50


def test_ages_at_which_a_class_is_hardly_in_are_left_out_whole() -> None:
    assert labels_used([[0.01, 0.3, 1.0], [0.5, 0.04, 1.0]]).tolist() == [False, False, True]


def test_without_any_old_enough_age_the_models_own_estimate_stands() -> None:
    found = aipw([[50, 50]], [[[1, 0], [0, 0]]], [0.1, 0.8], [False, True], [[0.01], [0.01]])

    assert found is not None
    assert found.value == pytest.approx(0.15)
    assert aipw([[0, 0]], np.zeros((1, 2, 2)), [0.1, 0.8], [False, True], [[1.0], [1.0]]) is None
