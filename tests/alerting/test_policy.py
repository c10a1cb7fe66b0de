"""When does a person hear of it?"""

from collections.abc import Callable

import msgspec
import pytest
from tests.alerting.saying import DAY, HEALS, HOUR, KEY, MINUTE, QUIET, SECOND, T0, Say, back, brief, command

from anchorwatch.alerting import memory as memory_module
from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import Signal
from anchorwatch.errors import StateCorrupt


def test_a_page_opens_one_loud_alert(say: Say) -> None:
    assert brief(say(MINUTE, {})) == [("whole", "firing", 1, True)]


def test_what_goes_on_firing_is_not_told_again(say: Say) -> None:
    say(MINUTE, {})

    assert say(2 * MINUTE, {}) == []


def test_quiet_without_an_alert_says_nothing(say: Say) -> None:
    assert say(MINUTE, QUIET, HEALS) == []


def test_a_page_heals_and_ends_without_a_sound(say: Say) -> None:
    say(MINUTE, {})
    heals, ends = say(HOUR, HEALS), say(2 * HOUR, QUIET)

    assert brief(heals + ends) == [("whole", "recovering", 2, False), ("whole", "resolved", 3, False)]
    assert ends[0].endsAt == "2026-11-22T11:12:00Z"
    assert ends[0].reason == "all clear"


def test_ten_segments_of_one_fault_wake_once(say: Say) -> None:
    segments = [{"segment": f"country={name}"} for name in "ABCDEFGHIJ"]
    alerts = say(MINUTE, *segments, {"evidence": {}})

    assert [alert.loud for alert in alerts] == [True] + [False] * 10
    assert alerts[0].labels["segment"] == "whole"
    assert len({alert.incident for alert in alerts}) == 1
    assert "10 more alerts of the same time belong to it." in alerts[0].annotations["incident_summary"]


def test_the_segment_that_explains_is_the_one_that_wakes(say: Say) -> None:
    alerts = say(MINUTE, {}, {"segment": "country=FR"}, {"segment": "country=DE", "evidence": {"explains_whole": True}})

    assert brief(alerts)[0] == ("country=DE", "firing", 1, True)
    assert {alert.annotations["incident_headline"] for alert in alerts} == {"prod/fraud/quality:f1/country=DE"}


def test_who_joins_later_is_quiet_and_the_headline_is_told_anew(say: Say) -> None:
    say(MINUTE, {})
    alerts = say(2 * MINUTE, {"segment": "country=DE"})

    assert brief(alerts) == [("whole", "firing", 2, False), ("country=DE", "firing", 1, False)]
    assert "1 more alert of the same time belongs to it." in alerts[0].annotations["incident_summary"]


def test_a_second_fault_wakes_again(say: Say) -> None:
    say(MINUTE, {})
    later = T0 + 5 * HOUR
    alerts = say(6 * HOUR, {"watch": "latency", "subject": "p99", "name": "LatencyOverPromise", "since_ms": later, "onset": (later, later)})

    assert brief(alerts) == [("whole", "firing", 1, True)]


def test_what_wavers_on_a_segment_that_has_a_page_wakes_nobody(say: Say) -> None:
    """Real latencies, half as slow again: p50 was open for ten months, p90 and p99 came and went and paged twelve times."""
    p50, p99 = ({"watch": "latency", "subject": f"usual_{name}", "segment": "fleet=a"} for name in ("p50", "p99"))
    assert brief(say(0, p50)) == [("fleet=a", "firing", 1, True)]

    for day in (3, 6, 20):
        fired = say(day * DAY, {**p99, **back(day * DAY)})
        say((day + 2) * DAY, {**p99, **QUIET})
        assert fired, "it is told, without a sound"
        assert not any(alert.loud for alert in fired)
        assert len({alert.incident for alert in fired}) == 1

    say(30 * DAY, {**p50, **QUIET})
    assert [alert.loud for alert in say(33 * DAY, {**p99, **back(33 * DAY)})] == [True], "once the page is over it is news"


