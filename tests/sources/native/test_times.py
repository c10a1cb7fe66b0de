"""Field cases C11 (the fraction that was zero) and C12 (no zone)."""

import os
import time
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.sources.native.times import AHEAD_MAX_MS, MS_END, Time, instant, instants

NOON = 1_795_338_720_000  # 2026-11-22T09:12:00Z


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-11-22T09:12:00Z", NOON),
        ("2026-11-22T09:12:00.5Z", NOON + 500),
        ("2026-11-22T09:12:00.123456789Z", NOON + 123),
        ("2026-11-22T09:12:00.000Z", NOON),
        ("2026-11-22T10:12:00+01:00", NOON),
        ("2026-11-22T10:12:00+0100", NOON),
        ("2026-11-22T03:42:00-05:30", NOON),
        ("2026-11-22t09:12:00z", NOON),
        ("2026-11-22 09:12:00Z", NOON),
        ("2026-11-22T23:59:60Z", 1_795_392_000_000),
        ("2026-11-23T00:59:60+01:00", 1_795_392_000_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        (NOON, NOON),
        (NOON + 0.9, NOON),
        (0, 0),
    ],
)
def test_equal_instants_are_equal_however_rfc_3339_writes_them(text: int | float | str, ms: int) -> None:
    assert instant(text) == ms


@pytest.mark.parametrize("text", ["2026-11-22 09:12:00", "2026-11-22T09:12:00.5"])
def test_a_time_without_zone_is_not_guessed(text: str) -> None:
    assert instant(text) == "no_zone"


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T09:12:00,5Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T12:00:60Z",
        "2026-11-22T09:60:00Z",
        "2025-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-22T09:12:00+24:00",
        "2026-11-22T09:12:00+01:60",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "01/09/2018",
        "2026-11-22",
        "２０２６-11-22T09:12:00Z",
        "1795338720000",
        "",
        -1,
        float("nan"),
        float("inf"),
        MS_END,
        10**40,
    ],
)
def test_what_is_no_instant_is_said_to_be_unreadable(value: int | float | str) -> None:
    assert instant(value) == "time_unreadable"


@given(
    st.datetimes(min_value=datetime(1970, 1, 3), max_value=datetime(9999, 12, 28)),  # noqa: DTZ001 (the zone is drawn apart)
    st.integers(-23 * 60, 23 * 60),
)
def test_any_instant_that_python_writes_is_read_back(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert instant(moment.isoformat()) == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_the_zone_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for zone in ("Asia/Shanghai", "UTC", "America/New_York"):
        monkeypatch.setitem(os.environ, "TZ", zone)
        time.tzset()
        found.append((instant("2026-11-22T09:12:00Z"), instant("2026-11-22 09:12:00")))
    monkeypatch.undo()
    time.tzset()

    assert found == [(NOON, "no_zone")] * 3


def resolved(values: list[Time], stamps: list[int]) -> tuple[list[int], list[tuple[int, str]]]:
    notes: list[tuple[int, str]] = []
    at = instants(values, np.array(stamps, np.int64), lambda i, why: notes.append((i, why)))
    return at.tolist(), notes


def test_a_column_of_numbers_texts_and_nothing_is_resolved_place_by_place() -> None:
    at, notes = resolved([NOON, "2026-11-22T09:12:00.5Z", None, "2026-11-22 09:12:00", 1.5e3], [NOON] * 5)

    assert at == [NOON, NOON + 500, -1, -1, -1]
    assert notes == [(3, "no_zone"), (4, "clock_seconds")]


def test_more_than_five_minutes_ahead_of_the_record_is_of_no_use() -> None:
    at, notes = resolved([NOON + AHEAD_MAX_MS, NOON + AHEAD_MAX_MS + 1], [NOON, NOON])

    assert at == [NOON + AHEAD_MAX_MS, -1]
    assert notes == [(1, "clock_ahead")]


def test_seconds_in_place_of_milliseconds_are_told() -> None:
    assert resolved([NOON // 1000], [NOON]) == ([-1], [(0, "clock_seconds")])


def test_without_a_record_timestamp_nothing_is_ahead_and_small_times_are_times() -> None:
    assert resolved([NOON, 1_000], [-1, 0]) == ([NOON, 1_000], [])


def test_an_empty_column_gives_an_empty_column() -> None:
    assert resolved([], []) == ([], [])
