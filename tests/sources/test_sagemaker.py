"""Capture records and ground truth as SageMaker writes them (AWS's guide), in each encoding."""

import base64
import json
from typing import Any

import pytest
from tests.traffic import T0

from anchorwatch.events import Role, Row
from anchorwatch.sources.foreign import Opened, Reading, Spot, Translator
from anchorwatch.sources.native import Outcomes

CSV = {"observedContentType": "text/csv", "mode": "INPUT", "data": "132,25,113.2,DE,,0", "encoding": "CSV"}
ANSWER = {"observedContentType": "text/csv; charset=utf-8", "mode": "OUTPUT", "data": "0.01076381653547287", "encoding": "CSV"}
METADATA = {"eventId": "feca1ab1-8025-47e3-8f6a-99e3fdd7b8d9", "inferenceTime": "2019-11-20T23:33:12Z"}
NAMES = ("length", "mails", "minutes", "country", "gone", "calls")


def body(value: Any, kind: str, encoding: str) -> dict[str, Any]:
    data = base64.b64encode(value.encode()).decode() if encoding == "BASE64" else value
    return {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}


def capture(given: dict[str, Any] = CSV, answered: dict[str, Any] = ANSWER, **metadata: str) -> dict[str, Any]:
    sides = {"endpointInput": given, "endpointOutput": answered}
    return {"captureData": sides, "eventMetadata": {**METADATA, **metadata}, "eventVersion": "0"}


def opened(record: dict[str, Any], role: Role = "predictions", **more: Any) -> Opened:
    row: Row = (None, json.dumps(record).encode(), 0, T0)
    return Translator(Reading(role, "sagemaker", model="churn", **{"feature_names": NAMES, **more})).open([row])


def events(found: Opened) -> list[dict[str, Any]]:
    assert found.refused == []
    return [json.loads(row[1] or b"") for row in found.rows]


def test_a_row_of_csv_takes_its_names_from_the_contract() -> None:
    (event,) = events(opened(capture(), classes=("stay", "leave"), positive="leave", threshold=0.5))

    features = {"length": 132.0, "mails": 25.0, "minutes": 113.2, "country": "DE", "gone": None, "calls": 0.0}
    assert event["features"] == features
    assert (event["score"], event["prediction"]) == (0.01076381653547287, "stay")
    assert (event["prediction_id"], event["predicted_at_ms"]) == (METADATA["eventId"], METADATA["inferenceTime"])


def test_the_id_that_the_caller_gave_wins_and_labels_call_it_event_id() -> None:
    (event,) = events(opened(capture(inferenceId="i-7")))
    truth = {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "i-7"}, "eventVersion": "0"}
    found = opened(truth, "outcomes")

    assert event["prediction_id"] == events(found)[0]["prediction_id"] == "i-7"
    assert Outcomes((), "churn").decode(found.rows).records[0].label == 1.0


@pytest.mark.parametrize(
    "given",
    [
        body("1,2\n3,4\n", "text/csv", "CSV"),
        body("1,2\n3,4\n", "text/csv", "BASE64"),
        body('{"instances": [[1, 2], [3, 4]]}', "application/json", "JSON"),
        body('{"instances": [[1, 2], [3, 4]]}', "application/json", "BASE64"),
        body('{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', "application/jsonlines", "JSON"),
        body("[[1, 2], [3, 4]]", "application/json", "JSON"),
    ],
    ids=["csv", "csv in base64", "json", "json in base64", "lines", "list"],
)
def test_several_rows_are_several_predictions_whatever_their_encoding(given: dict[str, Any]) -> None:
    found = events(opened(capture(given, body("yes\nno\n", "text/csv", "CSV")), feature_names=("a", "b")))

    assert [event["prediction_id"] for event in found] == [f"{METADATA['eventId']}#{i}" for i in (0, 1)]
    assert [event["features"] for event in found] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert [event["prediction"] for event in found] == ["yes", "no"]


def test_labels_of_several_rows_are_named_like_their_predictions() -> None:
    truth = {"groundTruthData": {"data": "1\n0", "encoding": "CSV"}, "eventMetadata": {"eventId": "e"}, "eventVersion": "0"}

    assert [(event["prediction_id"], event["label"]) for event in events(opened(truth, "outcomes"))] == [("e#0", 1.0), ("e#1", 0.0)]


def test_an_answer_of_several_cells_is_reached_by_place() -> None:
    fields = {"prediction": Spot(("output", 0)), "score": Spot(("output", 1))}

    (event,) = events(opened(capture(answered=body("leave,0.9", "text/csv", "CSV")), fields=fields))

    assert (event["prediction"], event["score"]) == ("leave", 0.9)


@pytest.mark.parametrize("cell", ["nan", "inf", "1_000", "0x1F", "٣", "DE", "12:30"])
def test_a_cell_that_is_no_number_stays_text(cell: str) -> None:
    (event,) = events(opened(capture(body(f"{cell},2", "text/csv", "CSV")), feature_names=("a", "b")))

    assert event["features"] == {"a": cell, "b": 2.0}


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({}, "$.eventMetadata"),
        ({"eventMetadata": {}}, "$.eventMetadata"),
        ({"eventMetadata": METADATA}, "$.captureData"),
        ({"eventMetadata": METADATA, "captureData": {"endpointInput": CSV}}, "$.captureData.endpointOutput"),
        (capture(body("x", "image/png", "PARQUET")), "$.captureData.endpointInput.encoding"),
        (capture(body("\x00", "text/csv", "CSV") | {"encoding": "BASE64"}), "$.captureData.endpointInput.data"),
        (capture(body("", "text/csv", "CSV")), "$.captureData.endpointInput"),
        (capture(body("1\n2", "text/csv", "CSV")), "$.captureData.endpointOutput"),
    ],
)  # fmt: skip
def test_what_was_not_captured_whole_is_refused(record: dict[str, Any], path: str) -> None:
    (refused,) = opened(record).refused

    assert refused.path == path
    assert refused.fix
