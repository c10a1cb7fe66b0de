"""Field case C22, hooks: from what a provider posts to what a person hears. Answers and order on a real Kafka: tests/runtime/test_hooks.py."""

import json
from typing import Any

import msgspec
from tests.field_cases.cases import heard
from tests.sources.hooks.posts import SECRET, launchdarkly, signed
from tests.traffic import T0, traffic

from anchorwatch.runtime.drive import Event, Heard
from anchorwatch.sources import hooks

WRONG = "another secret"


def posted(*entries: dict[str, Any], secret: str = SECRET) -> list[Event]:
    """What the door writes to `flags`, in the order of deliveries; a refusal writes nothing."""
    events = []
    for at, entry in enumerate(entries):
        body = json.dumps(entry).encode()
        found = hooks.read("launchdarkly", body, signed("launchdarkly", body, secret), SECRET, hooks.Places(), T0 + 3_600 + at)
        if isinstance(found, hooks.Heard):
            for change in found.changes:
                key = f"{change.environment}/{change.key}".encode()
                events.append(Event("flags", T0 + 3_600 + at, key, msgspec.json.encode(change)))
    return events


def told(events: list[Event]) -> Heard:
    return heard([*traffic(6_000), *events], T0 + 8_000)


def switched(found: Heard) -> list[tuple[str, str]]:
    return [(a.labels["severity"], a.state) for a in found.alerts if a.labels["alertname"] == "ModelSwitchedOff"]


def test_c22_a_switch_off_pages_with_actor_and_comment() -> None:
    found = told(posted(launchdarkly("off", T0 + 3_500)))

    assert switched(found) == [("critical", "firing")]
    assert "went to off by ann@example.org (latency)" in found.alerts[0].annotations["summary"]
    assert found.alerts[0].caused_by[0]["at_ms"] == T0 + 3_500


def test_c22_what_is_not_signed_with_our_secret_is_not_heard() -> None:
    assert switched(told(posted(launchdarkly("off", T0 + 3_500), secret=WRONG))) == []


def test_c22_the_same_delivery_twice_is_one() -> None:
    once, twice = (told(posted(*[launchdarkly("off", T0 + 3_500)] * n)) for n in (1, 2))

    assert twice.findings == once.findings
    assert switched(twice) == switched(once) == [("critical", "firing")]


def test_c22_the_state_is_that_of_the_latest_date_whatever_comes_last() -> None:
    """`on` of 3.6 s is delivered before `off` of 3.5 s: it was off for a moment, and is on."""
    found = told(posted(launchdarkly("on", T0 + 3_600), launchdarkly("off", T0 + 3_500)))

    assert switched(found) == [("info", "firing"), ("info", "resolved")]


def test_c22_off_and_on_within_seconds_is_told_as_one_and_wakes_nobody() -> None:
    found = told(posted(launchdarkly("off", T0 + 3_100), launchdarkly("on", T0 + 3_500)))

    assert switched(found) == [("info", "firing"), ("info", "resolved")]
    assert "loan was off for 0.4 s and is on again" in found.alerts[0].annotations["summary"]
    assert [each["state"] for each in found.alerts[0].caused_by] == ["off", "on"]
    assert len({a.id for a in found.alerts}) == 1


def test_c22_off_and_on_in_two_windows_is_one_alert() -> None:
    found = told(posted(launchdarkly("off", T0 + 3_100), launchdarkly("on", T0 + 4_500)))

    assert switched(found) == [("critical", "firing"), ("critical", "resolved")]
    assert len({a.id for a in found.alerts}) == 1


def test_c22_an_event_of_staging_does_not_page_prod() -> None:
    found = told(posted(launchdarkly("off", T0 + 3_500, "staging")))

    assert found.alerts == []
