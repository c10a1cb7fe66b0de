"""Schemas for editors say what a person may write."""

from typing import Any

from anchorwatch.config import json_schema as settings_schema
from anchorwatch.contract import json_schema as contract_schema


def test_defaults_are_written_as_a_person_would() -> None:
    parts = contract_schema()["$defs"]

    assert parts["Delay"]["properties"]["final"]["default"] == "7d"
    assert parts["Feature"]["properties"]["values_max"]["default"] == 250
    assert settings_schema()["$defs"]["Pending"]["properties"]["max"]["default"] == "512MB"
    assert settings_schema()["properties"]["window"]["default"] == "10s"


def test_null_is_no_choice_since_the_reader_refuses_it() -> None:
    assert "null" not in "".join(each for each in _words(contract_schema()))
    assert "null" not in "".join(each for each in _words(settings_schema()))


def test_what_is_needed_and_what_there_is_to_choose_from_is_named() -> None:
    assert contract_schema()["required"] == ["contract", "model", "task", "owner"]
    assert contract_schema()["$defs"]["Owner"]["required"] == ["team"]
    assert settings_schema()["$defs"]["Sink"]["properties"]["kind"]["enum"] == ["alertmanager", "log", "webhook"]


def _words(node: Any) -> list[str]:
    """All values of `type`."""
    if isinstance(node, list):
        return [word for each in node for word in _words(each)]
    if not isinstance(node, dict):
        return []
    own = node.get("type", [])
    here = [own] if isinstance(own, str) else [each for each in own if isinstance(each, str)] if isinstance(own, list) else []
    return here + [word for value in node.values() for word in _words(value)]