def test_a_warning_that_becomes_a_page_wakes_and_changes_its_severity(say: Say) -> None:
    warning = say(MINUTE, {"verdict": "warning", "severity": "warning"})[0]
    page = say(2 * MINUTE, {})[0]

    assert (warning.labels["severity"], page.labels["severity"]) == ("warning", "critical")
    assert (page.id, page.sequence, page.loud) == (warning.id, 2, True)
    assert {**page.labels, "severity": ""} == {**warning.labels, "severity": ""}


def test_severity_never_falls_while_an_alert_is_open(say: Say) -> None:
    say(MINUTE, {})

    assert say(2 * MINUTE, {"verdict": "warning", "severity": "warning"}) == []
    assert say(3 * MINUTE, HEALS)[0].labels["severity"] == "critical"


def test_firing_again_within_seven_days_is_the_same_alert_and_wakes_nobody(say: Say) -> None:
    first = say(MINUTE, {})[0]
    say(HOUR, QUIET)
    again = say(3 * HOUR, {"since_ms": T0 + 2 * HOUR, "onset": (T0 + 2 * HOUR,) * 2})[0]

    assert (again.id, again.incident, again.sequence, again.loud) == (first.id, first.incident, 3, False)
    assert (again.startsAt, again.endsAt) == ("2026-11-22T11:12:00Z", None)


VANISHED = {
    "watch": "inputs",
    "subject": "age",
    "name": "InputVanished",
    "verdict": "exact",
    "severity": "warning",
    "harm": False,
    "summary": "gone",
}
RETYPED = {**VANISHED, "name": "InputRetyped", "summary": "text"}


def test_another_fault_of_the_same_field_in_place_of_the_first_is_told_under_its_own_name(say: Say) -> None:
    gone = say(MINUTE, VANISHED)
    both, instead = say(2 * MINUTE, RETYPED), say(3 * MINUTE, {**VANISHED, "verdict": "quiet"})
    over = say(4 * MINUTE, {**RETYPED, "verdict": "quiet"})

    told = [(a.labels["alertname"], a.state, a.annotations["summary"], a.loud) for a in gone + both + instead + over]
    assert told == [
        ("InputVanished", "firing", "gone", True),
        ("InputRetyped", "firing", "text", False),
        ("InputRetyped", "resolved", "text", False),
    ]


def test_an_alert_that_fires_again_for_another_reason_bears_its_name(say: Say) -> None:
    say(MINUTE, VANISHED)
    say(2 * MINUTE, {**VANISHED, "verdict": "quiet"})

    assert [(a.labels["alertname"], a.sequence) for a in say(HOUR, RETYPED)] == [("InputRetyped", 3)]


def test_it_wakes_anew_after_a_day_of_health(say: Say) -> None:
    first = say(MINUTE, {})[0]
    say(HOUR, HEALS)
    say(2 * HOUR, QUIET)
    again = say(DAY + HOUR, {})[0]

    assert (again.id, again.loud) == (first.id, True)


def test_ten_segments_that_fire_again_after_a_day_wake_once(say: Say) -> None:
    segments = [{"segment": f"country={name}"} for name in "ABCDEFGHIJ"]
    say(MINUTE, *segments)
    say(HOUR, *[{**segment, **QUIET} for segment in segments])
    again = {"since_ms": T0 + 2 * DAY, "onset": (T0 + 2 * DAY,) * 2}
    alerts = say(2 * DAY + HOUR, *[{**segment, **again} for segment in segments])

    assert [alert.loud for alert in alerts] == [True] + [False] * 9


def test_after_seven_days_it_is_a_new_alert(say: Say) -> None:
    first = say(MINUTE, {})[0]
    say(HOUR, QUIET)
    again = say(7 * DAY + HOUR + SECOND, {})[0]

    assert (again.id != first.id, again.sequence, again.loud) == (True, 1, True)


def test_a_replay_gives_the_same_ids(say: Say, signal: Callable[..., Signal]) -> None:
    first = say(MINUTE, {})[0]
    twin = ModelAlerts("prod", "fraud", {"team": "t"})
    second = twin.window((T0 + 50 * SECOND, T0 + MINUTE), [signal()], {}, 999)[0]

    assert (first.id, first.incident) == (second.id, second.incident)


