"""Field cases C01 (JSON inside JSON), C06 (numbers), C10 (two encodings): each trouble has its own remedy."""

import gzip
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.errors import EventRejected
from anchorwatch.sources.native import careful
from anchorwatch.sources.native.careful import Remarks, number, read


def refusal(raw: bytes) -> EventRejected:
    with pytest.raises(EventRejected) as caught:
        read(raw, Remarks())
    return caught.value


@pytest.mark.parametrize(
    ("raw", "kind", "reason", "fix"),
    [
        (json.dumps(json.dumps({"prediction_id": "p-1"})).encode(), "malformed", "encoded twice", "encode it once"),
        (b'"hello"', "malformed", "a text", "one JSON object"),
        (b'[{"a":1},{"b":2},{"c":3}]', "malformed", "an array of 3", "one object a record"),
        (b'{"a":1}\n{"b":2}', "malformed", "more than one object", "one object a record"),
        (b'{"a":1},{"b":2}', "malformed", "more than one object", "one object a record"),
        (b'{"schema":{},"payload":{"a":1}}', "malformed", "Connect's envelope", "schemas.enable=false"),
        (b"\0\0\0\0\x2aavro", "schema", "schema id 42", "plain JSON"),
        (b"null", "malformed", "the word null", "no value at all"),
        (b"", "malformed", "empty", "no value at all"),
        (b"  \n", "malformed", "empty", "no value at all"),
        (b"17", "malformed", "a number", "one JSON object"),
        (b"true", "malformed", "a bool", "one JSON object"),
        (b'{"a":"\xff"}', "malformed", "not UTF-8 at byte 6", "UTF-8"),
        ('{"a":1}'.encode("utf-16"), "malformed", "UTF-16", "UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "malformed", "UTF-16", "UTF-8"),
        ('{"a":1}'.encode("utf-16-be"), "malformed", "UTF-16", "UTF-8"),
        (gzip.compress(b"{}", mtime=0), "malformed", "gzip", "compression.type"),
        (b'{"a":', "malformed", "not JSON", "one JSON object"),
        (b"{'a': 1}", "malformed", "not JSON", "one JSON object"),
        (b"[" * 100_000, "malformed", "nested too deep", "flat"),
        (b'{"a":"\\ud800"}', "malformed", "surrogate", "characters"),
        (b'{"a":"' + b"x" * careful.CAREFUL_MAX + b'"', "too_large", "bytes", "at most"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_own_remedy(raw: bytes, kind: str, reason: str, fix: str) -> None:
    error = refusal(raw)

    assert (error.kind, error.path) == (kind, "$")
    assert reason in error.reason
    assert fix in error.fix


def test_nan_and_infinity_are_read_and_remarked() -> None:
    remarks = Remarks()

    found = read(b'{"a": NaN, "b": [-Infinity, 1e400]}', remarks)

    assert math.isnan(found["a"])
    assert found["b"] == [-math.inf, math.inf]
    assert remarks.strange


def test_a_byte_order_mark_is_skipped_and_noted() -> None:
    remarks = Remarks()

    assert read(b'\xef\xbb\xbf{"a":1}', remarks) == {"a": 1}
    assert remarks.counters == ["note.bom"]


def test_of_a_key_given_twice_the_last_value_counts_and_it_is_noted_once() -> None:
    remarks = Remarks()

    assert read(b'{"label":"pass","label":"block","x":{"a":1,"a":2}}', remarks) == {"label": "block", "x": {"a": 2}}
    assert remarks.counters == ["note.duplicate_key"]


def test_integers_of_any_length_are_read() -> None:
    found = read(b'{"a":327267367867168100000,"b":' + b"9" * 5_000 + b"}", Remarks())

    assert found == {"a": 327267367867168100000, "b": math.inf}


def test_whole_surrogate_pairs_are_characters() -> None:
    assert read(b'{"a":"\\ud83d\\ude00"}', Remarks()) == {"a": "\U0001f600"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3.0), (3.0, 3.0), (0, 0.0), (10**400, math.inf), (-(10**400), -math.inf), (True, None), ("3", None), (None, None), ([3], None)],
)
def test_a_number_is_one_type_and_nothing_else_is_one(value: object, expected: float | None) -> None:
    assert number(value) == expected


def test_examples_are_cut() -> None:
    remarks = Remarks()
    remarks.repair("retyped:amount", "x" * 1_000)

    kind, shown = remarks.examples["repair.retyped:amount"]
    assert (kind, len(shown)) == ("text", careful.EXAMPLE_MAX)


@given(st.binary(max_size=60))
def test_random_bytes_are_read_or_refused_never_anything_else(raw: bytes) -> None:
    found: object
    try:
        found = read(raw, Remarks())
    except EventRejected as error:
        found = {"fix": error.fix} if error.fix else "without a remedy"

    assert isinstance(found, dict)
