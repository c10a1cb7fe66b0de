import pytest
from tests.sources.hooks.posts import EVENTS, SECRET, signed
from tests.sources.hooks.saying import NOW, passed, told

from anchorwatch.sources import hooks
from anchorwatch.sources.hooks import Places, Refused

EVENT = EVENTS["mlflow"]


def test_an_alias_that_moves_goes_on_as_another_version() -> None:
    moved = {**EVENT, "action": "created", "data": {**EVENT["data"], "version": "4"}}

    assert told("mlflow", moved) == [("prod", "loan@champion", "4", 0)]


def test_aliases_are_of_the_environment_that_the_settings_name() -> None:
    assert told("mlflow", EVENT, Places(without="eu")) == [("eu", "loan@champion", "off", 0)]


def test_the_signature_holds_delivery_and_time_as_well() -> None:
    body = b'{"entity":"model_version_alias","action":"deleted","data":{"name":"loan","alias":"champion"}}'
    for header in ("X-MLflow-Delivery-Id", "X-MLflow-Timestamp"):
        found = hooks.read("mlflow", body, {**signed("mlflow", body), header: "1"}, SECRET, Places(), NOW)

        assert isinstance(found, Refused)
        assert found.status == 401


@pytest.mark.parametrize("more", [{"entity": "registered_model", "action": "created"}, {"entity": "prompt_alias"}])
def test_what_is_no_switch_changes_nothing_and_says_so(more: dict[str, object]) -> None:
    assert passed("mlflow", {**EVENT, **more})
