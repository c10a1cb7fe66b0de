"""What a watch says, and the key of who says it."""

import doctest
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.alerting import signal as module
from anchorwatch.alerting.signal import Signal, dedup_key


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module).failed == 0


LOOK_ALIKES = ["country=DE", "country=de", "country=DE ", "country=ＤＥ", "country=DЕ", "name=Café", "name=Cafe\u0301"]


def test_look_alike_segments_never_share_a_key() -> None:
    """Field case C08: us, US and Us; full width, Cyrillic, both Unicode forms."""
    keys = {dedup_key("prod", "fraud", "quality", "f1", segment) for segment in LOOK_ALIKES}

    assert len(keys) == len(LOOK_ALIKES)
    assert all(key.isascii() for key in keys)


parts = st.tuples(*[st.text(max_size=8)] * 5)


@given(parts, parts)
def test_different_monitors_never_share_a_key(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (dedup_key(*one) == dedup_key(*other)) == (one == other)


@pytest.mark.parametrize("text", ["x" * 5_000, "ß" * 5_000])
def test_a_key_has_a_bound_and_stays_distinct(text: str) -> None:
    keys = {dedup_key("prod", "fraud", "inputs", text, text + end) for end in "ab"}

    assert len(keys) == 2
    assert max(map(len, keys)) < 2_000


def test_a_page_and_a_broken_rule_that_is_harm_may_wake(signal: Callable[..., Signal]) -> None:
    assert signal(verdict="page").wakes
    assert signal(verdict="exact").wakes
    assert not signal(verdict="exact", severity="warning").wakes
    assert not signal(verdict="recovering").wakes
