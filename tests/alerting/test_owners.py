"""Nothing is alerted that has no owner."""

import pytest

from anchorwatch.alerting.owners import STEPS_MAX, as_told, no_owner, owner_of, steps_reached
from anchorwatch.errors import ConfigError

STEPS = [{"to": "head-of-risk", "after": 1_800_000}, {"to": "risk-oncall", "after": 0}]


def test_what_nobody_owns_goes_to_the_fallback_owner() -> None:
    owner = owner_of(None, "platform@example.org")

    assert as_told(owner, 0) == {"team": "platform@example.org", "tuner": "", "route": "", "routes": [], "escalation": 0, "fallback": True}


def test_without_owner_and_fallback_the_settings_are_at_fault() -> None:
    with pytest.raises(ConfigError, match="fallback_owner"):
        owner_of({"team": ""}, "")


def test_a_model_without_an_owner_is_itself_an_alert() -> None:
    told = no_owner("churn", "prod", 1_000, "platform@example.org")

    assert told.name == "NoOwner"
    assert told.fires
    assert told.outside_budget
    assert "platform@example.org" in told.summary


@pytest.mark.parametrize(("waited", "reached"), [(0, 1), (1_799_999, 1), (1_800_000, 2), (9_000_000, 2)])
def test_escalation_goes_by_the_time_nobody_acknowledged(waited: int, reached: int) -> None:
    assert steps_reached(owner_of({"team": "t", "escalation": STEPS}, ""), waited) == reached


def test_who_was_told_before_hears_of_the_end_as_well() -> None:
    told = as_told(owner_of({"team": "t", "route": "risk-channel", "escalation": STEPS}, ""), 2)

    assert told["route"] == "head-of-risk"
    assert told["routes"] == ["risk-channel", "risk-oncall", "head-of-risk"]
    assert told["escalation"] == 1


def test_an_escalation_has_a_bound() -> None:
    owner = owner_of({"team": "t", "escalation": [{"to": str(i), "after": i} for i in range(1_000)]}, "")

    assert len(owner["escalation"]) == STEPS_MAX


def test_an_owner_may_be_declared_twice_over() -> None:
    """What `owner_of` gives is taken again unchanged."""
    owner = owner_of({"team": "t", "escalation": STEPS}, "")

    assert owner_of(owner, "") == owner
