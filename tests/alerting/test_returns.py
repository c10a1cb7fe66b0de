"""Is what was over back again, and does it last? The whole story as people hear it, then each part by itself."""

from collections.abc import Callable

import msgspec
import pytest
from tests.alerting.saying import HEALS, HOUR, MINUTE, QUIET, SECOND, T0, Say, back, brief, command

from anchorwatch.alerting import returns
from anchorwatch.alerting.incidents import HEALTH_MS
from anchorwatch.alerting.kept import Incident, Kept
from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import PATIENCE_MS, Signal


def test_what_comes_back_within_a_day_wakes_when_it_lasts(say: Say, fraud: ModelAlerts) -> None:
    """Silent for ten minutes in the morning, dark for good at noon: the second must not stay unheard."""
    first = say(MINUTE, {})[0]
    say(HOUR, QUIET)
    say(3 * HOUR, back(2 * HOUR))
    due, early = fraud.due_ms, say(4 * HOUR - 10 * SECOND)
    lasts, later = say(4 * HOUR), say(5 * HOUR)

    assert (due, early, later) == (T0 + 4 * HOUR, [], [])
    assert [(a.id, a.loud, a.reason) for a in lasts] == [(first.id, True, "it came back, and lasts")]
    assert fraud.due_ms is None


def test_what_comes_and_goes_wakes_nobody_and_each_return_waits_twice_as_long(say: Say) -> None:
    say(MINUTE, {})
    loud, hour = [], 1
    for lasted_hours in (0.5, 1, 1, 2, 3, 4):
        say(hour * HOUR, QUIET)
        say((hour + 1) * HOUR, back((hour + 1) * HOUR))
        loud.append(any(a.loud for a in say(int((hour + 1 + lasted_hours) * HOUR))))
        hour += 2 + int(lasted_hours)

    assert loud == [False, True, False, True, False, True]


def test_a_monitor_may_ask_for_less_patience(say: Say) -> None:
    say(MINUTE, {"patience_ms": MINUTE})
    say(HOUR, QUIET)
    say(2 * HOUR, {**back(2 * HOUR), "patience_ms": MINUTE})

    assert [a.loud for a in say(2 * HOUR + MINUTE)] == [True]


def test_ten_segments_that_come_back_and_last_wake_once(say: Say) -> None:
    segments = [{"segment": f"country={name}"} for name in "ABCDEFGHIJ"]
    say(MINUTE, *segments)
    say(HOUR, *[{**segment, **QUIET} for segment in segments])
    say(2 * HOUR, *[{**segment, **back(2 * HOUR)} for segment in segments])

    assert brief(say(3 * HOUR)) == [("country=A", "firing", 4, True)]


def test_a_warning_that_comes_back_stays_quiet(say: Say, fraud: ModelAlerts) -> None:
    warning = {"verdict": "warning", "severity": "warning"}
    say(MINUTE, warning)
    say(HOUR, QUIET)
    say(2 * HOUR, {**warning, **back(2 * HOUR)})

    assert fraud.due_ms is None


@pytest.mark.parametrize("verb", ["ack", "resolve"])
def test_what_came_back_and_a_person_saw_wakes_nobody(say: Say, fraud: ModelAlerts, verb: str) -> None:
    say(MINUTE, {})
    say(HOUR, QUIET)
    say(2 * HOUR, back(2 * HOUR))
    fraud.command(command(verb), T0 + 2 * HOUR + MINUTE)

    assert (say(4 * HOUR), fraud.due_ms) == ([], None)


def test_what_came_back_under_a_silence_wakes_when_the_silence_is_over(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})
    say(HOUR, QUIET)
    fraud.command(command("silence", until_ms=T0 + 5 * HOUR), T0 + HOUR)
    say(2 * HOUR, back(2 * HOUR))
    under = say(4 * HOUR)
    fraud.tick(T0 + 5 * HOUR)

    assert under == []
    assert [a.loud for a in say(5 * HOUR + 10 * SECOND)] == [True]


