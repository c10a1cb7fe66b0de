"""Evaluations that fall in part. The way of the numbers from predictions to this rule: tests/field_cases/test_judgement.py, C23."""

from typing import Any

import numpy as np
import pytest
from tests.traffic import T0, contract_of

from anchorwatch.watches import catalogue
from anchorwatch.watches.evaluations import KNOWN_MAX, EvaluationsRule
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.pace import EVENTS
from anchorwatch.watches.rules import Exact, Facts

PODS = tuple(f"region=pod-{i}" for i in range(4))
LAYOUT = Layout(contract_of(segments=f"{{by: [region], always: [{', '.join(PODS)}]}}"), None, catalogue())


class Flags:
    off: dict[str, Any] | None = None


def facts(second: int, n: int = 100, fallen: dict[str, int] | None = None, reason: str = "error") -> Facts:
    """A window of n evaluations, an equal part of each pod; fallen: pod -> those that did not choose."""
    flat = np.zeros(LAYOUT.size, np.int64)
    events = LAYOUT.view(flat, EVENTS.key)
    events[0, 0] = n
    for pod in PODS:
        events[LAYOUT.rows[pod], 0] = n // 4
    fell = sum((fallen or {}).values())
    reasons = {"targeting_match": n - fell, reason: fell}
    begin = T0 + 1_000 * second
    return Facts(
        begin, begin + 1_000, flat, {}, 0, begin, (), {r: k for r, k in reasons.items() if k}, fallen={"whole": fell, **(fallen or {})}
    )


def rule(known: int = 3) -> EvaluationsRule:
    """After so many windows in which all was well."""
    made = EvaluationsRule(LAYOUT, Flags())
    for second in range(known):
        assert made.window(facts(second)) == []
    return made


def opened(found: list[Exact]) -> list[tuple[bool, int]]:
    return [(exact.open, exact.since_ms - T0) for exact in found]


def test_a_pod_whose_evaluations_all_fall_is_told_by_name_and_over_when_they_choose_again() -> None:
    made = rule()

    assert opened(made.window(facts(3, fallen={PODS[2]: 25}))) == []  # 25 are few
    [told] = made.window(facts(4, fallen={PODS[2]: 25}))
    assert made.holds() == {"evaluations in part"}
    assert made.window(facts(5, fallen={PODS[2]: 25})) == []
    over = made.window(facts(6))

    assert (told.severity, told.harm, told.since_ms - T0) == ("warning", False, 3_000)
    assert told.summary == (
        "loan is switched off in part: 25% of its flag evaluations end in 'error', all those of region=pod-2, without any flag change."
    )
    assert (told.evidence["segments"], told.evidence["n"], told.evidence["reference"]) == ([PODS[2]], 200, 0.0)
    assert opened(over) == [(False, 3_000)]
    assert made.holds() == set()


def test_where_no_segment_falls_as_a_whole_none_is_named() -> None:
    [told] = rule().window(facts(3, n=400, fallen=dict.fromkeys(PODS, 40)))

    assert told.summary == "loan is switched off in part: 40% of its flag evaluations end in 'error', without any flag change."


@pytest.mark.parametrize(
    ("known", "usual", "now"),
    [
        (2, {}, {PODS[0]: 25}),  # too little is known of it
        (3, {PODS[0]: 5}, {PODS[0]: 25}),  # default is the answer of some users
        (3, {}, {PODS[0]: 9}),  # less than a tenth
    ],
)
def test_what_is_no_switch_off_in_part(known: int, usual: dict[str, int], now: dict[str, int]) -> None:
    made = EvaluationsRule(LAYOUT, Flags())
    found = [made.window(facts(second, fallen=usual)) for second in range(known)]
    found += [made.window(facts(second, fallen=now)) for second in range(known, known + 20)]

    assert [exact for each in found for exact in each] == []


def test_all_of_them_is_another_rules_matter() -> None:
    made, every = rule(), dict.fromkeys(PODS, 25)

    assert [made.window(facts(second, fallen=every)) for second in range(3, 6)] == [[], [], []]
    part = rule()
    told = [exact for second in (3, 4) for exact in part.window(facts(second, fallen={PODS[0]: 25}))]
    told += part.window(facts(5, fallen=every))

    assert [(exact.open, exact.summary) for exact in told[1:]] == [
        (False, "The flag evaluations behind loan do not choose, all of them."),
    ]


def test_while_a_flag_is_off_evaluations_may_end_as_they_like() -> None:
    made = rule()
    made.flags.off = {"key": "loan-on"}

    assert [made.window(facts(second, fallen={PODS[0]: 25}, reason="disabled")) for second in range(3, 9)] == [[]] * 6
    assert made.known == [300, 0]


def test_a_restored_rule_goes_on_where_it_stood() -> None:
    straight, first = rule(), rule()
    for second in (3, 4):
        assert straight.window(facts(second, fallen={PODS[1]: 25})) == first.window(facts(second, fallen={PODS[1]: 25}))
    second_life = EvaluationsRule(LAYOUT, Flags())
    second_life.restore(first.snapshot())

    for later in (facts(5, fallen={PODS[1]: 25}), facts(6), facts(7, fallen={PODS[3]: 25}), facts(8, fallen={PODS[3]: 25})):
        assert second_life.window(later) == straight.window(later)
    assert second_life.snapshot() == straight.snapshot()


def test_what_is_usual_is_bounded() -> None:
    made = rule()
    for second in range(4):
        made.window(facts(second, n=KNOWN_MAX))

    assert made.known[0] <= KNOWN_MAX
