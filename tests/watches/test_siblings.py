"""Silence on the clock of other events: told when they go on, never when all are silent; the chance of a false one by simulation."""

import numpy as np
import pytest
from tests.traffic import LOAN, contract_of, flag_change

from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.pace import EVENTS
from anchorwatch.watches.rules import Exact, Facts
from anchorwatch.watches.siblings import DAYS_MS, SIBLINGS, SiblingRule

MINUTE, DAY = 60_000, 86_400_000
SIDE = contract_of(LOAN.replace("silent_after: 5s", "silent_after: 5s, siblings: [anchorwatch.outcomes]"))
LAYOUT = Layout(SIDE, None, catalogue())


def tell(rule: SiblingRule, at: int, ours: int, theirs: int, flags: tuple[str, ...] = ()) -> list[Exact]:
    flat = np.zeros(LAYOUT.size, np.int64)
    LAYOUT.view(flat, EVENTS.key)[0], LAYOUT.view(flat, SIBLINGS.key)[0] = ours, theirs
    changes = [flag_change(at, state) for state in flags]
    return rule.window(Facts(at, at + MINUTE, flat, {}, 0, at, changes, {}))


def grown() -> tuple[SiblingRule, int]:
    """Eight days of a window every half hour with one of ours and 20 of theirs, but each tenth without ours."""
    rule, at = SiblingRule(LAYOUT), 0
    while at < 8 * DAY:
        assert not tell(rule, at, 0 if at // (30 * MINUTE) % 10 == 9 else 1, 20)
        at += 30 * MINUTE
    return rule, at


def test_silence_is_told_after_three_times_the_longest_gap_and_ends_with_the_first_word() -> None:
    rule, at = grown()

    quiet = [tell(rule, at + i * MINUTE, 0, 20) for i in range(3)]
    again = tell(rule, at + 4 * MINUTE, 1, 0)

    assert rule.longest == 20
    assert [len(each) for each in quiet] == [0, 0, 1]
    (told,) = quiet[2]
    assert (told.name, told.subject, told.severity, told.open) == ("ModelDark", "siblings", "critical", True)
    assert told.summary == "loan is dark while its siblings go on: 60 of their events, and none of its own."
    assert [each.open for each in again] == [False]
    assert not rule.holds()
    assert rule.longest == 20  # an outage is no usual gap


def test_when_all_are_silent_nothing_is_said() -> None:
    rule, at = grown()

    assert not any(tell(rule, at + i * MINUTE, 0, 0) for i in range(10_000))
    assert not rule.window(Facts(at, at + 30 * DAY, None, {}, 0, at, (), {}))


def test_before_seven_days_and_three_hundred_windows_nothing_is_said() -> None:
    rule = SiblingRule(LAYOUT)
    for i in range(1_000):
        tell(rule, i * MINUTE, 1, 5)

    assert not tell(rule, 1_001 * MINUTE, 0, 10_000)
    rare = SiblingRule(LAYOUT)
    for i in range(200):
        tell(rare, i * DAYS_MS, 1, 5)
    assert not tell(rare, 201 * DAYS_MS, 0, 10_000)


def test_a_model_that_is_switched_off_is_not_called_dark() -> None:
    rule, at = grown()

    assert not any(tell(rule, at + i * MINUTE, 0, 50, ("off",)) for i in range(20))
    assert not tell(rule, at + 21 * MINUTE, 0, 50, ("off", "on"))
    assert tell(rule, at + 22 * MINUTE, 0, 50, ("off", "on"))


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_random_arrivals_are_hardly_ever_called_silence(share: float) -> None:
    """Twenty lives of 30 days; in each minute 0 to 40 events, many at noon and few at night, of which that share is ours."""
    told = 0
    for seed in range(20):
        rng, rule = np.random.default_rng(seed), SiblingRule(LAYOUT)
        minutes = np.arange(0, 30 * 1_440, 10)
        every = rng.poisson(20 * (1 + np.sin(2 * np.pi * minutes / 1_440)))
        ours = rng.binomial(every, share)
        flat = np.zeros(LAYOUT.size, np.int64)
        for minute, all_, mine in zip(minutes.tolist(), every.tolist(), ours.tolist(), strict=True):
            LAYOUT.view(flat, EVENTS.key)[0], LAYOUT.view(flat, SIBLINGS.key)[0] = mine, all_ - mine
            told += len(rule.window(Facts(minute * MINUTE, (minute + 10) * MINUTE, flat, {}, 0, 0, (), {})))

    assert told == 0


def test_a_restored_rule_goes_on() -> None:
    rule, at = grown()
    tell(rule, at, 0, 30)
    twin = SiblingRule(LAYOUT)
    twin.restore(rule.snapshot())

    assert tell(twin, at + MINUTE, 0, 30) == tell(rule, at + MINUTE, 0, 30)
    assert twin.holds() == {"siblings"}
    twin.restore({})
    assert twin.holds() == {"siblings"}
