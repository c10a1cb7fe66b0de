"""Few counters against exact counts."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.errors import StateCorrupt
from anchorwatch.estimators.heavy_hitters import HeavyHitters

streams = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5)), max_size=120)


def fed(stream: list[tuple[int, int]], size: int) -> HeavyHitters:
    seen = HeavyHitters(size)
    for item, weight in stream:
        seen.add([item], weight)
    return seen


@given(st.lists(st.integers(0, 12), max_size=120), st.integers(1, 8))
def test_many_at_once_are_as_one_by_one(items: list[int], size: int) -> None:
    seen = HeavyHitters(size)
    seen.add(items)

    assert seen.snapshot() == fed([(item, 1) for item in items], size).snapshot()


def exact(stream: list[tuple[int, int]]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for item, weight in stream:
        counts[item] += weight
    return counts


def check(seen: HeavyHitters, truth: Counter[int]) -> None:
    """Every weight is inside its interval, none wider than total / (size + 1), and what is heavier is held."""
    allowed = truth.total() / (seen.size + 1)
    held = {heavy.item for heavy in seen.top(seen.size)}
    for item in range(13):
        heavy = seen.weight(item)
        assert heavy.low <= truth[item] <= heavy.high
        assert heavy.high - heavy.low <= allowed
        assert item in held or truth[item] <= allowed
    assert seen.total == truth.total()


@given(streams, st.integers(1, 8))
def test_every_weight_is_inside_its_interval(stream: list[tuple[int, int]], size: int) -> None:
    check(fed(stream, size), exact(stream))


@given(streams, streams, st.integers(1, 8))
def test_two_that_are_added_keep_the_bound_of_one(a: list[tuple[int, int]], b: list[tuple[int, int]], size: int) -> None:
    seen = fed(a, size)
    seen.merge(fed(b, size))

    check(seen, exact([*a, *b]))
    assert len(seen.top(99)) <= size


@settings(max_examples=30)
@given(streams, streams)
def test_a_restored_twin_goes_on_alike(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    seen, twin = fed(a, 4), HeavyHitters(4)
    twin.restore(seen.snapshot())
    for each in (seen, twin):
        for item, weight in b:
            each.add([item], weight)

    assert seen.snapshot() == twin.snapshot()


@pytest.mark.parametrize(
    "broken", [{}, {"total": 1, "lost": 0, "counts": [["a", 2]]}, {"total": 9, "lost": 0, "counts": [["a", 0]]}, {"counts": 7}]
)
def test_what_is_no_snapshot_is_refused_and_nothing_changes(broken: dict[str, object]) -> None:
    seen = HeavyHitters(2)
    seen.add("aab")
    before = seen.snapshot()
    with pytest.raises(StateCorrupt, match="start from empty state"):
        seen.restore(broken)

    assert seen.snapshot() == before


def test_more_counters_than_one_may_hold_are_refused() -> None:
    many = HeavyHitters(5)
    many.add("abcde")

    with pytest.raises(StateCorrupt):
        HeavyHitters(2).restore(many.snapshot())
    with pytest.raises(ValueError, match="at least one"):
        HeavyHitters(0)
