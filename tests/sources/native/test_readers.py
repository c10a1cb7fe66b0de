"""Refuse, repair or note, field by field (interfaces.md 1)."""

import math
from typing import Any

import pytest

from anchorwatch.errors import EventRejected
from anchorwatch.events import Flag
from anchorwatch.sources.native import readers
from anchorwatch.sources.native.careful import Remarks
from anchorwatch.sources.native.readers import Reader

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def reading(reader: Reader, value: Any, name: str = "x") -> tuple[Any, list[str]]:
    remarks = Remarks()
    return reader(value, name, remarks), remarks.counters


@pytest.mark.parametrize(
    ("value", "kept", "counted"),
    [
        (0.0, 0.0, []),
        (1, 1.0, []),
        (1.0000001, 1.0, ["note.score_clamped"]),
        (-0.0000001, 0.0, ["note.score_clamped"]),
        (87, None, ["repair.score_out_of_range"]),
        (-6, None, ["repair.score_out_of_range"]),
        ("0.5", None, ["repair.retyped:$.score"]),
        (math.nan, None, ["repair.not_finite", "repair.not_finite:$.score"]),
    ],
)
def test_a_score_outside_0_to_1_is_repaired_and_rounding_is_clamped(value: Any, kept: float | None, counted: list[str]) -> None:
    assert reading(readers.probability, value, "score") == (kept, counted)


def test_one_score_of_a_class_out_of_range_spoils_them_all() -> None:
    assert reading(readers.probabilities, {"a": 0.5, "b": 7}, "scores") == (None, ["repair.scores_out_of_range"])
    assert reading(readers.probabilities, {"a": 0, "b": 1}, "scores") == ({"a": 0.0, "b": 1.0}, [])
    assert reading(readers.probabilities, [1], "scores") == (None, ["repair.retyped:$.scores"])


@pytest.mark.parametrize("value", [0, -0.1, 1.1, "1", True, math.nan, None, []])
def test_a_weight_that_is_no_share_is_refused(value: Any) -> None:
    with pytest.raises(EventRejected, match="share above 0"):
        readers.weight(value, "propensity", Remarks())


def test_a_weight_of_one_is_a_weight() -> None:
    assert reading(readers.weight, 1) == (1.0, [])


@pytest.mark.parametrize("value", ["", "x" * 201, "é" * 101, 4711, None, ["p-1"]])
def test_an_id_that_is_no_text_of_1_to_200_bytes_is_refused(value: Any) -> None:
    with pytest.raises(EventRejected) as caught:
        readers.identity(value, "prediction_id", Remarks())
    assert (caught.value.path, caught.value.kind) == ("$.prediction_id", "field")


@pytest.mark.parametrize("value", ["Fraud", "fraud model", "", "x" * 64, ".fraud", "fraud\n", 3])
def test_a_model_that_is_no_name_is_refused(value: Any) -> None:
    with pytest.raises(EventRejected, match=r"\$\.model"):
        readers.model(value, "model", Remarks())


@pytest.mark.parametrize(("value", "kept"), [(0, 0.0), (False, False), ("", ""), ("01", "01"), (3, 3.0)])
def test_zero_false_and_empty_text_are_answers(value: Any, kept: Any) -> None:
    found, counted = reading(readers.answer, value)

    assert (found, type(found), counted) == (kept, type(kept), [])


def test_an_answer_that_is_not_finite_is_repaired_and_a_nested_one_refused() -> None:
    assert reading(readers.answer, math.inf, "prediction") == (None, ["repair.not_finite", "repair.not_finite:$.prediction"])
    with pytest.raises(EventRejected, match="an array"):
        readers.answer([1], "prediction", Remarks())


def test_a_negative_latency_becomes_zero_and_is_noted() -> None:
    assert reading(readers.milliseconds, -3) == (0.0, ["note.negative_latency"])
    assert reading(readers.milliseconds, 0) == (0.0, [])


def test_text_is_cut_and_numbers_become_text_both_noted() -> None:
    read = readers.text_up_to(4)

    assert reading(read, "abcde") == ("abcd", ["note.cut:$.x"])
    assert reading(read, 4) == ("4", ["note.retyped:$.x"])
    assert reading(read, True) == ("true", ["note.retyped:$.x"])
    assert reading(read, {"a": 1}) == (None, ["note.retyped:$.x"])
    assert reading(read, "") == (None, [])


def test_needed_text_is_refused_when_there_is_none() -> None:
    read = readers.needed_text_up_to(4)

    assert reading(read, 4) == ("4", ["note.retyped:$.x"])
    nothing: list[Any] = ["", {"a": 1}, [], math.nan]
    for value in nothing:
        with pytest.raises(EventRejected):
            read(value, "action", Remarks())


def test_a_word_that_is_unknown_is_refused_or_noted() -> None:
    with pytest.raises(EventRejected, match="one of model, baseline, shadow"):
        readers.one_of("model", "baseline", "shadow")("canary", "arm", Remarks())
    with pytest.raises(EventRejected):
        readers.one_of("a")(["a"], "arm", Remarks())
    assert reading(readers.one_of_or_default("flag", "deploy"), "toggle") == (None, ["note.unknown_word:$.x"])
    assert reading(readers.one_of_or_default("flag", "deploy"), "deploy") == ("deploy", [])


