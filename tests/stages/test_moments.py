"""Moments at which time alone changes an answer."""

from typing import Any, cast

from tests.traffic import flag_change

from anchorwatch.stages.moments import ceil, moments
from anchorwatch.watches.rules import Rule


class After:
    after_ms, awake_ms = 2_500, -1


RULES = cast("list[Rule]", [After(), object()])


def test_a_rule_that_waits_is_asked_at_the_end_of_the_window_in_which_its_time_is_up() -> None:
    known: Any = (10_200, 0)
    assert moments(RULES, known, 60_000, [], 1_000) == {13_000, 60_000}
    assert moments(RULES, (-1, 0), 60_000, [], 1_000) == {60_000}


def test_a_flag_is_looked_at_in_the_window_after_its_change() -> None:
    assert moments([], (-1, 0), 9_000, [flag_change(3_400, "off")], 1_000) == {4_000, 9_000}


def test_ends_of_windows() -> None:
    assert [ceil(at, 1_000) for at in (None, 0, 1, 1_000)] == [-1, 0, 1_000, 1_000]
