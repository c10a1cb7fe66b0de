from typing import Any

import pytest
from tests.runtime.doctor.cases import NOW, OUTCOMES, PREDICTIONS, facts, fixes, found, sample, seen, settings

from anchorwatch.runtime.doctor.clocks import look, unit
from anchorwatch.runtime.doctor.facts import Sample
from anchorwatch.runtime.doctor.told import Told


def told(one: Sample, **changes: Any) -> list[Told]:
    return list(look(facts(samples=[one], **changes)))


def dated(ms: int, **changes: Any) -> Sample:
    """Predictions whose own time differs from the broker's by so much."""
    return sample(PREDICTIONS, [seen(i, stated=NOW - 1_000 + ms, **changes) for i in range(200)])


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        (NOW, "ms"),
        (NOW // 1_000, "seconds"),
        (NOW * 1_000, "microseconds or finer"),
        ("2026-11-22T09:12:00Z", "ms"),
        ("2026-11-22 09:12:00", "text without a zone"),
        ("22.11.2026", "text that is no RFC 3339"),
    ],
)
def test_the_unit_of_a_time_is_read_off_its_size(stated: int | str, named: str) -> None:
    assert unit(stated) == named


def test_seconds_for_milliseconds_are_told_with_an_example() -> None:
    seconds = sample(OUTCOMES, [seen(i, stated=NOW // 1_000) for i in range(200)])

    assert found(told(seconds)) == [f"{OUTCOMES}: known_at_ms of 100% of 200 outcomes holds seconds, as {NOW // 1_000}, and is not used"]


def test_clocks_that_agree_are_told_with_their_skew() -> None:
    assert [each.what for each in told(dated(0)) if each.mark == "fine"] == ["clocks"]
    assert [each.what for each in told(dated(300)) if each.mark == "fine"] == ["clock skew 300 ms"]


def test_a_producers_clock_that_runs_ahead_is_a_fault() -> None:
    assert found(told(dated(4_000))) == [f"{PREDICTIONS}: producers' clocks are 4 s ahead of the broker's"]


def test_whole_hours_ahead_are_no_longer_used_at_all() -> None:
    """A local time without its offset: beyond five minutes the record's time is taken."""
    assert "dated more than 5 min after the broker took them" in found(told(dated(3_600_000)))[0]


def test_predictions_written_after_their_window_closed_are_told_with_a_lateness_that_fits() -> None:
    behind = told(dated(-60_000))

    assert "written more than 15 s after their time" in found(behind)[0]
    assert fixes(behind)[0].startswith("lateness: 1m (alerts come as much later)")
    assert found(told(dated(-60_000), settings=settings(clock="events"))) == []
    assert found(told(dated(-60_000, stamped_by_broker=False))) == []  # their own time twice says nothing


def test_record_times_in_the_future_are_a_fault() -> None:
    ahead = sample(OUTCOMES, [seen(i, time_ms=NOW + 3_600_000, stamped_by_broker=False, stated=None) for i in range(200)])

    assert found(told(ahead)) == [f"{OUTCOMES}: 100% of the records are stamped up to 60 min in the future"]


def test_our_own_clock_may_be_the_one_that_is_wrong() -> None:
    late = sample(PREDICTIONS, [seen(i, time_ms=NOW + 45_000, stated=None) for i in range(200)])

    assert found(told(late), "note") == ["this machine's clock is 45 s behind the broker's"]
