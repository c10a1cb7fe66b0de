"""CloudEvents of KServe's logger as a broker hands them on: both modes, both protocols, halves in any order, halves that never come."""

import base64
import json
from typing import Any

import pytest
from tests.traffic import T0

from anchorwatch.events import Row, headed
from anchorwatch.sources.foreign import Opened, Reading, Spot, Translator
from anchorwatch.sources.native import Predictions
from anchorwatch.sources.native.times import instant

REQUEST, RESPONSE = "org.kubeflow.serving.inference.request", "org.kubeflow.serving.inference.response"
ABOUT = {"specversion": "1.0", "source": "http://localhost:9081/", "inferenceservicename": "fraud", "namespace": "risk", "endpoint": ""}
ASKED, ANSWERED = "2027-01-15T08:00:00.435513493Z", "2027-01-15T08:00:00.447513493Z"
V1 = ({"instances": [[6.8, 2.8], [6.0, 3.4]]}, {"predictions": [1, 0]})
V2 = (
    {"inputs": [{"name": "input-0", "shape": [2, 2], "datatype": "FP32", "data": [[6.8, 2.8], [6.0, 3.4]]}]},
    {"id": "x", "model_name": "fraud", "outputs": [{"name": "output-0", "shape": [2], "datatype": "INT32", "data": [1, 0]}]},
)


def binary(kind: str, name: str, at: str, payload: Any, stamp: int = T0) -> Row:
    about = {**ABOUT, "id": name, "type": kind, "time": at}
    return headed((None, json.dumps(payload).encode(), 0, stamp), [(f"ce_{key}", text.encode()) for key, text in about.items()])


def structured(kind: str, name: str, at: str, payload: Any, *, encoded: bool = False) -> Row:
    data = {"data_base64": base64.b64encode(json.dumps(payload).encode()).decode()} if encoded else {"data": payload}
    event = {**ABOUT, "id": name, "type": kind, "time": at, "datacontenttype": "application/json", **data}
    return (b"some key", json.dumps(event).encode(), 0, T0)


def translator(**more: Any) -> Translator:
    return Translator(Reading("predictions", "kserve", feature_names=("length", "width"), model="fraud", environment="prod", **more))


def events(opened: Opened) -> list[dict[str, Any]]:
    return [json.loads(row[1] or b"") for row in opened.rows]


