import json

import msgspec
import pytest

from anchorwatch.engine.tail import Told
from anchorwatch.events import Observation
from anchorwatch.runtime import shown


def told(value: bytes | None, key: bytes | None = b"k") -> Told:
    return Told("t", 2, 7, 1_795_341_180_123, key, value, (("content-type", b"application/json"),))


def test_a_line_says_when_where_and_what() -> None:
    assert shown.line(told(b'{"a": 1}')) == '2026-11-22 09:53:00.123  2@7  k  {"a":1}'


def test_a_tombstone_a_text_and_bytes_are_told_too() -> None:
    assert [shown.line(told(value)).rpartition("  ")[2] for value in (None, b"plain", b"\xff\x1b[2J")] == [
        "(removed)",
        "plain",
        "\ufffd\ufffd[2J",
    ]


def test_a_long_value_is_cut_for_people_only() -> None:
    long = msgspec.json.encode({"a": "x" * 1_000})

    assert shown.line(told(long)).endswith("… (1,008 characters, --json shows all)")
    assert shown.as_json(told(long))["value"] == {"a": "x" * 1_000}


def test_an_observation_is_told_without_its_counts() -> None:
    observation = Observation(1, "default", 0, 2, (0, 1_000), 1_000, {"p": (3, 5)}, (0, 1), [], {"prod/fraud": {"matured": 4}})
    value = shown.value(msgspec.msgpack.encode(observation))

    assert (value["feed"], value["spans"], value["tallies"]) == ("default", {"p": [3, 5]}, {"prod/fraud": {"matured": 4}})


def test_json_has_all_parts() -> None:
    assert shown.as_json(told(b"1", None)) == {
        "topic": "t", "partition": 2, "offset": 7, "time_ms": 1_795_341_180_123, "key": None, "value": 1,
        "headers": {"content-type": "application/json"},
    }  # fmt: skip


@pytest.mark.parametrize("raw", [b'{"a":NaN}', b"[1e999, -Infinity]", rb'{"a":"\ud800"}', b"[" * 100_000, b'{"a":' * 100_000])
def test_what_a_strict_parser_refuses_is_shown_as_text(raw: bytes) -> None:
    shown.line(told(raw)).encode()
    line = json.dumps(shown.as_json(told(raw)), ensure_ascii=False, allow_nan=False).encode()

    assert json.loads(line)["value"] == raw.decode()
