import pytest
from tests.sources.hooks.posts import EVENTS
from tests.sources.hooks.saying import passed, told

from anchorwatch.sources.hooks import Places

EVENT = EVENTS["unleash"]


def test_enabled_is_on() -> None:
    assert told("unleash", {**EVENT, "type": "feature-environment-enabled"}) == [("prod", "loan-on", "on", 0)]


def test_an_archived_flag_is_off_wherever_it_stood() -> None:
    """The event names no environment."""
    archived = {**EVENT, "type": "feature-archived", "environment": None}

    assert told("unleash", archived, Places({"production": "prod", "preview": "preview"})) == [
        ("preview", "loan-on", "off", 0), ("prod", "loan-on", "off", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("more", [{"type": "feature-strategy-update"}, {"featureName": None}])
def test_what_is_no_switch_changes_nothing_and_says_so(more: dict[str, object]) -> None:
    assert passed("unleash", {**EVENT, **more})
