"""Lines: what a reference can say, and what it cannot."""

import numpy as np
import pytest

from anchorwatch.estimators.lines import clumping, line_above, luck


def test_luck_grows_with_the_promise_and_stays_between_a_half_and_three() -> None:
    assert luck([0.1, 1, 10, 100, 1e9]) == pytest.approx([0.5, 0.5, 1.0, 1.75, 3.0])


def test_a_line_lies_at_the_tolerance_or_at_wilsons_end_whichever_is_higher() -> None:
    """Wilson for 10.5 of 201 at z = 1.645, by hand: (10.5 + 1.353 + 1.645 sqrt(9.951 + .6765)) / 203.706 = .08451."""
    assert line_above(10, 200, tol=0.1) == pytest.approx(10.5 / 201 + 0.1)
    assert line_above(10, 200, z=1.645) == pytest.approx(0.08451, abs=1e-5)


def test_no_error_seen_still_gives_a_line_above_nought() -> None:
    assert 0.003 < line_above(0, 300) < 0.02


def test_no_event_seen_gives_a_line_that_nothing_can_cross() -> None:
    assert line_above(0, 0, z=3.0) > 0.9


def test_clumped_references_have_wider_lines() -> None:
    assert line_above(100, 2000, phi=9) > line_above(100, 2000)


def test_independent_counts_do_not_clump() -> None:
    rng = np.random.default_rng(7)
    k = rng.binomial(100, 0.05, (4000, 50))

    phi, growth = clumping(k - 5.0, np.full(k.shape, 100 * 0.05 * 0.95))
    assert np.median(phi) == 1
    assert (growth < 1.6).mean() > 0.9


def test_slow_wander_is_found_at_its_own_scale() -> None:
    """A rate that swings for 50 stretches at a time clumps by far more than neighbours show."""
    rng = np.random.default_rng(7)
    rate = np.repeat(rng.uniform(0.02, 0.08, (80, 20)), 50, axis=0)
    k = rng.binomial(100, rate)
    p = k.mean(0) / 100

    phi, _ = clumping(k - 100 * p, np.broadcast_to(100 * p * (1 - p), k.shape))
    neighbours = ((k - 100 * p) ** 2).mean(0) / (100 * p * (1 - p))
    assert (phi > 3 * neighbours).all()


def test_one_forgotten_incident_does_not_deafen() -> None:
    rng = np.random.default_rng(7)
    k = rng.binomial(100, 0.05, (4000, 20)).astype(float)
    k[2000:2004] += 50

    p = k.mean(0) / 100
    phi, _ = clumping(k - 100 * p, np.broadcast_to(100 * p * (1 - p), k.shape))
    plain = (((k - 100 * p).reshape(-1, 4, 20).sum(1) ** 2).mean(0)) / (400 * p * (1 - p))
    assert (phi < plain).all()


def test_a_reference_without_events_or_of_one_stretch_has_no_clumps() -> None:
    assert clumping(np.zeros((10, 2)), np.zeros((10, 2)))[0].tolist() == [1, 1]
    assert clumping(np.zeros((1, 2)), np.ones((1, 2)))[0].tolist() == [1, 1]
