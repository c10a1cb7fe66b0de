"""Our own events, batch by batch. Field cases C01 to C06, C09, C11, C12 and C24 as they arrive."""

import json
import math
from typing import Any

import pytest

from anchorwatch.events import Row, texts
from anchorwatch.sources.base import Decoded, Shape
from anchorwatch.sources.native import Decisions, Flags, Outcomes, Predictions, as_map

NOON = 1_795_338_720_000  # 2026-11-22T09:12:00Z
FRAUD = Shape("fraud", {"amount": "number", "country": "category", "vip": "bool"})
CHURN = Shape("churn", {"age": "number"})
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def row(value: dict[str, Any] | bytes | None, key: bytes | None = b"p-1", stamp: int = NOON) -> Row:
    return key, json.dumps(value).encode() if isinstance(value, dict) else value, 0, stamp


def prediction(**more: Any) -> dict[str, Any]:
    return {"prediction_id": "p-1", "model": "fraud", "prediction": "block", **more}


def decoded(*values: dict[str, Any] | bytes | None) -> Decoded:
    return Predictions([FRAUD], "fraud").decode([row(value) for value in values])


def counters(found: Decoded, owner: str = "prod/fraud") -> dict[str, int]:
    return {counter: n for (name, counter), n in found.tally.items() if name == owner}


def test_a_good_record_becomes_a_struct_with_every_attribute() -> None:
    found = decoded(prediction(score=0.87, features={"amount": 99.5, "country": "DE", "vip": False}, segments={"country": "DE"}))

    (record,) = found.records
    assert (record.prediction_id, record.model, record.environment, record.prediction) == ("p-1", "fraud", "prod", "block")
    assert (record.features.f0, record.features.f1, record.features.f2) == (99.5, "DE", False)
    assert (record.score, record.scores, record.segments, record.status) == (0.87, None, {"country": "DE"}, 200)
    assert (record.propensity, record.sampling_fraction, record.arm, record.model_version) == (1.0, 1.0, "model", "")
    assert (record.flag, record.traceparent, record.baseline_prediction) == (None, None, None)
    assert (found.rows, found.refused, found.tally, found.heartbeat_ms) == (None, [], {}, -1)
    assert found.at_ms.tolist() == [NOON]
    assert math.isnan(found.latency_ms[0])


def test_a_batch_of_nothing_gives_nothing() -> None:
    found = Predictions([FRAUD], "fraud").decode([])

    assert (found.records, found.rows, len(found.at_ms), len(found.latency_ms)) == ([], None, 0, 0)


def test_each_way_to_pack_events_wrongly_is_refused_with_its_own_remedy() -> None:
    """C01."""
    good = prediction()
    text = json.dumps(good)
    found = decoded(
        good,
        json.dumps(text).encode(),
        f"[{text},{text},{text}]".encode(),
        f"{text}\n{text}".encode(),
        {"schema": {}, "payload": good},
        good,
    )

    assert found.rows == [0, 5]
    assert [refused.row for refused in found.refused] == [1, 2, 3, 4]
    assert len({(refused.reason, refused.fix) for refused in found.refused}) == 4


def test_a_key_given_twice_means_the_last_on_every_path() -> None:
    twice = b'{"prediction_id":"p-1","model":"fraud","prediction":"pass","prediction":"block"'
    strict, loose, careful = (decoded(twice + rest) for rest in (b"}", b',"status":null}', b',"latency_ms":-1}'))

    assert [found.records[0].prediction for found in (strict, loose, careful)] == ["block"] * 3
    assert "note.duplicate_key" in counters(careful)


def test_a_model_given_twice_means_the_last_in_a_feed_of_several_too() -> None:
    raw = b'{"prediction_id":"p-1","model":"fraud","prediction":"a","model":"churn","features":{"age":3}}'

    (record,) = Predictions([FRAUD, CHURN]).decode([row(raw)]).records

    assert (record.model, record.features.f0) == ("churn", 3.0)


def test_a_key_in_quotes_is_noted_by_its_own_name() -> None:
    """C02."""
    rows = [row(prediction(), key=b'"p-1"'), row(prediction(), key=b"other"), row(prediction(), key=None), row(prediction())]

    assert counters(Predictions([FRAUD], "fraud").decode(rows)) == {"note.misplaced_key": 3, "note.quoted_key": 1}


def test_tombstones_are_counted_and_are_nothing_else() -> None:
    """C03."""
    for role in (Predictions([FRAUD], "fraud"), Outcomes([FRAUD], "fraud"), Decisions([FRAUD], "fraud"), Flags()):
        found = role.decode([row(None), row(None, key=None)])

        assert (found.records, found.rows, found.refused, found.tally) == ([], [], [], {("", "tombstone"): 2})


