"""What may stand at one place, and what is said when something else does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from anchorwatch.contract.values import (
    BYTES,
    MS,
    ClassName,
    Duration,
    Instant,
    Number,
    Plain,
    Size,
    Switch,
    Text,
    TopicName,
    Whole,
    duration,
    duration_text,
    instant_text,
    size,
    size_text,
)


def taken(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def refused(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    return str(caught.value.errors()[0]["ctx"]["error"])


@pytest.mark.parametrize(
    ("written", "ms"),
    [("80ms", 80), ("5s", 5_000), ("5m", 300_000), ("24h", 86_400_000), ("3d", 259_200_000), ("1w", 604_800_000), ("10 s", 10_000)],
)
def test_a_time_span_is_a_whole_number_and_its_unit(written: str, ms: int) -> None:
    assert taken(Duration, Plain(written)) == ms


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (Plain("80"), "write a unit: 80ms, 80s, 80m, 80h or 80d"),
        (80, "write a unit: 80ms, 80s, 80m, 80h or 80d"),
        (Plain("80 sec"), 'unknown unit "sec"; write ms, s, m (minutes), h, d or w'),
        (Plain("-5ms"), "must be above 0"),
        (Plain("0s"), "must be above 0"),
        (Plain("9999d"), "must be below 10 years"),
        (Plain("soon"), "must be a time span: a whole number and its unit, as 80ms, 5s, 5m, 24h or 3d"),
        (Plain("1.5h"), "must be a time span: a whole number and its unit, as 80ms, 5s, 5m, 24h or 3d"),
        (True, "must be a time span: a whole number and its unit, as 80ms, 5s, 5m, 24h or 3d"),
        ([], "must be a time span: a whole number and its unit, as 80ms, 5s, 5m, 24h or 3d"),
    ],
)
def test_a_time_span_without_a_good_unit_is_refused(written: object, reason: str) -> None:
    assert refused(Duration, written) == reason


@given(st.integers(1, 3_660 * MS["d"]))
def test_a_time_span_reads_back_as_it_was_written(ms: int) -> None:
    assert duration(duration_text(ms)) == ms


@given(st.integers(1, 2**50))
def test_a_size_reads_back_as_it_was_written(n: int) -> None:
    assert size(size_text(n)) == n
    assert taken(Size, f"{n} B") == n
    assert set(BYTES) == {"B", "kB", "MB", "GB", "KiB", "MiB", "GiB"}


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("1970-01-01", 0),
        ("2026-09-01T06:00:00Z", 1_788_242_400_000),
        ("2026-09-01t08:00:00.250+02:00", 1_788_242_400_250),
        ("2026-09-01 06:00Z", 1_788_242_400_000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_a_point_of_time_is_a_date_or_has_an_offset(written: str, ms: int) -> None:
    assert taken(Instant, Plain(written)) == ms
    assert taken(Instant, instant_text(ms)) == ms


@pytest.mark.parametrize(
    "written", ["2026-09-01T06:00:00", "1.9.2026", "09/01/2026", 1_788_242_400_000, "20260901", "2026-W36-2", "9999-12-31T23:00-09:00"]
)
def test_a_time_without_a_zone_and_an_ambiguous_date_are_refused(written: object) -> None:
    assert refused(Instant, written).startswith(("must be a date (2026-09-01) or a time with its offset", "is no such day or time"))


def test_a_day_that_does_not_exist_is_refused() -> None:
    assert "is no such day or time" in refused(Instant, "2026-02-30")


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_point_of_time_reads_back_as_it_was_written(ms: int) -> None:
    assert taken(Instant, instant_text(ms)) == ms


@pytest.mark.parametrize(("written", "number"), [("1e3", 1_000), ("-0.5", -0.5), ("+2", 2), (".5", 0.5), ("0", 0)])
def test_a_number_is_written_without_quotes(written: str, number: float) -> None:
    assert taken(Number, Plain(written)) == number
    assert refused(Number, written) == "must be a number, without quotes"


@pytest.mark.parametrize("written", ["010", "0x10", "1_000", "1e999", ".inf", ".nan", ".", "e5", "", "12:30", "1,5"])
def test_what_other_readers_may_take_for_another_number_is_refused(written: str) -> None:
    assert refused(Number, Plain(written)) in ("must be a number", "must be finite")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, None])
def test_numbers_of_json_are_finite(value: object) -> None:
    assert refused(Number, value) in ("must be a number", "must be finite")


def test_whole_numbers_and_switches_are_strict() -> None:
    assert taken(Whole, Plain("12")) == 12
    assert refused(Whole, Plain("1.0")) == "must be a whole number"
    assert refused(Whole, "12") == "must be a whole number, without quotes"
    assert refused(Whole, 10**16) == "must be below 1e16"
    assert taken(Switch, Plain("true")) is True
    assert refused(Switch, Plain("on")) == "must be true or false"
    assert refused(Switch, 1) == "must be true or false"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Plain(""), "nothing is written here; fill it in or leave the key out"),
        ("  ", "must not be empty"),
        ("x" * 501, "must have at most 500 characters"),
        ("a\nb", "must not hold control characters or halves of surrogate pairs"),
        ("\ud800", "must not hold control characters or halves of surrogate pairs"),
        (3, "must be text, quote it"),
        ([], "must be text"),
    ],
)
def test_text_is_one_line_that_every_format_can_carry(value: object, reason: str) -> None:
    assert refused(Text, value) == reason


def test_a_text_is_a_plain_str_in_the_end() -> None:
    """A subclass would reach msgspec and JSON encoders that ask for the exact type."""
    assert type(taken(Text, Plain("no"))) is str
    assert type(taken(ClassName, Plain("no"))) is str


def test_topics_are_names_that_kafka_takes() -> None:
    assert taken(TopicName, "payments.scored_v2-x") == "payments.scored_v2-x"
    for name in ("a b", "..", "x" * 250, "a/b"):
        assert "is no topic name" in refused(TopicName, name)
