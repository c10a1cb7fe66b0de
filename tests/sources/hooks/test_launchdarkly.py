from typing import Any

import pytest
from tests.sources.hooks.posts import launchdarkly
from tests.sources.hooks.saying import passed, told


@pytest.mark.parametrize("state", ["on", "off"])
def test_the_new_state_is_that_of_the_version_it_carries(state: str) -> None:
    assert told("launchdarkly", launchdarkly(state, titleVerb="updated the flag")) == [("prod", "loan-on", state, 0)]


def test_without_a_version_the_verb_tells_it() -> None:
    assert told("launchdarkly", launchdarkly("on", currentVersion=None)) == [("prod", "loan-on", "on", 0)]


def test_another_environment_is_not_production() -> None:
    assert told("launchdarkly", launchdarkly(environment="staging")) == [("staging", "loan-on", "off", 0)]


def test_one_entry_may_switch_two_environments() -> None:
    accesses = [{"action": "updateOn", "resource": f"proj/default:env/{name}:flag/loan-on"} for name in ("production", "test")]

    assert told("launchdarkly", launchdarkly(accesses=accesses)) == [("prod", "loan-on", "off", 0), ("test", "loan-on", "on", 0)]


def test_a_flag_that_is_deleted_is_off() -> None:
    accesses = [{"action": "deleteFlag", "resource": "proj/default:env/production:flag/loan-on"}]

    assert told("launchdarkly", launchdarkly("on", accesses=accesses)) == [("prod", "loan-on", "off", 0)]


@pytest.mark.parametrize(
    "more",
    [
        {"accesses": [{"action": "updateRules", "resource": "proj/default:env/production:flag/loan-on"}]},
        {"accesses": [{"action": "updateOn", "resource": "proj/default:env/production:segment/loan-on"}]},
        {"kind": "environment"},
        {"currentVersion": None, "titleVerb": "updated the flag"},
    ],
)
def test_what_is_no_switch_changes_nothing_and_says_so(more: dict[str, Any]) -> None:
    assert passed("launchdarkly", launchdarkly(**more))
