"""telemetry/histograms.py: against the SDK's own mapping, exact quantiles and exact counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from opentelemetry.sdk.metrics._internal.exponential_histogram.mapping.logarithm_mapping import LogarithmMapping
from opentelemetry.sdk.metrics.export import ExponentialHistogramDataPoint
from opentelemetry.trace import SpanContext

from anchorwatch.telemetry.histograms import BOUNDS, EXPORTED_MAX, LogHistogram

START, NOW = 1_000, 2_000
Floats = NDArray[np.float64]


def histogram(*values: float) -> LogHistogram:
    made = LogHistogram(START)
    made.add(np.array(values, np.float64))
    return made


def quantile(point: ExponentialHistogramDataPoint, q: float) -> float:
    """As a backend reads it: the middle (in the logarithm) of the bucket in which the q-th value lies."""
    cumulative = np.cumsum([point.zero_count, *point.positive.bucket_counts])
    bucket = int(np.searchsorted(cumulative, q * point.count)) - 1
    return float(2 ** ((point.positive.offset + bucket + 0.5) / 2**point.scale))


@pytest.mark.parametrize("q", [0.01, 0.25, 0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("shape", ["lognormal", "uniform", "bimodal"])
def test_quantiles_are_within_five_per_cent_of_the_exact_ones(shape: str, q: float) -> None:
    chance = np.random.default_rng(1)
    seconds: Floats = {
        "lognormal": chance.lognormal(-3, 0.7, 100_000),
        "uniform": chance.uniform(0.05, 2, 100_000),
        "bimodal": np.concatenate((chance.normal(0.02, 0.002, 60_000), chance.normal(40, 4, 40_000))),
    }[shape]
    made = LogHistogram(START)
    for part in np.array_split(seconds, 10):
        made.add(part)

    assert quantile(made.point({}, NOW), q) == pytest.approx(np.quantile(seconds, q), rel=0.05)


def test_buckets_are_those_of_the_sdk_s_own_mapping() -> None:
    """Powers of two among them: they close the bucket below."""
    seconds = [*np.random.default_rng(1).lognormal(-3, 2, 2_000), *(2.0**k for k in range(-9, 10))]
    seconds = [value for value in seconds if 0.002 <= value < 1_000]  # within 160 buckets
    mapping = LogarithmMapping(3)
    expected = np.bincount([mapping.map_to_index(value) + 200 for value in seconds], minlength=400)

    point = histogram(*seconds).point({}, NOW)

    assert point.scale == 3
    inside = np.flatnonzero(expected)
    assert point.positive.offset == inside[0] - 200
    assert list(point.positive.bucket_counts) == expected[inside[0] : inside[-1] + 1].tolist()


def test_a_range_wider_than_160_buckets_is_merged_and_loses_nothing() -> None:
    seconds = np.geomspace(0.001, 60 * 86_400, 5_000)

    point = histogram(*seconds).point({}, NOW)

    assert point.scale == 2
    assert len(point.positive.bucket_counts) <= EXPORTED_MAX
    assert sum(point.positive.bucket_counts) == point.count == 5_000
    assert point.sum == pytest.approx(seconds.sum())
    assert (point.min, point.max) == (seconds.min(), seconds.max())
    assert quantile(point, 0.5) == pytest.approx(np.quantile(seconds, 0.5), rel=0.1)


def test_zero_and_what_is_beyond_both_ends_is_counted() -> None:
    point = histogram(0.0, 1e-9, 1e12).point({}, NOW)

    assert (point.zero_count, sum(point.positive.bucket_counts), point.count) == (2, 1, 3)


def test_an_empty_histogram_is_a_point_of_zero() -> None:
    point = histogram().point({"a": "b"}, NOW)

    assert (point.count, list(point.positive.bucket_counts), point.attributes) == (0, [], {"a": "b"})
    assert (point.start_time_unix_nano, point.time_unix_nano) == (START, NOW)


@given(st.lists(st.lists(st.floats(0, 1e7), max_size=20), max_size=5))
def test_any_cut_into_arrays_gives_the_same_counts(parts: list[list[float]]) -> None:
    together, apart = histogram(*[value for part in parts for value in part]), LogHistogram(START)
    for part in parts:
        apart.add(np.array(part, np.float64))

    assert np.array_equal(apart.counts, together.counts)
    assert apart.point({}, NOW).count == sum(map(len, parts))


def test_counts_at_fixed_bounds_are_off_by_less_than_the_bucket_that_a_bound_divides() -> None:
    seconds = np.random.default_rng(2).lognormal(-1, 3, 200_000)
    made = histogram(*seconds)

    for bound, count in zip(BOUNDS, made.cumulative(), strict=True):
        low, high = (int((seconds <= bound * factor).sum()) for factor in (2 ** (-1 / 8), 2 ** (1 / 8)))
        assert low <= count <= high
        assert count == pytest.approx((seconds <= bound).sum(), abs=0.005 * seconds.size)


@given(st.lists(st.floats(1e-6, 1e6), max_size=30), st.lists(st.floats(1e-6, 1e6), max_size=30))
def test_counts_at_fixed_bounds_rise_with_the_bound_and_never_fall_with_time(first: list[float], later: list[float]) -> None:
    made = histogram(*first)
    before = made.cumulative()
    made.add(np.array(later, np.float64))
    after = made.cumulative()

    assert before == sorted(before)
    assert all(old <= new for old, new in zip(before, after, strict=True))
    assert after[-1] <= len(first) + len(later)


def test_exemplars_are_the_slowest_and_the_newest_of_an_octave_and_leave_with_the_point() -> None:
    made = histogram(1.1, 1.9, 1.5, 5.0)
    for span, seconds in enumerate((1.1, 1.9, 1.5, 5.0), 1):
        made.offer(seconds, 10 * span, SpanContext(7, span, is_remote=True))

    first, second = made.point({}, NOW), made.point({}, NOW)

    assert sorted((one.value, one.time_unix_nano, one.trace_id, one.span_id) for one in first.exemplars) == [
        (1.5, 30, 7, 3),
        (1.9, 20, 7, 2),
        (5.0, 40, 7, 4),
    ]
    assert second.exemplars == []


def test_exemplars_stay_few_however_many_are_offered() -> None:
    made = LogHistogram(START)
    for i, seconds in enumerate(np.geomspace(1e-9, 1e9, 5_000)):
        made.offer(float(seconds), i, SpanContext(1, i + 1, is_remote=True))

    assert len(made.point({}, NOW).exemplars) <= 2 * 44
