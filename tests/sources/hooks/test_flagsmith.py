import pytest
from tests.sources.hooks.posts import flagsmith
from tests.sources.hooks.saying import passed, told


@pytest.mark.parametrize(("enabled", "before"), [(True, False), (False, True), (True, None), (False, None)])
def test_a_flag_is_what_its_new_state_says(enabled: bool, before: bool | None) -> None:
    assert told("flagsmith", flagsmith(enabled, before)) == [("prod", "loan-on", "on" if enabled else "off", 0)]


def test_a_deleted_flag_is_off() -> None:
    event = flagsmith(True, True, "FLAG_DELETED")
    del event["data"]["new_state"]

    assert told("flagsmith", event) == [("prod", "loan-on", "off", 0)]


@pytest.mark.parametrize(
    "given",
    [
        flagsmith(True, True),
        flagsmith(False, False, "FLAG_DELETED"),
        flagsmith(feature_segment={"segment": {"id": 2, "name": "vip"}, "priority": 1}),
        flagsmith(identity_identifier="user-7"),
        {"event_type": "AUDIT_LOG_CREATED", "data": {"log": "Flag state updated"}},
        {"event_type": "FLAG_UPDATED", "data": {"timestamp": None}},
    ],
)
def test_what_is_no_switch_changes_nothing_and_says_so(given: dict[str, object]) -> None:
    assert passed("flagsmith", given)
