"""Silence on the clock of other events: told when they go on, never when all are silent; the chance of a false one by simulation.

And the share of ours among them: nine kinds of bursty traffic say no more than promised, a fall by more than half is heard.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.traffic import LOAN, contract_of, flag_change, loan_reference
from tests.watches.seeing import seen
from tests.watches.siblings_traffic import KINDS, STEPS, Pair

from anchorwatch.alerting.budget import share as share_of
from anchorwatch.estimators.bank import BernoulliBank
from anchorwatch.estimators.lines import clumping
from anchorwatch.stages.banks import shares
from anchorwatch.watches import catalogue
from anchorwatch.watches.alive import WATCH
from anchorwatch.watches.base import Ints, Monitor, Reference
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.pace import EVENTS
from anchorwatch.watches.rules import Exact, Facts
from anchorwatch.watches.siblings import DAYS_MS, SIBLINGS, Allowance, SiblingRule, busy, line_of_share, share, share_monitors, waits

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


# the share

STEP_MS = 600_000


def reference_of(ours: Ints, theirs: Ints) -> tuple[Reference, Ints]:
    """Of 28 days in steps of ten minutes, as stages/reference would learn it; and what was allowed of theirs."""
    at = np.stack([np.arange(len(theirs)) * STEP_MS, theirs], axis=1)
    days_ms = len(theirs) * STEP_MS
    known = replace(loan_reference(), from_ms=0, to_ms=days_ms, counts={}, pace=busy(at, int(ours.sum()), 0, days_ms))
    taken = allowed(known, ours, theirs)
    total = np.zeros((len(known.segments) + 2, 2), np.int64)
    total[0] = ours.sum(), taken.sum()
    a, b = (x[: 240 * (len(x) // 240)].reshape(240, -1).sum(1) for x in (ours, taken))
    usual = b.sum() / (a + b).sum()
    phi, _ = clumping(b - (a + b) * usual, (a + b) * usual * (1 - usual))
    return replace(known, counts={share(LAYOUT).key: total}, phi={"alive:share/whole": (float(phi),)}), taken


def allowed(known: Reference, ours: Ints, theirs: Ints) -> Ints:
    allowance = Allowance(Layout(SIDE, known, catalogue()), STEP_MS)
    pairs = enumerate(zip(ours.tolist(), theirs.tolist(), strict=True))
    return np.array([allowance.take(i * STEP_MS, b, a) for i, (a, b) in pairs], np.int64)


def monitor_of(known: Reference) -> Monitor:
    [found] = share_monitors(Layout(SIDE, known, catalogue()))
    return found


def pages(kind: str, seed: int, days: int, change: Callable[[np.random.Generator, Pair], Pair], runs: int = 6) -> list[int]:
    """Pages of each of six models: 28 days of reference, `days` of life, a mark of 20 days and a share of .5: days / 40 are promised each."""
    rng = np.random.default_rng(seed)
    ours, theirs = KINDS[kind](rng, (runs, 28 * STEPS))
    known = [reference_of(a, b)[0] for a, b in zip(ours, theirs, strict=True)]
    monitors = [monitor_of(each) for each in known]
    bank = BernoulliBank(
        group=range(runs), line=[m.streams[0].line for m in monitors], phi=[each.phi["alive:share/whole"][0] for each in known],
        up=[False] * runs, share=0.5, clear_days=1 / 24, pages=True, level_days=20.0, healing_min=30.0,
    )  # fmt: skip
    ours, theirs = change(rng, KINDS[kind](rng, (runs, days * STEPS)))
    theirs = np.stack([allowed(each, a, b) for each, a, b in zip(known, ours, theirs, strict=True)])
    told = [0] * runs
    for i in range(days * STEPS):
        for found in bank.window((ours + theirs)[:, i], theirs[:, i], 1 / STEPS, i * STEP_MS, (i + 1) * STEP_MS):
            told[found.monitor] += found.verdict == "page" and not found.relapse
    return told


def diverted(part: float) -> Callable[[np.random.Generator, Pair], Pair]:
    return lambda rng, pair: (rng.binomial(pair[0], 1 - part), pair[1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.0, 0.25])
def test_bursty_traffic_and_a_pod_of_four_that_is_bypassed_alarm_no_more_often_than_promised(kind: str, part: float) -> None:
    assert sum(pages(kind, 1, 40, diverted(part))) <= 6 * 40 * 0.5 / 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nine_tenths_that_go_elsewhere_are_heard(kind: str) -> None:
    """Within three days; within ten where day and night of the two differ, whose share wanders by all of itself."""
    days = 10 if kind == "ours by day, theirs by night" else 3

    assert all(pages(kind, 2, days, diverted(0.9)))


@pytest.mark.parametrize("kind", ["steady", "outages that both share", "rare storms of theirs"])
def test_three_fifths_that_go_elsewhere_are_heard_within_three_days(kind: str) -> None:
    assert all(pages(kind, 3, 3, diverted(0.6)))


def test_siblings_that_grow_threefold_are_no_fall_of_ours_where_they_are_steady() -> None:
    """They count one and a half times as fast as in a busy hour. Where nights are quiet, a night of three times as many is heard."""
    grown = pages("steady", 4, 20, lambda _, pair: (pair[0], 3 * pair[1]))

    assert sum(grown) <= 6 * 20 * 0.5 / 20


def test_the_line_is_what_is_left_when_half_of_ours_go_elsewhere_or_theirs_double() -> None:
    known, _ = reference_of(np.full(28 * STEPS, 30), np.full(28 * STEPS, 10))

    [stream] = monitor_of(known).streams

    assert 1 - stream.line == pytest.approx(line_of_share(0.75), abs=1e-4) == pytest.approx(15 / 25, abs=1e-4)
    assert line_of_share(0.75) == 30 / (30 + 2 * 10)
    assert (stream.direction, monitor_of(known).harm, monitor_of(known).reference) == ("down", True, 0.75)


def test_without_siblings_in_the_reference_the_share_waits_and_says_so() -> None:
    before = replace(loan_reference(), counts=dict(loan_reference().counts))
    few, _ = reference_of(np.full(28 * STEPS, 30), np.eye(1, 28 * STEPS, dtype=np.int64)[0] * 20)

    assert [waits(Layout(SIDE, each, catalogue())).partition(" are")[0] for each in (before, few)] == [
        f"its share among its siblings waits: the reference holds {n} of their events, 300" for n in (0, 20)
    ]
    assert share_monitors(Layout(SIDE, before, catalogue())) == ()
    assert [waits(of) for of in (Layout(contract_of(LOAN), before, catalogue()), LAYOUT)] == ["", ""]


def test_counts_of_another_set_of_siblings_are_not_its_normal() -> None:
    known, _ = reference_of(np.full(28 * STEPS, 30), np.full(28 * STEPS, 10))
    other = contract_of(LOAN.replace("silent_after: 5s", "silent_after: 5s, siblings: [anchorwatch.outcomes, payments]"))

    assert share_monitors(Layout(other, known, catalogue())) == ()
    assert waits(Layout(other, known, catalogue()))


def test_the_share_takes_a_part_of_what_the_watch_may_cost() -> None:
    known, _ = reference_of(np.full(28 * STEPS, 30), np.full(28 * STEPS, 10))
    monitors = WATCH.monitors(Layout(SIDE, known, catalogue()))

    assert [m.key for m in monitors] == ["alive:share/whole"]
    assert sum(shares(monitors, 1).values()) == share_of("alive", whole=True, n_segments=1, n_parts=1)


def test_of_a_storm_of_theirs_only_ten_busy_minutes_count_at_once_and_a_shared_one_counts_whole() -> None:
    """60 an hour as a rule, half of ours: 90 an hour count, 30 are in hand; beside 400 of ours 300 do."""
    known, _ = reference_of(np.full(28 * STEPS, 20), np.full(28 * STEPS, 10))
    allowance = Allowance(Layout(SIDE, known, catalogue()), 10_000)
    told = ((0, 5, 0), (10_000, 1_000, 0), (20_000, 1_000, 0), (3_600_000, 1_000, 0), (3_610_000, 0, 0), (3_620_000, 1_000, 400))

    assert [allowance.take(at, theirs, ours) for at, theirs, ours in told] == [5, 25, 0, 30, 0, 300]


def test_a_rule_counts_ours_and_theirs_and_a_restored_one_has_no_more_in_hand() -> None:
    known, _ = reference_of(np.full(28 * STEPS, 30), np.full(28 * STEPS, 10))
    of = Layout(SIDE, known, catalogue())

    def window(rule: SiblingRule, at: int, ours: int, theirs: int) -> list[int]:
        flat = np.zeros(of.size, np.int64)
        of.view(flat, EVENTS.key)[0], of.view(flat, SIBLINGS.key)[0] = ours, theirs
        rule.derive(flat, (at, at + 10_000))
        return list(of.view(flat, share(of).key)[0])

    rule, twin = SiblingRule(of), SiblingRule(of)
    first = window(rule, 0, 7, 25)
    twin.restore(rule.snapshot())

    assert first == [7, 25]
    assert window(rule, 10_000, 7, 1_000) == window(twin, 10_000, 7, 1_000) == [7, 5]


def test_the_sentence_names_both_shares_and_what_may_be_behind_it() -> None:
    told = WATCH.explain(seen("share", direction="down", current=0.2, reference=0.5))

    assert told.name == "TrafficLost"
    assert told.summary == (
        "Only 20 % of the events of this model and its siblings are its own now (reference 50 %): traffic goes past it, or theirs grew."
    )
    assert "compare the callers" in told.runbook
