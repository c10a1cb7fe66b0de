"""Halves that wait, are joined, leave, and cross a restart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.sources.base import Half
from anchorwatch.sources.foreign import pairs
from anchorwatch.sources.foreign.pairs import Pairs

WITHIN = 100


def half(name: str, side: str) -> Half:
    return Half(name, side, 5, {"type": side}, {"n": name})


moves = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["request", "response"]), st.integers(0, 60)), max_size=30)


@given(moves)
def test_no_half_is_lost_nor_told_twice(steps: list[tuple[str, str, int]]) -> None:
    made, now, taken, told = Pairs(WITHIN), 0, 0, 0
    for name, side, later in steps:
        now += later
        left, dropped = made.add(half(name, side), now)
        taken += not dropped
        told += sum((whole.request is not None) + (whole.response is not None) for whole in left)
        assert all(whole.request is None or whole.response is None or whole.request.id == whole.response.id for whole in left)

    assert taken == told + len(made.waiting)
    assert all(now - stamp <= WITHIN for _, stamp, _ in made.waiting.values())


@given(moves, st.integers(0, 30))
def test_a_restart_changes_nothing(steps: list[tuple[str, str, int]], cut: int) -> None:
    straight, first, second, now = Pairs(WITHIN), Pairs(WITHIN), Pairs(WITHIN), 0
    for i, (name, side, later) in enumerate(steps):
        now += later
        if i == cut:
            second.restore(first.snapshot())
        found = (second if i >= cut else first).add(half(name, side), now)
        assert found == straight.add(half(name, side), now)


def test_one_alone_leaves_at_the_time_at_which_it_is_given_up() -> None:
    made = Pairs(WITHIN)
    made.add(half("a", "request"), 1_000)

    (whole,) = made.add(half("b", "request"), 5_000)[0]

    assert (whole.request, whole.response, whole.stamp) == (half("a", "request"), None, 1_100)


@pytest.mark.parametrize("bound", ["HALVES_MAX", "BYTES_MAX"])
def test_what_waits_is_bounded_and_the_oldest_leaves_first(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, bound, 2 if bound == "HALVES_MAX" else 150)
    made = Pairs(WITHIN)

    left = [whole.request.id for name in "abcd" for whole in made.add(half(name, "request"), 7)[0] if whole.request]

    assert left == sorted(left)
    assert left
    assert len(made.waiting) <= 2
    assert made.size == sum(len(raw) for _, _, raw in made.waiting.values())


@given(moves, st.integers(0, 300))
def test_the_clock_tells_what_a_later_record_would(steps: list[tuple[str, str, int]], later: int) -> None:
    by_record, by_clock, now = Pairs(WITHIN), Pairs(WITHIN), 0
    for name, side, wait in steps:
        now += wait
        by_record.add(half(name, side), now)
        by_clock.add(half(name, side), now)

    assert by_clock.overdue(now + later) == by_record.add(half("new", "request"), now + later)[0]
