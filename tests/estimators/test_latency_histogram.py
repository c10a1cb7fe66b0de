"""The latency histogram against numpy's quantiles and OpenTelemetry's rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.errors import NotFinite
from anchorwatch.estimators.latency_histogram import N_BINS, at_rank, bins_of, edges, quantile


def histogram(seconds: object) -> np.ndarray:
    return np.bincount(bins_of(np.asarray(seconds)), minlength=N_BINS)


@given(st.floats(1e-6, 8e6))
def test_every_latency_lies_in_its_bin(x: float) -> None:
    """Up to the last bit of log2 at an edge."""
    i, at = int(bins_of([x])[0]), edges()

    assert at[i] * (1 - 1e-12) < x <= at[i + 1] * (1 + 1e-12)


def test_what_is_outside_counts_at_the_ends() -> None:
    assert bins_of([-1.0, 0.0, 1e-9, 1e9]).tolist() == [0, 0, 0, N_BINS - 1]


def test_powers_of_two_close_their_bin() -> None:
    """(1, 2] is an octave of eight bins; 2 is its end."""
    assert np.diff(bins_of([1.0, 2.0, 4.0, 1024.0])).tolist() == [8, 8, 64]


def test_a_latency_that_is_no_number_is_refused() -> None:
    with pytest.raises(NotFinite, match="position \\[1\\]"):
        bins_of([1.0, float("nan")])


@pytest.mark.parametrize(("q", "within"), [(0.5, 0.03), (0.9, 0.03), (0.99, 0.04)])
def test_quantiles_are_numpys_within_4_percent(q: float, within: float) -> None:
    x = np.random.default_rng(1).lognormal(-3, 1, 100_000)

    assert quantile(histogram(x), q) == pytest.approx(np.quantile(x, q), rel=within)


def test_no_latency_has_no_quantile() -> None:
    assert quantile(np.zeros(N_BINS, np.int64), 0.5) is None


def test_ends_and_outer_ranks_are_those_of_the_filled_bins() -> None:
    counts = histogram([0.5, 0.5, 0.5])
    i = int(np.flatnonzero(counts)[0])

    assert at_rank(counts, -1) == pytest.approx(edges()[i])
    assert at_rank(counts, 99) == pytest.approx(edges()[i + 1])
    assert quantile(counts, 0.0) == pytest.approx(edges()[i])


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=50), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_never_fall_as_q_rises(x: list[float], a: float, b: float) -> None:
    counts = histogram(x)
    low, high = quantile(counts, min(a, b)), quantile(counts, max(a, b))

    assert low is not None
    assert high is not None
    assert low <= high