def test_zero_false_and_empty_text_are_values() -> None:
    """C04."""
    found = decoded(prediction(score=0.0, latency_ms=0, features={"amount": 0, "country": "", "vip": False}), prediction(prediction=""))

    record = found.records[0]
    assert (record.score, record.features.f0, record.features.f1, record.features.f2) == (0.0, 0.0, "", False)
    assert found.latency_ms[0] == 0.0
    assert found.records[1].prediction == ""
    assert (found.tally, found.refused) == ({}, [])
    outcomes = Outcomes([FRAUD]).decode(
        [row({"prediction_id": "p-1", "model": "fraud", "label": label, "revision": 0}) for label in (False, 0)]
    )
    assert texts([record.label for record in outcomes.records]) == ["false", "0"]


def test_a_propensity_of_zero_is_refused() -> None:
    (refused,) = decoded(prediction(propensity=0)).refused

    assert (refused.kind, refused.path) == ("field", "$.propensity")


def test_a_number_that_turns_into_text_is_repaired_with_an_example() -> None:
    """C05."""
    found = decoded(*(prediction(features={"amount": value, "country": "DE"}) for value in (102.3, "J/Y=", "102.30", 102.30)))

    assert [record.features.f0 for record in found.records] == [102.3, None, None, 102.3]
    assert [record.features.f1 for record in found.records] == ["DE"] * 4
    assert counters(found) == {"repair.retyped:amount": 2}
    assert found.examples == {("prod/fraud", "repair.retyped:amount"): ("text", '"J/Y="')}


def test_3_and_3_point_0_and_3e0_are_one_type_and_infinity_is_repaired() -> None:
    """C06."""
    raws = ["3", "3.0", "3e0", "-0.0", "327267367867168100000", "1e400", "NaN", "-Infinity", "9" * 400, "9" * 5_000]
    found = decoded(*(f'{{"prediction_id":"p-1","model":"fraud","prediction":1,"features":{{"amount":{raw}}}}}'.encode() for raw in raws))

    assert [record.features.f0 for record in found.records] == [3.0, 3.0, 3.0, -0.0, 3.272673678671681e20, *[None] * 5]
    assert counters(found) == {"repair.not_finite": 5, "repair.not_finite:amount": 5}


def test_nan_elsewhere_does_not_cost_the_record() -> None:
    raw = b'{"prediction_id":"p-1","model":"fraud","prediction":"block","unknown":NaN}'

    found = decoded(raw)

    assert (len(found.records), counters(found)) == (1, {"note.not_finite_elsewhere": 1})


def test_classes_have_one_text_however_they_are_written() -> None:
    found = decoded(*(prediction(prediction=value) for value in (1, 1.0, "1", True, "01", 0.5)))

    assert texts([record.prediction for record in found.records]) == ["1", "1", "1", "true", "01", "0.5"]


def test_scores_that_turn_into_logits_are_repaired_and_counted() -> None:
    """C09."""
    found = decoded(*(prediction(score=score) for score in (0.5, -6.0, 6.0, 87, 1 + 1e-9)))

    assert [record.score for record in found.records] == [0.5, None, None, None, 1.0]
    assert counters(found) == {"repair.score_out_of_range": 3, "note.score_clamped": 1}


def test_one_foreign_record_in_ten_does_not_harm_its_neighbours() -> None:
    """C10."""
    found = decoded(*([b"\0\0\0\0\x2aavro"] + [prediction()] * 9) * 3)

    assert (len(found.records), {refused.kind for refused in found.refused}) == (27, {"schema"})
    assert [refused.row for refused in found.refused] == [0, 10, 20]


def test_times_of_all_forms_in_one_topic_are_equal_instants() -> None:
    """C11."""
    forms: list[Any] = [NOON, "2026-11-22T09:12:00Z", "2026-11-22T09:12:00.000000000Z", "2026-11-22t10:12:00+0100", NOON + 0.0]
    found = decoded(*(prediction(predicted_at_ms=form) for form in forms))

    assert found.at_ms.tolist() == [NOON] * 5
    assert found.tally == {}