def test_findings_do_not_depend_on_the_order_of_signals(signal: Callable[..., Signal]) -> None:
    signals = [signal(segment=f"s={i}", severity=severity, harm=i % 2 == 0) for i in range(8) for severity in ("warning", "critical")]
    one, other = ModelAlerts("prod", "fraud", {"team": "t"}), ModelAlerts("prod", "fraud", {"team": "t"})

    assert one.window((T0, T0 + 10), signals, {}, 0) == other.window((T0, T0 + 10), signals[::-1], {}, 0)


# --- people ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["key", "id", "incident", "model"])
def test_an_alert_is_acknowledged_by_any_of_its_names(say: Say, fraud: ModelAlerts, by: str) -> None:
    alert = say(MINUTE, {})[0]
    target = {"key": alert.dedup_key, "id": alert.id, "incident": alert.incident, "model": "prod/fraud"}[by]
    told = fraud.command(command("ack", target), T0 + 2 * MINUTE)

    assert brief(told) == [("whole", "acknowledged", 2, False)]
    assert (told[0].actor, told[0].reason) == ("ann", "looking")


def test_a_command_given_twice_does_no_harm(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})
    fraud.command(command("ack"), T0)

    assert fraud.command(command("ack"), T0) == []


def test_a_command_for_another_model_is_ignored(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})

    assert fraud.command(command("ack", "prod/churn"), T0) == []
    assert fraud.command(command("silence", "prod/churn", T0 + DAY), T0) == []


def test_worse_than_acknowledged_fires_anew(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {"verdict": "warning", "severity": "warning"})
    fraud.command(command("ack"), T0 + MINUTE)

    assert brief(say(2 * MINUTE, {})) == [("whole", "firing", 3, True)]


def test_a_silenced_alert_is_evaluated_without_a_sound(say: Say, fraud: ModelAlerts) -> None:
    fraud.command(command("silence", "prod/fraud", T0 + HOUR), T0)
    alert = say(MINUTE, {})[0]

    assert (alert.state, alert.loud, alert.silenced_until_ms) == ("firing", False, T0 + HOUR)


def test_what_still_fires_when_the_silence_ends_is_told(say: Say, fraud: ModelAlerts) -> None:
    fraud.command(command("silence", KEY, T0 + HOUR), T0)
    say(MINUTE, {})

    assert fraud.tick(T0 + HOUR - 1) == []
    told = fraud.tick(T0 + HOUR)
    assert brief(told) == [("whole", "firing", 2, True)]
    assert told[0].silenced_until_ms is None
    assert fraud.tick(T0 + HOUR + 1) == []


def test_a_silence_over_what_was_told_ends_without_a_sound(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})
    fraud.command(command("silence", KEY, T0 + HOUR), T0 + MINUTE)

    assert brief(fraud.tick(T0 + HOUR)) == [("whole", "firing", 3, False)]


def test_a_silence_is_taken_back_by_one_that_ended(say: Say, fraud: ModelAlerts) -> None:
    fraud.command(command("silence", KEY, T0 + HOUR), T0)
    say(MINUTE, {})

    assert fraud.command(command("silence", KEY, T0), T0 + 2 * MINUTE)[0].loud


def test_resolve_is_final_for_what_was_seen(say: Say, fraud: ModelAlerts) -> None:
    """The same exact finding, dated before a person resolved it, is no news."""
    rule = {"verdict": "exact", "watch": "inputs", "subject": "amount", "name": "InputVanished"}
    say(MINUTE, rule)
    told = fraud.command(command("resolve", "prod/fraud/inputs:amount/whole"), T0 + HOUR)

    assert brief(told) == [("whole", "resolved", 2, False)]
    assert say(2 * HOUR, rule) == []
    assert brief(say(3 * HOUR, {**rule, "since_ms": T0 + 2 * HOUR, "onset": (T0 + 2 * HOUR,) * 2})) == [("whole", "firing", 3, False)]


@pytest.mark.parametrize(("verb", "reason"), [("accept", "accepted as normal: looking"), ("retire", "no longer watched, retired: looking")])
def test_accept_and_retire_end_alerts_and_say_why(say: Say, fraud: ModelAlerts, verb: str, reason: str) -> None:
    say(MINUTE, {}, {"segment": "country=DE"})
    told = fraud.command(command(verb, "prod/fraud"), T0 + HOUR)

    assert {(alert.state, alert.reason) for alert in told} == {("resolved", reason)}
    assert fraud.open() == []


