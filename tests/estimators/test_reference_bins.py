"""Bins of a reference column."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anchorwatch.errors import NotFinite
from anchorwatch.estimators.reference_bins import BINS_MAX, LONG, digitize, p_mass, reference_bins

columns = st.lists(st.one_of(st.floats(-1e300, 1e300), st.integers(-3, 3).map(float)), max_size=300)


@given(columns)
@example([0.0, -5e-324])
def test_every_column_has_at_most_32_bins_and_none_is_empty(x: list[float]) -> None:
    bins = reference_bins(x)

    assert len(bins.mass) == len(bins.edges) + 1 <= BINS_MAX
    assert (np.diff(bins.edges) > 0).all()
    assert not x or ((bins.mass > 0).all() and bins.mass.sum() == pytest.approx(1))


@given(st.lists(st.integers(-10, 10), min_size=1, max_size=200))
def test_a_discrete_value_has_a_bin_of_its_own(x: list[int]) -> None:
    bins = reference_bins(x)

    assert len(bins.mass) == len(set(x))
    assert bins.mass.tolist() == pytest.approx([x.count(v) / len(x) for v in sorted(set(x))])


def test_a_smooth_column_is_cut_into_equal_shares() -> None:
    bins = reference_bins(np.random.default_rng(1).normal(size=32_000))

    assert bins.mass == pytest.approx(np.full(32, 1 / 32), abs=1e-4)


def test_a_heavy_value_among_many_stands_alone() -> None:
    """A third of the rows is exactly 0: its bin holds nothing else."""
    x = np.concatenate([np.random.default_rng(1).normal(size=2_000), np.zeros(1_000)])
    bins = reference_bins(x)

    assert bins.mass[digitize([0.0], bins.edges)[0]] == pytest.approx(1 / 3)


def test_a_constant_has_one_bin_and_an_empty_column_no_mass() -> None:
    assert reference_bins([7, 7, 7]).mass.tolist() == [1.0]
    assert reference_bins([]).mass.tolist() == [0.0]


def test_live_values_outside_count_at_the_ends_and_missing_ones_nowhere() -> None:
    edges = reference_bins(np.arange(100.0)).edges

    assert digitize([-1e9, 1e9, np.inf, np.nan], edges).tolist() == [0, len(edges), len(edges), -1]


def test_a_reference_with_infinity_is_refused() -> None:
    with pytest.raises(NotFinite, match="1 of 2"):
        reference_bins([1.0, float("inf")])


def test_shares_of_nothing_are_nought() -> None:
    assert p_mass([0, 0]).tolist() == [0, 0]


@given(columns, st.lists(st.one_of(st.just(np.nan), st.just(np.inf), st.floats(-1e300, 1e300), st.integers(-3, 3).map(float)), min_size=1))
def test_a_long_column_falls_into_the_bins_of_its_values(reference: list[float], values: list[float]) -> None:
    """Its edges among the values too."""
    edges = reference_bins(reference).edges
    some = np.concatenate([values, edges])

    assert digitize(np.resize(some, LONG), edges).tolist() == np.resize(digitize(some, edges), LONG).tolist()
