from typing import Any

import pytest
from tests.sources.hooks.posts import EVENTS, FEATBIT
from tests.sources.hooks.saying import passed, told


def event(events: str, kind: str = "feature flag", **flag: Any) -> dict[str, Any]:
    return {**EVENTS["featbit"], "events": events, "data": {"kind": kind, "object": FEATBIT | flag}}


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (event("feature_flag.toggled", isEnabled="true"), "on"),
        (event("feature_flag.toggled", isEnabled=True), "on"),
        (event("feature_flag.basic_info_updated,feature_flag.toggled", isEnabled="false"), "off"),
        (event("feature_flag.archived", isEnabled="true"), "off"),
        (event("feature_flag.deleted", isEnabled="true"), "off"),
        (event("feature_flag.restored", isEnabled="true"), "on"),
    ],
)
def test_a_flag_is_what_it_says_unless_it_was_taken_away(given: dict[str, Any], state: str) -> None:
    assert told("featbit", given) == [("prod", "loan-on", state, 0)]


@pytest.mark.parametrize("given", [event("feature_flag.targeting_rules_changed"), event("segment.archived", "segment")])
def test_what_is_no_switch_changes_nothing_and_says_so(given: dict[str, Any]) -> None:
    assert passed("featbit", given)