def test_times_of_no_use_are_noted_and_the_record_timestamp_stands_in() -> None:
    """C12."""
    forms: list[Any] = ["2026-11-22 09:12:00", "2026-11-22T09:12:00,5Z", True, NOON + 300_001, NOON // 1000]
    rows = [row(prediction(predicted_at_ms=form), stamp=NOON) for form in forms]
    found = Predictions([FRAUD], "fraud").decode(rows)

    assert found.at_ms.tolist() == [NOON] * 5
    assert counters(found) == {"note.no_zone": 1, "note.time_unreadable": 2, "note.clock_ahead": 1, "note.clock_seconds": 1}


def test_a_time_beyond_any_clock_harms_nobody() -> None:
    """One such record alone in its batch once ended the process."""
    for time in (2**63, 2**64, -(2**63) - 1, -1, 1e19):
        found = decoded(prediction(predicted_at_ms=time, requested_at_ms=time))

        assert (found.at_ms.tolist(), found.refused, counters(found)) == ([NOON], [], {"note.time_unreadable": 2})


def test_latency_is_told_or_the_difference_of_two_times() -> None:
    at = {"predicted_at_ms": NOON}
    found = decoded(
        prediction(latency_ms=12.5),
        prediction(**at, requested_at_ms=NOON - 40),
        prediction(**at, requested_at_ms="2026-11-22T09:11:59.5Z"),
        prediction(**at, requested_at_ms=NOON + 40),
        prediction(latency_ms=-1),
        prediction(**at, latency_ms=7, requested_at_ms=NOON - 40),
        prediction(**at, requested_at_ms="yesterday"),
    )

    assert found.latency_ms[:6].tolist() == [12.5, 40.0, 500.0, 0.0, 0.0, 7.0]
    assert math.isnan(found.latency_ms[6])
    assert counters(found) == {"note.negative_latency": 2, "note.time_unreadable": 1}


def test_an_id_that_is_absent_is_the_key() -> None:
    found = decoded({"model": "fraud", "prediction": "pass"}, b'{"prediction":"pass","latency_ms":-1}')

    assert [record.prediction_id for record in found.records] == ["p-1", "p-1"]
    (refused,) = Predictions([FRAUD], "fraud").decode([row({"prediction": "pass"}, key=None)]).refused
    assert refused.path == "$.prediction_id"


def test_an_id_is_measured_in_bytes() -> None:
    found = decoded(
        prediction(prediction_id="é" * 100), prediction(prediction_id="é" * 101), prediction(), prediction(prediction_id="x" * 201)
    )

    assert found.rows == [0, 2]
    assert [(refused.row, refused.path) for refused in found.refused] == [(1, "$.prediction_id"), (3, "$.prediction_id")]


def test_a_model_left_out_is_the_only_one_of_the_topic() -> None:
    value = {"prediction_id": "p-1", "prediction": "pass"}

    assert Predictions([FRAUD], "fraud").decode([row(value)]).records[0].model == "fraud"
    for shapes in ([FRAUD], [FRAUD, CHURN], []):
        (refused,) = Predictions(shapes, None).decode([row(value)]).refused
        assert (refused.kind, refused.path) == ("field", "$.model")


def test_models_of_one_feed_have_each_their_own_features() -> None:
    values = [prediction(features={"amount": 1, "age": 2}), prediction(model="churn", features={"amount": 1, "age": 2})]

    fraud, churn = Predictions([FRAUD, CHURN]).decode([row(value) for value in values]).records

    assert (fraud.model, fraud.features.f0, churn.model, churn.features.f0) == ("fraud", 1.0, "churn", 2.0)


@pytest.mark.parametrize("shapes", [[], [FRAUD], [FRAUD, CHURN]])
def test_a_model_without_a_contract_is_decoded_without_features(shapes: list[Shape]) -> None:
    found = Predictions(shapes).decode([row(prediction(model="nobody", features={"amount": [1]})), row(prediction(model="NO BODY"))])

    (record,) = found.records
    assert (record.model, record.features.__struct_fields__) == ("nobody", ())
    assert [refused.path for refused in found.refused] == ["$.model"]


def test_any_name_that_json_allows_may_be_a_feature() -> None:
    names = ["", "Country/Region", "größe", "a b", "class", "f0", 'with "quotes"', "back\\slash", "tab\t", "\u2028"]
    for shape in (Shape("fraud", dict.fromkeys(names, "number")), Shape("fraud", dict.fromkeys(names[:6], "number"))):
        for shapes in ([shape], [shape, CHURN]):
            values = {name: i for i, name in enumerate(shape.features)}
            (record,) = Predictions(shapes).decode([row(prediction(features=values))]).records

            assert [getattr(record.features, f"f{i}") for i in range(len(values))] == list(values.values())


def test_null_is_absent_everywhere() -> None:
    names = "score scores features segments predicted_at_ms requested_at_ms latency_ms model_version environment status propensity"
    nulls = dict.fromkeys([*names.split(), "sampling_fraction", "arm", "baseline_prediction", "flag", "traceparent"])

    plain, with_nulls = decoded(prediction(), prediction(**nulls)).records

    for name in (*nulls, "prediction", "model"):
        if name != "features":
            assert getattr(plain, name) == getattr(with_nulls, name), name
    assert [with_nulls.features.f0, with_nulls.features.f1] == [None, None]


def test_a_failed_call_needs_no_prediction() -> None:
    value = {"prediction_id": "p-1", "model": "fraud", "status": 503}
    found = decoded(value, {**value, "status": 200}, {**value, "prediction": None}, {**value, "latency_ms": -1})

    assert [(record.status, record.prediction) for record in found.records] == [(503, None)] * 3
    assert [(refused.row, refused.path) for refused in found.refused] == [(1, "$.prediction")]


def test_an_arm_that_nobody_knows_is_refused() -> None:
    assert [refused.path for refused in decoded(prediction(arm="canary"), prediction(arm="shadow")).refused] == ["$.arm"]


def test_segments_are_text_whatever_they_were() -> None:
    found = decoded(prediction(segments={"country": "DE", "tier": 1, "new": True, "age": None}))

    assert found.records[0].segments == {"country": "DE", "tier": "1", "new": "true"}


def test_a_nested_feature_is_ignored_and_noted() -> None:
    found = decoded(prediction(features={"amount": {"value": 3}, "country": "DE"}))

    assert (found.records[0].features.f0, found.records[0].features.f1) == (None, "DE")
    assert counters(found) == {"note.nested_feature:amount": 1}


def test_features_in_a_list_are_a_repair_not_a_refusal() -> None:
    found = decoded(prediction(features=[1, 2, 3]))

    assert (found.records[0].features.f0, counters(found)) == (None, {"repair.retyped:$.features": 1})


def test_scores_that_do_not_sum_to_one_are_noted_never_changed() -> None:
    found = decoded(prediction(scores={"a": 0.5, "b": 0.495}), prediction(scores={"a": 0.5, "b": 0.4}))

    assert found.records[1].scores == {"a": 0.5, "b": 0.4}
    assert counters(found) == {"note.scores_sum": 1}


@pytest.mark.parametrize(
    "bad",
    [TRACE.upper(), "x" * 55, TRACE[:-1], f"00-{'0' * 32}-00f067aa0ba902b7-01", f"{TRACE[:36]}{'0' * 16}-01", "ff" + TRACE[2:], "é" * 55],
)
def test_a_malformed_traceparent_is_ignored_and_noted(bad: str) -> None:
    """C24."""
    found = decoded(prediction(traceparent=TRACE), prediction(traceparent=bad), prediction())

    assert [record.traceparent for record in found.records] == [TRACE, None, None]
    assert counters(found) == {"note.malformed_traceparent": 1}


def test_a_trace_id_with_leading_zeros_keeps_its_32_digits() -> None:
    trace = "00-0000b6e1a2c34d5f60718293a4b5c6d7-00f067aa0ba902b7-00"

    assert decoded(prediction(traceparent=trace)).records[0].traceparent == trace


def test_heartbeats_are_no_records_and_the_highest_counts() -> None:
    for role in (Predictions([FRAUD], "fraud"), Outcomes([FRAUD], "fraud"), Decisions(), Flags()):
        found = role.decode(
            [row({"heartbeat_at_ms": NOON}), row({"heartbeat_at_ms": "2026-11-22T09:12:01Z"}, key=None), row({"heartbeat_at_ms": 0})]
        )

        assert (found.records, found.refused, found.heartbeat_ms) == ([], [], NOON + 1_000)
    (refused,) = decoded({"heartbeat_at_ms": "soon"}).refused
    assert refused.path == "$.heartbeat_at_ms"


def test_a_byte_order_mark_is_skipped_and_noted() -> None:
    found = decoded(b"\xef\xbb\xbf" + json.dumps(prediction()).encode())

    assert (len(found.records), counters(found)) == (1, {"note.bom": 1})


def test_a_map_has_the_names_and_values_that_the_record_has() -> None:
    found = as_map(b'{"features": {"amount": NaN, "country": "DE", "deep": {"a": [1]}}}')

    assert math.isnan(found["features"]["amount"])
    assert (found["features"]["country"], found["features"]["deep"]) == ("DE", {"a": [1]})
    assert as_map(b'{"a": 3}') == {"a": 3}
    assert [as_map(raw) for raw in (b"[1]", b"\xff", b"", b"[" * 100_000)] == [{}] * 4
