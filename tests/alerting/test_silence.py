"""A model that is wrong and then does not answer at all: two pieces of news of one incident."""

from tests.alerting.saying import HEALS, MINUTE, SECOND, Say, back, brief, command

from anchorwatch.alerting.policy import ModelAlerts

DARK = {"watch": "alive", "subject": "silence", "name": "ModelDark", "verdict": "exact", "summary": "fraud is dark."}


def test_a_model_that_goes_dark_while_its_page_is_open_wakes_once_more(say: Say) -> None:
    page = say(MINUTE, {})

    dark = say(2 * MINUTE, DARK)

    assert [(alert.labels["alertname"], alert.loud) for alert in dark if alert.labels["alertname"] == "ModelDark"] == [("ModelDark", True)]
    assert {alert.incident for alert in dark} == {page[0].incident}


def test_it_wakes_though_somebody_looks_at_the_page(say: Say, fraud: ModelAlerts) -> None:
    say(MINUTE, {})
    fraud.command(command("ack"), MINUTE)

    assert any(alert.loud for alert in say(2 * MINUTE, DARK))


def test_what_is_dark_in_two_ways_is_told_once(say: Say) -> None:
    say(MINUTE, {})
    say(2 * MINUTE, DARK)

    assert not any(alert.loud for alert in say(2 * MINUTE + 20 * SECOND, {**DARK, "subject": "siblings"}))


def test_both_in_one_window_are_one_message(say: Say) -> None:
    assert sum(alert.loud for alert in say(MINUTE, {}, DARK)) == 1


def test_a_page_on_a_model_that_is_dark_is_no_news(say: Say) -> None:
    say(MINUTE, DARK)

    assert not any(alert.loud for alert in say(2 * MINUTE, {}))


def test_a_flutter_within_a_day_is_quiet_as_ever(say: Say) -> None:
    say(MINUTE, {})
    say(2 * MINUTE, DARK)
    say(3 * MINUTE, {**DARK, "verdict": "quiet", "severity": "info"})

    assert not any(alert.loud for alert in say(4 * MINUTE, {**DARK, **back(3 * MINUTE)}, {**HEALS}))
    assert brief(say(4 * MINUTE, {**DARK, **back(3 * MINUTE)})) == []