def test_a_time_keeps_its_form_until_the_batch_settles_it() -> None:
    assert reading(readers.time, "2026-11-22") == ("2026-11-22", [])
    assert reading(readers.time, 0) == (0, [])
    assert reading(readers.time, True) == (None, ["note.time_unreadable"])
    assert reading(readers.time, math.nan, "t") == (None, ["repair.not_finite", "repair.not_finite:$.t"])


@pytest.mark.parametrize(
    ("value", "kept", "notes"), [(404, 404, 0), (404.0, 404, 0), ("404", 404, 1), (-1, None, 1), (1.5, None, 1), ("x", None, 1), (0, 0, 0)]
)
def test_a_whole_number_may_be_written_in_three_ways(value: Any, kept: int | None, notes: int) -> None:
    assert reading(readers.whole_number, value) == (kept, ["note.retyped:$.x"] * notes)


def test_segments_become_text_and_nested_ones_are_ignored() -> None:
    found, counted = reading(readers.segments, {"country": "DE", "tier": 1, "new": False, "age": None, "deep": {"a": 1}, "bad": math.nan})

    assert found == {"country": "DE", "tier": "1", "new": "false"}
    assert counted == ["note.segment_ignored"] * 2
    assert reading(readers.segments, ["DE"]) == (None, ["note.retyped:$.x"])


def test_look_alikes_of_a_segment_are_never_merged() -> None:
    names = ["DE", "de", "DE ", "ＤＥ", "DЕ", "Café", "Café"]

    assert [readers.segments({"country": name}, "segments", Remarks()) for name in names] == [{"country": name} for name in names]


def test_a_flag_needs_a_key_and_keeps_its_other_words() -> None:
    assert reading(readers.flag, {"key": "k", "variant": 1, "reason": "default"}) == (
        Flag("k", "1", "default"),
        ["note.retyped:$.x.variant"],
    )
    assert reading(readers.flag, {"variant": "on"}) == (None, ["note.retyped:$.x"])


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (TRACE, True),
        (TRACE.replace("00-4", "01-4"), True),
        ("00-0000b6e1a2c34d5f60718293a4b5c6d7-00f067aa0ba902b7-00", True),
        (TRACE.upper(), False),
        (TRACE.replace("00-4", "ff-4"), False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", False),
        ("00-b6e1a2c34d5f60718293a4b5c6d7-00f067aa0ba902b7-01", False),
        (None, False),
        (17, False),
    ],
)
def test_a_traceparent_is_w3c_or_ignored(value: Any, good: bool) -> None:
    assert reading(readers.traceparent, value) == ((value, []) if good else (None, ["note.malformed_traceparent"]))


@pytest.mark.parametrize(
    ("kind", "value", "kept", "counted"),
    [
        ("number", 3, 3.0, []),
        ("number", 0, 0.0, []),
        ("number", 327267367867168100000, 3.272673678671681e20, []),
        ("number", "J/Y=", None, ["repair.retyped:amount"]),
        ("number", True, None, ["repair.retyped:amount"]),
        ("number", math.inf, None, ["repair.not_finite", "repair.not_finite:amount"]),
        ("number", None, None, []),
        ("number", {"a": 1}, None, ["note.nested_feature:amount"]),
        ("category", "", "", []),
        ("category", 3, None, ["repair.retyped:amount"]),
        ("category", math.nan, None, ["repair.not_finite", "repair.not_finite:amount"]),
        ("text", "x", "x", []),
        ("bool", False, False, []),
        ("bool", 0, None, ["repair.retyped:amount"]),
    ],
)
def test_a_feature_of_another_type_is_repaired_and_null_is_missing(kind: str, value: Any, kept: Any, counted: list[str]) -> None:
    remarks = Remarks()

    assert readers.feature(kind, value, "amount", remarks) == kept
    assert remarks.counters == counted


def test_an_example_tells_the_type_seen_and_the_value() -> None:
    remarks = Remarks()
    readers.feature("number", "J/Y=", "amount", remarks)

    assert remarks.examples == {"repair.retyped:amount": ("text", '"J/Y="')}


def test_a_switch_may_be_written_as_true_and_false() -> None:
    assert reading(readers.state, False) == ("off", ["note.retyped:$.x"])
    assert reading(readers.state, True) == ("on", ["note.retyped:$.x"])
    assert reading(readers.state, "blue") == ("blue", [])
    assert reading(readers.truth, "yes") == (None, ["note.retyped:$.x"])
    assert reading(readers.truth, False) == (False, [])
    assert reading(readers.names, ["a"]) == (["a"], [])
    assert reading(readers.names, "a") == (None, ["note.retyped:$.x"])


def test_ages_of_features_become_milliseconds_and_what_is_none_is_left_out() -> None:
    given = {
        "a": {"at_ms": "2026-11-22T09:12:00.5+01:00", "status": "present"},
        "b": {"at_ms": "yesterday"},
        "c": 7,
        "d": {"status": "stale"},
    }

    found, notes = reading(readers.feature_meta, given)

    assert {name: (meta.at_ms, meta.status) for name, meta in found.items()} == {
        "a": (1_795_335_120_500, "present"), "b": (None, None), "d": (None, "stale"),
    }  # fmt: skip
    assert sorted(notes) == ["note.retyped:$.x", "note.time_unreadable"]
    assert reading(readers.feature_meta, [1]) == (None, ["note.retyped:$.x"])
