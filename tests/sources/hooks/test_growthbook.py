from typing import Any

import pytest
from tests.sources.hooks.posts import EVENTS, FEATURE, switched
from tests.sources.hooks.saying import NOW, passed, told
from tests.traffic import T0

USER = {"type": "dashboard", "email": "ann@example.org"}


def event(now: dict[str, Any], before: dict[str, Any] | None, name: str = "feature.updated") -> dict[str, Any]:
    """Payload JSON."""
    data = {"object": FEATURE | now} | ({"previous_attributes": before} if before is not None else {})
    return {"event": name, "object": "feature", "data": data, "user": USER}


def raw(now: dict[str, Any] | None, before: dict[str, Any], name: str = "feature.updated") -> dict[str, Any]:
    """Payload raw: both features whole."""
    current = {"current": FEATURE | now} if now is not None else {}
    return {"event": name, "object": "feature", "data": {**current, "previous": FEATURE | before}, "user": USER}


ON, OFF = {"environments": switched("production", True)}, {"environments": switched("production", False)}


def test_both_payloads_tell_the_same() -> None:
    for made in (event, raw):
        assert told("growthbook", made(ON, OFF)) == [("prod", "loan-on", "on", 0)]
        assert told("growthbook", made(OFF, ON)) == [("prod", "loan-on", "off", 0)]


def test_an_archived_feature_is_off_where_it_was_on() -> None:
    found = told("growthbook", event({**ON, "archived": True}, {"archived": False}))

    assert found == [("prod", "loan-on", "off", 0), ("dev", "loan-on", "off", 0)]


def test_a_deleted_feature_is_off_where_it_was_on_from_now_on() -> None:
    """Its own date is that of the last update."""
    for deleted in (event(ON, None, "feature.deleted"), raw(None, ON, "feature.deleted")):
        assert told("growthbook", deleted) == [("prod", "loan-on", "off", NOW - T0), ("dev", "loan-on", "off", NOW - T0)]


@pytest.mark.parametrize(
    "given",
    [
        event(OFF, {"description": "another"}),
        event(OFF, None),
        event(OFF, {"environments": {"elsewhere": {"enabled": True}}}),  # what production was is not told
        event(OFF, {"environments": {"production": {"rules": []}}}),
        event(OFF, None, "feature.deleted") | {"data": {"object": FEATURE | {"environments": {"production": {"enabled": False}}}}},
        {"event": "feature.saferollout.rollback", "object": "feature", "data": {"object": {"safeRolloutId": "x"}}},
        {**EVENTS["growthbook"], "data": {}},
    ],
)
def test_what_is_no_switch_changes_nothing_and_says_so(given: dict[str, Any]) -> None:
    assert passed("growthbook", given)
