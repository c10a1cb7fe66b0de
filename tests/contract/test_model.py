"""A contract as typed values."""

import pytest
from pydantic import ValidationError
from tests.contract.examples import FULL, SMALL

from anchorwatch.contract import from_json, parse
from anchorwatch.contract.model import Contract, Value


def test_a_contract_cannot_be_changed() -> None:
    contract = parse(SMALL, "f")

    with pytest.raises(ValidationError, match="frozen"):
        contract.model = "other"  # type: ignore[misc]  # the point of the test


def test_money_per_case_is_read_as_cells() -> None:
    contract = parse(FULL, "f")

    assert contract.baseline is not None
    assert isinstance(contract.baseline.value, Value)
    assert contract.baseline.value.cells == {"true_block": 45, "false_block": -12, "missed_block": -60, "true_pass": 0}


def test_json_holds_what_differs_from_the_defaults_in_the_shape_of_the_file() -> None:
    content = parse(SMALL + "segments: {by: [a, [a, b]]}\npromises: {latency: {inference_p99: 80ms}}\n", "f").as_json()

    assert content == {
        "contract": 1,
        "model": "fraud",
        "task": "binary",
        "owner": {"team": "group:default/risk-ml"},
        "labels": {"classes": ["pass", "block"], "positive": "block"},
        "segments": {"by": ["a", ["a", "b"]]},
        "promises": {"latency": {"inference_p99": "80ms"}},
    }


def test_an_id_is_computed_once_and_changes_no_comparison() -> None:
    one, other = parse(SMALL, "f"), parse(SMALL, "g")

    assert one.id == one.id
    assert one == other
    assert one.key == "prod/fraud"


def test_complaints_are_expected_where_they_are_promised_to_be_few_or_come_from_somewhere() -> None:
    said = ["", "source: {complaints: {}}\n", "promises: {impact: {complaints_at_most: 0.01}}\n"]
    expecting = [parse(SMALL + text, "f") for text in said]

    assert [contract.expects_complaints for contract in expecting] == [False, True, True]
    assert [contract.expects_complaints for contract in (from_json(each.as_json(), "f") for each in expecting)] == [False, True, True]
    assert not any(contract.expects_decisions for contract in expecting)


def test_top_level_keys_are_those_of_the_design() -> None:
    assert list(Contract.model_fields) == [
        "contract", "model", "environment", "task", "timezone", "owner", "source", "labels", "decisions", "features",
        "segments", "reference", "baseline", "promises", "budget", "watches",
    ]  # fmt: skip