@pytest.mark.parametrize("payloads", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize(
    "write", [binary, structured, lambda *event: structured(*event, encoded=True)], ids=["binary", "structured", "base64"]
)
def test_a_request_and_its_response_are_a_prediction_an_instance(write: Any, payloads: Any) -> None:
    halves = [write(REQUEST, "a-1", ASKED, payloads[0]), write(RESPONSE, "a-1", ANSWERED, payloads[1])]

    for order in (halves, halves[::-1]):
        opened = translator().open(order)
        assert (opened.refused, opened.waits, opened.origin) == ([], [0], [1, 1])
        assert [row[0] for row in opened.rows] == [b"a-1#0", b"a-1#1"]
        first, second = events(opened)
        assert (first["prediction"], first["features"], first["latency_ms"]) == (1, {"length": 6.8, "width": 2.8}, 12.0)
        assert (second["prediction_id"], second["prediction"], second["model"]) == ("a-1#1", 0, "fraud")
        assert (first["requested_at_ms"], first["predicted_at_ms"]) == (instant(ASKED), instant(ANSWERED))
        assert Predictions((), "fraud").decode(opened.rows).refused == []


def test_one_instance_bears_the_id_of_its_event() -> None:
    rows = [binary(REQUEST, "a-1", ASKED, {"instances": [[1, 2]]}), binary(RESPONSE, "a-1", ANSWERED, {"predictions": [1]})]

    assert [event["prediction_id"] for event in events(translator().open(rows))] == ["a-1"]


def test_answers_of_any_shape_are_reached_by_a_path() -> None:
    fields = {"scores": Spot(("output", "p"))}
    answer = {"predictions": [{"p": [0.2, 0.8]}]}
    rows = [binary(REQUEST, "a", ASKED, {"instances": [[1, 2]]}), binary(RESPONSE, "a", ANSWERED, answer)]

    (event,) = events(translator(fields=fields, classes=("pass", "block")).open(rows))

    assert (event["scores"], event["prediction"]) == ({"pass": 0.2, "block": 0.8}, "block")


def test_a_bare_output_is_the_score_where_a_threshold_is_set() -> None:
    rows = [binary(REQUEST, "a", ASKED, {"instances": [[1, 2]]}), binary(RESPONSE, "a", ANSWERED, {"predictions": [0.3]})]

    (event,) = events(translator(classes=("pass", "block"), positive="block", threshold=0.25).open(rows))

    assert (event["score"], event["prediction"]) == (0.3, "block")


def test_a_request_that_none_answers_in_time_is_a_failed_call_of_that_time() -> None:
    made = translator(pair_within_ms=5_000)
    lone = made.open([binary(REQUEST, "lost", ASKED, V1[0])])
    later = made.open([binary(REQUEST, "next", ASKED, V1[0], stamp=T0 + 5_001)])

    assert (lone.rows, lone.waits, later.waits) == ([], [0], [])
    assert [(e["prediction_id"], e["status"], "prediction" in e) for e in events(later)] == [("lost#0", 504, False), ("lost#1", 504, False)]
    assert {row[3] for row in later.rows} == {T0 + 5_000}
    assert later.tally == {("prod/fraud", "note.request_alone"): 1}
    decoded = Predictions((), "fraud").decode(later.rows)
    assert (decoded.refused, [record.status for record in decoded.records]) == ([], [504, 504])


def test_a_response_alone_leaves_without_an_event_and_is_counted() -> None:
    made = translator(pair_within_ms=5_000)
    made.open([binary(RESPONSE, "a", ANSWERED, V1[1])])

    later = made.open([binary(REQUEST, "b", ASKED, V1[0], stamp=T0 + 9_000)])

    assert (later.rows, later.tally) == ([], {("prod/fraud", "note.response_alone"): 1})


def test_a_half_that_comes_twice_is_dropped() -> None:
    half = binary(REQUEST, "a", ASKED, V1[0])

    opened = translator().open([half, half, binary(RESPONSE, "a", ANSWERED, V1[1])])

    assert (len(opened.rows), opened.waits, opened.tally) == (2, [0, 1], {("prod/fraud", "note.half_twice"): 1})


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ((None, b'{"instances": [[1, 2]]}', 0, T0), "$"),
        (binary("org.example.else", "a", ASKED, {}), "$.type"),
        (binary(REQUEST, "", ASKED, V1[0]), "$.id"),
        (binary(REQUEST, "x" * 181, ASKED, V1[0]), "$.id"),
        ((None, b'{"specversion": "1.0", "id": "a", "type": "%s", "data_base64": "%%%%"}' % REQUEST.encode(), 0, T0), "$.data_base64"),
    ],
)
def test_what_is_no_event_of_the_logger_is_refused(row: Row, path: str) -> None:
    (refused,) = translator().open([row]).refused

    assert refused.path == path
    assert refused.fix


def test_a_pair_that_does_not_fit_together_is_refused_with_its_second_half() -> None:
    opened = translator().open([binary(REQUEST, "a", ASKED, V1[0]), binary(RESPONSE, "a", ANSWERED, {"predictions": [1]})])

    assert [(refused.row, refused.reason) for refused in opened.refused] == [(1, "2 instances were asked and 1 answered")]


def test_a_time_that_is_not_told_is_that_of_the_record() -> None:
    opened = translator().open([binary(REQUEST, "a", "", V1[0]), binary(RESPONSE, "a", "soon", V1[1])])

    assert {name for event in events(opened) for name in event} == {"prediction_id", "prediction", "features", "model", "environment"}


def test_a_heartbeat_says_as_much_as_a_later_record_and_one_far_ahead_no_more_than_its_own_time() -> None:
    beat: Row = (None, b'{"heartbeat_at_ms": 4000000000000}', 0, T0 + 60_000)
    for within, given_up in ((300_000, 2), (400_000, 0)):
        made = translator(pair_within_ms=within)
        made.open([binary(REQUEST, "lost", ASKED, V1[0])])

        opened = made.open([beat])

        assert len(opened.rows) == given_up + 1
        assert opened.rows[-1] == beat


def test_the_clock_gives_up_what_a_later_record_would_have() -> None:
    made = translator(pair_within_ms=5_000)
    made.open([binary(REQUEST, "lost", ASKED, V1[0]), binary(REQUEST, "b", ASKED, V1[0], stamp=T0 + 3_000)])

    assert made.overdue(T0 + 5_000) is None
    opened = made.overdue(T0 + 5_001)

    assert opened is not None
    assert [(e["prediction_id"], e["status"]) for e in events(opened)] == [("lost#0", 504), ("lost#1", 504)]
    assert {row[3] for row in opened.rows} == {T0 + 5_000}
    assert opened.tally == {("prod/fraud", "note.request_alone"): 1}
    assert made.overdue(T0 + 5_001) is None
