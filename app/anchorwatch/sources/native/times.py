"""When was it? Integer milliseconds or RFC 3339 text, without ever asking for the zone of this machine."""

import re
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

Time = int | float | str | None
MS_END = 253_402_300_800_000  # year 10,000
AHEAD_MAX_MS = 300_000
SECONDS_BELOW = 100_000_000_000  # ms: March 1973; a larger number of seconds means year 5138
_EPOCH = date(1970, 1, 1).toordinal()
_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,30}))?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)


def instant(value: int | float | str) -> int | str:
    """Milliseconds since 1970 UTC, or the note that says why not: `no_zone`, `time_unreadable`.

    Finer digits are cut off. The leap second 23:59:60Z is the second after it. Before 1970 and after 9999 nothing is readable: Go writes
    year 1 where it means "none".

    >>> instant("2026-11-22T09:12:00.5+01:00"), instant("2026-11-22 09:12:00"), instant("22.11.2026")
    (1795335120500, 'no_zone', 'time_unreadable')
    """
    if not isinstance(value, str):
        return int(value) if 0 <= value < MS_END else "time_unreadable"
    found = _RFC_3339.fullmatch(value)
    if found is None:
        return "time_unreadable"
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    fraction, zone = found.group(7, 8)
    if zone is None:
        return "no_zone"
    away = _minutes(zone)
    if hour > 23 or minute > 59 or second > 60 or away is None:
        return "time_unreadable"
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return "time_unreadable"
    seconds = ((days * 24 + hour) * 60 + minute - away) * 60 + second
    if second == 60 and seconds % 86_400:
        return "time_unreadable"  # a leap second is the last one of a day in UTC
    ms = seconds * 1_000 + int(f"{fraction or '':0<3.3}")
    return ms if 0 <= ms < MS_END else "time_unreadable"


def _minutes(zone: str) -> int | None:
    """`+0530` -> 330."""
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def instants(values: Sequence[Time], stamps: NDArray[np.int64], note: Callable[[int, str], None]) -> NDArray[np.int64]:
    """int64[n], -1 where `values` holds nothing of use; `note(i, why)` is called for each that is there and of no use.

    Judged against the record timestamps (`stamps`, <= 0: not known): more than 5 min ahead is `clock_ahead`; seconds in place of
    milliseconds are `clock_seconds`. Costs 0.04 us a number, 2 us a text.
    """
    if values.count(None) == len(values):
        return np.full(len(values), -1, np.int64)
    if set(map(type, values)) == {int}:
        at = np.fromiter(values, np.int64, len(values))
    else:
        at = np.full(len(values), -1, np.int64)
        for i, value in enumerate(values):
            if value is not None:
                found = instant(value)
                if isinstance(found, int):
                    at[i] = found
                else:
                    note(i, found)
    known = stamps > 0
    for why, of_no_use in (
        ("clock_ahead", known & (at > stamps + AHEAD_MAX_MS)),
        ("clock_seconds", (at >= 0) & (at < SECONDS_BELOW) & (stamps > SECONDS_BELOW)),
    ):
        for row in np.flatnonzero(of_no_use).tolist():
            note(row, why)
        at[of_no_use] = -1
    return at
