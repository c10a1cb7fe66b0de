"""What got better is told beside what is wrong, and disturbs nothing."""

from collections.abc import Callable

from tests.alerting.saying import HOUR, MINUTE, T0, Say

from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import Signal

NEWS = {
    "subject": "lower.error@late", "verdict": "news", "name": "QualityRose", "severity": "info", "harm": False, "news": True,
    "summary": "Answers are wrong 16 % of the time, was 27 %: ask why before you celebrate.",
}  # fmt: skip


def test_news_is_told_once_and_wakes_nobody_however_long_it_stands(say: Say, fraud: ModelAlerts) -> None:
    told = say(0, NEWS)
    later = [alert for hours in range(1, 48) for alert in (*say(hours * HOUR, NEWS), *fraud.tick(T0 + hours * HOUR))]

    assert [(a.labels["severity"], a.state, a.loud) for a in told] == [("info", "firing", True)]
    assert later == [], "nobody acknowledged it, and no step of the escalation hears of it"


def test_a_page_of_the_same_segment_is_its_own_alert_and_no_story_with_the_news(say: Say, fraud: ModelAlerts) -> None:
    [news] = say(0, NEWS)
    [page] = say(MINUTE, {"subject": "error@late"})

    assert (page.labels["severity"], page.loud) == ("critical", True)
    assert page.id != news.id
    assert page.incident != news.incident
    assert page.caused_by == []
    assert page.annotations["incident_summary"] == page.annotations["summary"]
    assert {(a.id, a.state) for a in fraud.open()} == {(news.id, "firing"), (page.id, "firing")}


def test_segments_that_got_better_together_are_one_incident_of_news(say: Say) -> None:
    told = say(0, *({**NEWS, "segment": f"country=D{i}"} for i in range(10)), NEWS)

    assert len({a.incident for a in told}) == 1
    assert [a.loud for a in told].count(True) == 1
    assert told[0].labels["segment"] == "whole"


def test_an_open_fault_is_not_told_anew_since_something_else_got_better(say: Say) -> None:
    say(0, {"subject": "error@late", "segment": "country=DE"})

    told = say(MINUTE, NEWS)

    assert [a.labels["alertname"] for a in told] == ["QualityRose"]


def test_what_got_better_is_no_harm_and_keeps_no_day_out_of_a_reference(say: Say, fraud: ModelAlerts) -> None:
    say(0, NEWS)

    assert fraud.harmed_ms is None


def test_news_heals_like_everything_else_and_a_restored_twin_goes_on(say: Say, fraud: ModelAlerts, signal: Callable[..., Signal]) -> None:
    [opened] = say(0, NEWS)
    twin = ModelAlerts("prod", "fraud", None, fallback_owner="risk")
    twin.restore(fraud.snapshot())
    ends = [{**NEWS, "verdict": "recovering"}, {**NEWS, "verdict": "quiet"}]

    mine = [alert for i, end in enumerate(ends) for alert in say((i + 1) * HOUR, end)]
    theirs = [a for i, end in enumerate(ends) for a in twin.window((T0, T0 + (i + 1) * HOUR), [signal(**end)], {}, T0 + (i + 1) * HOUR)]

    assert [(a.id, a.state, a.loud) for a in mine] == [(opened.id, "recovering", False), (opened.id, "resolved", False)]
    assert [(a.id, a.state, a.loud) for a in theirs] == [(a.id, a.state, a.loud) for a in mine]
