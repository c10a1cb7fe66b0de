"""A segment that fares no worse than its whole: whose page is open, who is woken, and when it is told after all."""

from tests.alerting.saying import DAY, HEALS, QUIET, SECOND, T0, Say, back, brief

from anchorwatch.alerting.policy import ModelAlerts

SHARED = {"segment": "country=DE", "evidence": {"shared_with": "whole"}}
DE = "quality:f1/country=DE"


def test_what_a_segment_shares_with_the_page_on_its_whole_wakes_nobody(say: Say) -> None:
    """A bank whose customers changed: the whole was open for eighteen months, and one segment after the other paged, each since another day."""
    say(0, {})

    joined = say(9 * DAY, {**SHARED, **back(9 * DAY)})

    assert brief(joined) == [("whole", "firing", 2, False), ("country=DE", "firing", 1, False)]
    assert len({alert.incident for alert in joined}) == 1


def test_that_holds_while_the_whole_recovers_too(say: Say) -> None:
    say(0, {})
    say(DAY, HEALS)

    assert not any(alert.loud for alert in say(9 * DAY, {**SHARED, **back(9 * DAY)}))


def test_once_the_whole_is_over_a_segment_wakes_again(say: Say) -> None:
    say(0, {})
    say(DAY, QUIET)

    assert brief(say(9 * DAY, {**SHARED, **back(9 * DAY)})) == [("country=DE", "firing", 1, True)]


def test_a_segment_that_is_worse_than_its_whole_wakes_at_once(say: Say) -> None:
    say(0, {})

    assert brief(say(9 * DAY, {"segment": "country=DE", **back(9 * DAY)})) == [("country=DE", "firing", 1, True)]


def test_another_question_about_the_segment_is_no_part_of_it(say: Say) -> None:
    say(0, {})

    assert brief(say(9 * DAY, {**SHARED, "subject": "error@late", **back(9 * DAY)})) == [("country=DE", "firing", 1, True)]


def test_what_was_held_and_proves_worse_is_told_after_all_in_an_incident_of_its_own(say: Say, fraud: ModelAlerts) -> None:
    whole = say(0, {})
    say(9 * DAY, {**SHARED, **back(9 * DAY)})
    end = T0 + 12 * DAY

    told = fraud.apart([DE], (end - 10 * SECOND, end), end)

    assert brief(told) == [("country=DE", "firing", 2, True)]
    assert told[0].reason == "it is worse than the whole by now"
    assert told[0].incident != whole[0].incident
    assert "shared_with" not in told[0].evidence
    assert fraud.apart([DE], (end, end + 10 * SECOND), end) == [], "once"


def test_what_heals_meanwhile_is_not_told(say: Say, fraud: ModelAlerts) -> None:
    say(0, {})
    say(9 * DAY, {**SHARED, **back(9 * DAY)})
    say(10 * DAY, {**SHARED, **HEALS})

    assert fraud.apart([DE], (T0 + 11 * DAY, T0 + 11 * DAY + SECOND), T0 + 11 * DAY + SECOND) == []


def test_a_warning_that_was_held_wakes_as_a_page_that_is_worse(say: Say) -> None:
    say(0, {})
    say(9 * DAY, {**SHARED, **back(9 * DAY), "verdict": "warning", "severity": "warning"})

    page = say(12 * DAY, {"segment": "country=DE", **back(9 * DAY)})

    assert brief(page) == [("country=DE", "firing", 2, True)]


def test_who_shares_and_his_whole_may_fire_in_one_window(say: Say) -> None:
    """In whatever order they come."""
    alerts = say(9 * DAY, {**SHARED, **back(DAY)}, back(8 * DAY))

    assert [alert.loud for alert in alerts] == [True, False]
    assert len({alert.incident for alert in alerts}) == 1