def test_what_heals_while_it_waits_is_told_when_it_falls_back(say: Say) -> None:
    say(MINUTE, {})
    say(HOUR, QUIET)
    say(2 * HOUR, back(2 * HOUR))
    heals, healing = say(2 * HOUR + MINUTE, HEALS), say(4 * HOUR)

    assert (brief(heals), healing) == ([("whole", "recovering", 4, False)], [])
    assert [a.loud for a in say(5 * HOUR, back(2 * HOUR))] == [True]


def test_what_is_owed_survives_a_restart(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})
    say(HOUR, QUIET)
    say(2 * HOUR, back(2 * HOUR))
    twin = ModelAlerts("prod", "fraud", {"team": "t"})
    twin.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(fraud.snapshot())))

    assert [a.loud for a in twin.window((T0 + 3 * HOUR - 10 * SECOND, T0 + 3 * HOUR), [], {}, T0 + 3 * HOUR)] == [True]


# each part


def kept_of(signal: Signal, **changes: object) -> Kept:
    kept = Kept("key", "id", signal.name, "firing", signal.severity, signal.harm, (0, 1), 0, (0, 0), signal)
    for name, value in changes.items():
        setattr(kept, name, value)
    return kept


def incident(**changes: object) -> Incident:
    found = Incident("incident", 0, 0, (0, 0), told={"critical": 100})
    for name, value in changes.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize(("health_ms", "fresh_ms", "back_ms"), [(HEALTH_MS, 1_000, None), (HEALTH_MS - 1, -1, HEALTH_MS + 999)])
def test_a_day_of_health_makes_it_new_and_less_makes_it_a_return(
    signal: Callable[..., Signal], health_ms: int, fresh_ms: int, back_ms: int | None
) -> None:
    kept = kept_of(signal(), healthy_since_ms=1_000)

    returns.came_back(kept, "resolved", 1_000 + health_ms)

    assert (kept.fresh_ms, kept.back_ms) == (fresh_ms, back_ms)


@pytest.mark.parametrize(("since_ms", "fresh_ms"), [(0, -1), (1_000 + HOUR, 1_000)])
def test_what_only_seemed_to_recover_is_not_new_and_what_began_since_is(
    signal: Callable[..., Signal], since_ms: int, fresh_ms: int
) -> None:
    """Simulated: .05 -> .12, 200 a day: the page on the whole woke seven times in 60 days, by lucky hours."""
    kept = kept_of(signal(since_ms=since_ms), healthy_since_ms=1_000)

    returns.came_back(kept, "recovering", 1_000 + 3 * HEALTH_MS)

    assert kept.fresh_ms == fresh_ms


def test_a_fall_back_while_it_recovers_is_no_return(signal: Callable[..., Signal]) -> None:
    kept = kept_of(signal(), healthy_since_ms=1_000)

    returns.came_back(kept, "recovering", 2_000)

    assert kept.back_ms is None


@pytest.mark.parametrize(
    ("told", "patience_ms"), [(0, PATIENCE_MS), (1, 2 * PATIENCE_MS), (2, 4 * PATIENCE_MS), (returns.RETURNS_MAX, HEALTH_MS)]
)
def test_each_return_waits_twice_as_long_and_a_day_at_most(signal: Callable[..., Signal], told: int, patience_ms: int) -> None:
    owing = incident(returns=told)

    returns.owe(owing, [kept_of(signal(), back_ms=500)])

    assert owing.owed_ms == 500 + patience_ms


@pytest.mark.parametrize(
    "changes",
    [{"back_ms": None}, {"back_ms": 100}, {"state": "recovering"}, {"severity": "warning"}],
    ids=["new", "told since", "heals", "warning"],
)
def test_nothing_else_is_owed(signal: Callable[..., Signal], changes: dict[str, object]) -> None:
    owing = incident()

    returns.owe(owing, [kept_of(signal(), **{"back_ms": 500, **changes})])

    assert owing.owed_ms is None
