"""Intervals hold however often one looks."""

import numpy as np
import pytest

from anchorwatch.estimators.interval import at_this_look, beta_binomial_interval, difference, mean_interval, quantile_interval_ranks


def test_no_event_leaves_everything_possible() -> None:
    assert beta_binomial_interval(0, 0) == (0.0, 1.0)


def test_no_error_and_only_errors_reach_the_ends() -> None:
    assert beta_binomial_interval(0, 100)[0] == 0.0
    assert beta_binomial_interval(100, 100)[1] == 1.0
    assert 0.02 < beta_binomial_interval(0, 100)[1] < 0.1


def test_the_ends_are_where_the_bettor_has_won_one_over_alpha() -> None:
    """B(3.5, 7.5) / B(.5, .5) = p^3 (1-p)^7 / .05 at both ends; B by scipy."""
    special = pytest.importorskip("scipy.special")

    for p in beta_binomial_interval(3, 10):
        assert special.beta(3.5, 7.5) / special.beta(0.5, 0.5) == pytest.approx(p**3 * (1 - p) ** 7 / 0.05)


def test_clumped_events_count_less() -> None:
    low, high = beta_binomial_interval(50, 1_000)
    wide = beta_binomial_interval(50, 1_000, phi=4)

    assert wide == beta_binomial_interval(12.5, 250)
    assert wide[0] < low < high < wide[1]


def test_hardly_any_event_is_left_of_clumped_ones() -> None:
    """Real latitudes clump with phi 222: three events, two of them ones, are a 70th of one event. It once ended in `log1p(-1)`."""
    low, high = beta_binomial_interval(2, 3, phi=222)

    assert low < 1e-9
    assert high == 1.0


@pytest.mark.parametrize("p", [0.01, 0.05, 0.3])
def test_the_truth_is_ever_missed_in_at_most_5_of_100_streams(p: float) -> None:
    """Looked at after 8, 16, .. 2,048 events in 400 streams; the binomial bound of 5 % is 29 in 400."""
    rng = np.random.default_rng(1)
    looks = 2 ** np.arange(3, 12)
    seen = (rng.random((400, looks[-1])) < p).cumsum(1)[:, looks - 1]
    ends = {(k, n): beta_binomial_interval(k, n) for n, column in zip(looks.tolist(), seen.T, strict=True) for k in set(column.tolist())}

    missed = [any(not ends[k, n][0] <= p <= ends[k, n][1] for k, n in zip(row, looks.tolist(), strict=True)) for row in seen.tolist()]
    assert sum(missed) <= 29


def test_ranks_of_a_quantile_cover_it_at_95_percent() -> None:
    rng = np.random.default_rng(2)
    below = rng.binomial(1_000, 0.9, 4_000)
    low, high = quantile_interval_ranks(1_000, 0.9)

    assert 0.94 < np.mean((below >= low) & (below <= high)) < 0.965


def test_ranks_stay_inside_the_sample() -> None:
    assert quantile_interval_ranks(10, 0.99) == pytest.approx((9.9 - 1.96 * (10 * 0.99 * 0.01) ** 0.5, 10.0))


def test_a_mean_of_money_is_ever_missed_in_at_most_5_of_100_streams() -> None:
    """Values -10, 0, 1, 3, of which the loss is rare; 300 streams, looks after 16 .. 4,096; the binomial bound of 5 % is 24 in 300."""
    rng, values, law = np.random.default_rng(3), np.array([-10.0, 0.0, 1.0, 3.0]), [0.03, 0.5, 0.3, 0.17]
    true = float(values @ law)
    looks = 2 ** np.arange(4, 13, 2)
    missed = 0
    for _ in range(300):
        steps = [rng.multinomial(n, law) for n in np.diff(looks, prepend=0)]
        ends = [mean_interval(counts, values) for counts in np.cumsum(steps, axis=0)]
        missed += any(not low <= true <= high for low, high in ends)

    assert missed <= 24


def test_a_mean_of_noughts_and_ones_is_about_as_wide_as_the_rates_own_interval() -> None:
    for k, n in ((50, 1_000), (3_000, 10_000)):
        low, high = beta_binomial_interval(k, n)
        wide = mean_interval([n - k, k], [0.0, 1.0])
        assert 0.8 < (wide[1] - wide[0]) / (high - low) < 1.3
        assert wide[0] < k / n < wide[1]


def test_a_mean_of_nothing_or_of_one_value_is_anywhere_or_there() -> None:
    assert mean_interval([0, 0], [-1.0, 5.0]) == (-1.0, 5.0)
    assert mean_interval([7], [2.0]) == (2.0, 2.0)
    assert mean_interval([9, 0], [2.0, 3.0])[0] == 2.0
    with pytest.raises(ValueError, match="one finite value per symbol"):
        mean_interval([1, 2], [0.0, float("inf")])


def test_clumped_counts_make_a_mean_wider() -> None:
    low, high = mean_interval([500, 500], [0.0, 1.0])
    wide = mean_interval([500, 500], [0.0, 1.0], phi=9)

    assert wide[0] < low < high < wide[1]


def test_the_difference_of_two_arms_holds_whenever_both_intervals_hold() -> None:
    assert difference((0.10, 0.12), (0.07, 0.08)) == (0.02, 0.05)


def test_draws_that_are_no_number_are_left_out() -> None:
    found = at_this_look([float("nan"), *np.linspace(0, 1, 101)], 0.5, 7)

    assert (found.low, found.high) == pytest.approx((0.025, 0.975))
    assert found.n == 7
    assert at_this_look([], 0.3, 0).low == 0.3
