"""Recorded bytes of serialisers: where the schema stands, and what is none."""

import doctest
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.errors import EventRejected
from anchorwatch.sources.foreign import wire
from anchorwatch.sources.foreign.wire import HEADER, Wire, document_of, wire_of

GUID = "89791762-2336-4186-9674-299b90a802e2"


@pytest.mark.parametrize(
    ("value", "headers", "found"),
    [
        (b"\0\0\0\0\x2a\x06eu", {}, Wire(42, b"\x06eu")),
        (b"\0\xff\xff\xff\xff", {}, Wire(2**32 - 1, b"")),
        (b"\x06eu", {HEADER: b"\x01" + uuid.UUID(GUID).bytes}, Wire(GUID, b"\x06eu")),
        (b"\x06eu", {HEADER: b"\0\0\0\0\x2a"}, Wire(42, b"\x06eu")),
        (b"\0\0\0\0\x2a\x06eu", {HEADER: None}, Wire(42, b"\x06eu")),
        (b"\0\0\0\0", {}, None),
        (b'{"a": 1}', {}, None),
        (b'{"a": 1}', {HEADER: b"\x01"}, None),
        (b"", {}, None),
    ],
)
def test_the_header_is_looked_at_first_then_the_first_byte(value: bytes, headers: Any, found: Wire | None) -> None:
    assert wire_of(value, headers) == found


@given(st.binary(max_size=30), st.binary(max_size=18) | st.none())
def test_any_bytes_are_a_record_of_a_schema_or_are_not(value: bytes, header: bytes | None) -> None:
    found = wire_of(value, {HEADER: header})

    assert found is None or value.endswith(found.payload)


@pytest.mark.parametrize(
    "error", [EOFError(), IndexError("x"), OverflowError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), MemoryError()]
)
def test_whatever_a_codec_raises_is_a_refusal_that_names_the_schema(error: Exception) -> None:
    def read(_: bytes) -> Any:
        raise error

    with pytest.raises(EventRejected, match="schema 42") as caught:
        document_of(Wire(42, b""), read)

    assert caught.value.kind == "schema"


def test_a_schema_of_a_bare_value_is_no_event() -> None:
    with pytest.raises(EventRejected, match="of no record"):
        document_of(Wire(42, b""), lambda _: "text")


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(wire).failed == 0
