"""Calls of the Open Inference Protocol, as MLServer's and Triton's users log them."""

import json
from typing import Any

import pytest

from anchorwatch.events import Row
from anchorwatch.sources.foreign import Opened, Reading, Spot, Translator
from anchorwatch.sources.native import Predictions

OUT = {"name": "predict", "shape": [2, 1], "datatype": "INT64", "data": [1, 0]}
MATRIX = {"name": "predict-inputs", "shape": [2, 2], "datatype": "FP32", "data": [1.5, 2.5, 3.5, 4.5]}
COLUMNS = [
    {"name": "amount", "shape": [2], "datatype": "FP64", "data": [1.5, 3.5]},
    {"name": "country", "shape": [2, 1], "datatype": "BYTES", "data": [["DE"], ["FR"]]},
]


def call(**more: Any) -> dict[str, Any]:
    return {"id": "c-1", "model_name": "fraud", "model_version": "v0.1.0", "inputs": COLUMNS, "outputs": [OUT], **more}


def opened(record: dict[str, Any], **more: Any) -> Opened:
    row: Row = (b"k-1", json.dumps(record).encode(), 0, 5)
    return Translator(Reading("predictions", "oip", model="fraud", **more)).open([row])


def events(found: Opened) -> list[dict[str, Any]]:
    assert found.refused == []
    return [json.loads(row[1] or b"") for row in found.rows]


def test_columns_by_name_are_the_features_of_each_instance() -> None:
    first, second = events(opened(call()))

    assert (first["prediction_id"], first["features"], first["prediction"]) == ("c-1#0", {"amount": 1.5, "country": "DE"}, 1)
    assert (second["prediction_id"], second["features"], second["model_version"]) == ("c-1#1", {"amount": 3.5, "country": "FR"}, "v0.1.0")


def test_each_instance_is_keyed_by_its_own_id_so_that_none_counts_as_misplaced() -> None:
    found = opened(call())

    assert [row[0] for row in found.rows] == [b"c-1#0", b"c-1#1"]
    assert Predictions((), "fraud").decode(found.rows).tally == {}


def test_a_matrix_takes_its_names_from_the_contract() -> None:
    first, second = events(opened(call(inputs=[MATRIX]), feature_names=("amount", "age")))

    assert (first["features"], second["features"]) == ({"amount": 1.5, "age": 2.5}, {"amount": 3.5, "age": 4.5})


def test_a_matrix_without_names_says_what_to_write() -> None:
    (refused,) = opened(call(inputs=[MATRIX])).refused

    assert "source.predictions.feature_names" in refused.fix


def test_several_answers_are_reached_by_name() -> None:
    p = {"name": "p", "shape": [2, 2], "datatype": "FP32", "data": [0.2, 0.8, 0.9, 0.1]}

    found = events(opened(call(outputs=[OUT, p]), fields={"scores": Spot(("output", "p"))}, classes=("pass", "block")))

    assert [event["scores"] for event in found] == [{"pass": 0.2, "block": 0.8}, {"pass": 0.9, "block": 0.1}]
    assert [event["prediction"] for event in found] == ["block", "pass"]


def test_request_and_response_may_lie_in_boxes_of_their_own() -> None:
    boxed = {"request": {"id": "r-1", "inputs": COLUMNS}, "response": {"model_name": "fraud", "outputs": [OUT]}, "at": 7}

    first, _ = events(opened(boxed, fields={"predicted_at_ms": Spot(("event", "at"))}))

    assert (first["prediction_id"], first["predicted_at_ms"]) == ("r-1#0", 7)


def test_without_an_id_the_key_of_the_record_is_the_id_of_one_instance_and_of_no_more() -> None:
    one = {"name": "x", "shape": [1], "datatype": "INT64", "data": [1]}
    single, several = opened(call(id=None, inputs=[one], outputs=[one]), feature_names=("x",)), opened(call(id=None))

    assert Predictions((), "fraud").decode(single.rows).refused == []
    assert [refused.path for refused in several.refused] == ["$.id"]


@pytest.mark.parametrize(("gone", "path"), [("inputs", "$.inputs"), ("outputs", "$.outputs")])
def test_half_a_call_is_refused(gone: str, path: str) -> None:
    record = call()
    del record[gone]

    assert [refused.path for refused in opened(record).refused] == [path]
