# ruff: noqa: E501 (each case on one line, its sentence in full)
"""Where the fields of foreign events stand, and what is wrong with what a contract says about it."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.examples import SMALL

from anchorwatch.contract import fields, from_json, parse, to_json
from anchorwatch.contract.fields import steps, written
from anchorwatch.contract.values import Unfit
from anchorwatch.errors import ContractError

HEAD = SMALL + "features: {amount: {type: number}}\nsegments: {by: [country]}\nsource:\n"


def problems(source: str) -> list[str]:
    try:
        parse(HEAD + source, "f.yaml")
    except ContractError as error:
        return error.problems
    return []


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(fields).failed == 0


names = st.text(st.characters(exclude_characters="\"'", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(st.lists(names.filter(lambda name: name.strip() == name) | st.integers(0, 99_999), min_size=1, max_size=6))
def test_a_path_that_is_written_leads_where_it_came_from(path: list[str | int]) -> None:
    assert steps(written(tuple(path))) == tuple(path)


@pytest.mark.parametrize("path", ["a..b", "a.", ".a", "a[", "a[-1]", "a[x]", 'a["', "a]b", "", " ", "a[0]b", ".".join("a" * 21)])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(Unfit):
        steps(path)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("  predictions: {fields: {predicton: verdict}}", 'fields.predicton = verdict: is no field of ours; did you mean "prediction"? (f.yaml:9)'),
        ("  predictions: {fields: {score: a..b}}", 'fields.score = a..b: is no path at "..b"; write payload.id, items[0].id, or tags["geo.country"] for a name with a dot (f.yaml:9)'),
        ("  predictions: {fields: {features.amonut: a}}", 'fields.features.amonut = a: is no feature of this contract; did you mean "amount"? (f.yaml:9)'),
        ("  predictions: {fields: {segments.tier: a}}", "fields.segments.tier = a: is no name in segments.by of this contract; known: country (f.yaml:9)"),
        ("  predictions: {fields: {scores.blok: a}}", 'fields.scores.blok = a: is no class of this contract; did you mean "block"? (f.yaml:9)'),
        ("  predictions: {fields: {score.x: a}}", "fields.score.x = a: is no field of ours; entries are written features.<name>, segments.<name>, scores.<name> (f.yaml:9)"),
        ("  predictions: {fields: {score: {path: a, unit: s}}}", "fields.score: has no unit; only times have one: latency_ms, predicted_at_ms, requested_at_ms (f.yaml:9)"),
        ("  predictions: {fields: {latency_ms: {path: a, unit: sec}}}", "fields.latency_ms.unit = sec: must be s, ms, us or ns (f.yaml:9)"),
        ("  predictions: {format: json, fields: {score: p}}", "fields: must name prediction, or scores (the largest is the answer), or score with a threshold beside fields (f.yaml:9)"),
        ("  predictions: {feature_names: [amuont]}", 'feature_names: "amuont" is no feature of this contract, and no segment; did you mean "amount"? (f.yaml:9)'),
        ("  predictions: {feature_names: [amount, amount]}", "feature_names: names one twice; a list has one name a place (f.yaml:9)"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_mapping_is_told_with_its_line(source: str, told: str) -> None:
    """On line 9, behind the key of its role."""
    assert problems(source) == [f"source.predictions.{told}"]


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ("{format: json, fields: {prediction_id: a}}", "outcomes.fields: must name label: format json reads nothing that is not named (f.yaml:9)"),
        ("{fields: {prediction: a}}", 'outcomes.fields.prediction = a: is no field of ours; did you mean "prediction_id"? (f.yaml:9)'),
        ("{fields: {features.a: a}}", "outcomes.fields.features.a = a: is no field of ours; entries are written nowhere here (f.yaml:9)"),
        ("{threshold: 0.5}", "outcomes.threshold = 0.5: belongs to predictions alone; leave it out (f.yaml:9)"),
    ],
)  # fmt: skip
def test_outcomes_have_their_own_fields(outcomes: str, told: str) -> None:
    assert problems(f"  outcomes: {outcomes}") == [f"source.{told}"]


def test_a_mapping_travels_as_it_was_written() -> None:
    text = HEAD + "  predictions: {format: json, threshold: 0.4, fields: {score: p, predicted_at_ms: {path: at, unit: s}}}\n"
    contract = parse(text, "f.yaml")

    sent = to_json(contract)["source"]["predictions"]
    assert sent == {"format": "json", "threshold": 0.4, "fields": {"score": "p", "predicted_at_ms": {"path": "at", "unit": "s"}}}
    assert from_json(to_json(contract), "topic") == contract