def test_unretire_changes_no_alert(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})

    assert fraud.command(command("unretire", "prod/fraud"), T0) == []


def test_what_is_no_longer_watched_is_resolved(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {}, {"segment": "country=DE"})
    told = fraud.keep_only({KEY}, T0 + HOUR)

    assert brief(told) == [("country=DE", "resolved", 2, False)]
    assert told[0].reason == "no longer watched"
    assert [alert.dedup_key for alert in fraud.open()] == [KEY]


# --- time -----------------------------------------------------------------------------------------------------------------------


def test_the_next_step_hears_when_nobody_acknowledged(say: Say, fraud: ModelAlerts) -> None:
    say(0, {}, {"segment": "country=DE"})

    assert fraud.tick(T0 + 30 * MINUTE - 1) == []
    told = fraud.tick(T0 + 30 * MINUTE)
    assert brief(told) == [("whole", "firing", 2, True)]
    assert told[0].owner["routes"] == ["risk-oncall", "head-of-risk"]
    assert told[0].reason == "nobody acknowledged in time"
    assert fraud.tick(T0 + DAY) == []


@pytest.mark.parametrize("stops", ["ack", "recovering", "silence", "resolve"])
def test_escalation_stops_when_somebody_or_something_acts(say: Say, fraud: ModelAlerts, stops: str) -> None:
    say(0, {})
    if stops == "recovering":
        say(MINUTE, HEALS)
    else:
        fraud.command(command(stops, until_ms=T0 + DAY), T0 + MINUTE)

    assert fraud.tick(T0 + HOUR) == []


def test_a_warning_does_not_escalate(say: Say, fraud: ModelAlerts) -> None:
    say(0, {"verdict": "warning", "severity": "warning"})

    assert fraud.tick(T0 + DAY) == []


def test_a_resolved_alert_leaves_a_tombstone_after_seven_days(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})
    say(HOUR, QUIET)
    say(7 * DAY + HOUR)
    fraud.tick(T0 + 8 * DAY)
    assert fraud.gone() == []
    say(7 * DAY + HOUR + SECOND)
    fraud.tick(T0 + 8 * DAY)

    assert fraud.gone() == [KEY]
    assert fraud.gone() == []
    assert fraud.snapshot()["incidents"] == {}


# --- restart and bounds ---------------------------------------------------------------------------------------------------------


def test_a_restored_twin_has_the_same_future(say: Say, fraud: ModelAlerts, signal: Callable[..., Signal]) -> None:
    say(MINUTE, {"evidence": {"current": float("nan"), "series": ((1, 2.0),)}}, {"segment": "s=1", "traces": ("t",)})
    fraud.command(command("ack"), T0 + 2 * MINUTE)
    say(HOUR, {"segment": "s=1", **QUIET})
    twin = ModelAlerts("prod", "fraud", fraud.model.owner, links_base="https://watch.example")
    twin.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(fraud.snapshot())))
    window = (T0 + 2 * HOUR, T0 + 2 * HOUR + 10 * SECOND)
    signals = [signal(segment="s=1", since_ms=window[0]), signal(segment="s=2"), signal(**QUIET)]

    assert twin.snapshot() == fraud.snapshot()
    assert twin.open() == fraud.open()
    assert twin.window(window, signals, {}, 0) == fraud.window(window, signals, {}, 0)


def test_a_foreign_snapshot_is_refused_and_changes_nothing(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})
    with pytest.raises(StateCorrupt):
        fraud.restore({"v": 0})

    assert [alert.dedup_key for alert in fraud.open()] == [KEY]


def test_more_alerts_than_the_bound_are_counted(fraud: ModelAlerts, signal: Callable[..., Signal]) -> None:
    """2,100 segments at once: 1,600 warnings, room for 400 pages, the rest counted; quick enough to keep judging."""
    warnings = [signal(segment=f"s={i}", verdict="warning", severity="warning") for i in range(1_700)]
    pages = [signal(segment=f"p={i}") for i in range(500)]
    fraud.window((T0, T0 + 10), warnings, {}, 0)
    fraud.window((T0 + 10, T0 + 20), pages, {}, 0)

    assert len(fraud.open()) == memory_module.ALERTS_MAX
    assert fraud.refused == 100 + 100
