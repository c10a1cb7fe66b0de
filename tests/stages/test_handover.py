"""What an alert hands over: where the affected events lie, as bounded marks, and the last clean window."""

import json
import random

import pytest
from tests.traffic import Fault, loan_drive, quiet_then

from anchorwatch.stages.handover import MARKS_MAX, OffsetLog, handover


def read(log: OffsetLog, until: int, *, step: int = 1_000, per_step: int = 10) -> None:
    for i in range(until):
        log.note("predictions", 3, (i + 1) * step, i * per_step, (i + 1) * per_step)


def test_the_span_begins_at_the_mark_before_and_ends_with_what_was_read() -> None:
    log = OffsetLog()
    read(log, 20)

    assert log.since(5_000) == {"predictions-3": [50, 200]}
    assert log.since(5_999) == {"predictions-3": [50, 200]}
    assert log.since(0) == log.since(-50_000) == {"predictions-3": [0, 200]}


def test_marks_are_bounded_and_the_first_offset_is_never_too_late_nor_much_too_early() -> None:
    """A week of ten-second windows; the change is looked for at many ages."""
    log = OffsetLog()
    read(log, 60_480, step=10_000, per_step=7)
    now = 60_480 * 10_000

    assert len(log.marks["predictions-3"][0]) <= MARKS_MAX
    for age in (20_000, 600_000, 3_600_000, 86_400_000, 3 * 86_400_000):
        [first, end] = log.since(now - age)["predictions-3"]
        exact = (now - age) // 10_000 * 7
        assert end == 60_480 * 7
        assert exact - first >= 0
        assert exact - first <= max(0.5 * age / 10_000 * 7, 14)


def test_several_records_of_one_watermark_are_one_mark() -> None:
    log = OffsetLog()
    for begin, end in ((0, 5), (5, 9)):
        log.note("predictions", 0, 1_000, begin, end)

    assert log.since(1_000) == {"predictions-0": [9, 9]}
    assert log.since(0) == {"predictions-0": [0, 9]}


def test_a_log_survives_json_and_goes_on() -> None:
    log, twin, rng = OffsetLog(), OffsetLog(), random.Random(4)
    read(log, 100)
    twin.restore(json.loads(json.dumps(log.snapshot())))

    for each in (log, twin):
        read(each, 200)

    for _ in range(20):
        at = rng.randrange(300_000)
        assert log.since(at) == twin.since(at)


@pytest.mark.parametrize(("begun", "affected", "clean"), [
    (0, [48_000, 61_000], [47_000, 48_000]),
    (47_500, [48_000, 61_000], None),
    (50_000, [50_000, 61_000], None),
])  # fmt: skip
def test_the_last_clean_window_ends_where_the_affected_ones_begin(begun: int, affected: list[int], clean: list[int] | None) -> None:
    found = handover((48_200, 52_200), (60_000, 61_000), begun, 5_000, lambda at_ms: {"predictions-0": [at_ms, 99]})

    assert found == {
        "change_interval_ms": [48_200, 52_200], "affected_ms": affected, "last_clean_window_ms": clean,
        "offsets": {"predictions-0": [affected[0] - 5_000, 99]},
    }  # fmt: skip


def test_alerts_of_both_kinds_name_the_records_that_hold_the_fault() -> None:
    """Slow in asia, and a field that vanishes: the spans hold every faulty record and no healthy one of long before."""
    events, begin, end = quiet_then(2_000, Fault(slow={"asia": 8}, drop={"age": 1.0}), quiet=30_000)
    places = [e.at_ms for e in events if e.role == "predictions"]
    first_faulty = next(i for i, at in enumerate(places) if at >= begin)

    heard = loan_drive().feed(events).end(end)

    firing = [a for a in heard.alerts if a.state == "firing"]
    assert {"LatencyOverPromise", "InputVanished"} <= {a.labels["alertname"] for a in firing}
    for alert in firing:
        [first, after] = next(span for name, span in alert.evidence["offsets"].items() if name.endswith("predictions-0"))
        assert first <= first_faulty < after
        assert first > first_faulty - 45_000 * 500 // 1_000  # a margin of 32 s and twice the delay
        low, high = alert.evidence["change_interval_ms"]
        assert low <= begin + 2_000
        assert high >= begin - 2_000
        assert low <= alert.evidence.get("change_point_ms", low) <= high
        assert alert.evidence["last_clean_window_ms"][1] == alert.evidence["affected_ms"][0] <= begin + 1_000


def test_the_interval_of_a_slow_change_is_wider_than_what_joins_an_incident() -> None:
    """The date may be off by as long as it took to hear the change, so that is handed over."""
    events, begin, end = quiet_then(4_000, Fault(slow={"asia": 1.6}), quiet=30_000)

    heard = loan_drive().feed(events).end(end)

    told = [
        a
        for a in heard.alerts
        if a.state == "firing" and a.labels["segment"] == "region=asia" and a.evidence["change_point_ms"] >= begin - 5_000
    ]
    assert told
    for alert in told:
        low, told_by = alert.evidence["change_interval_ms"][0], alert.evidence["affected_ms"][1]
        delay = told_by - alert.evidence["change_point_ms"]
        assert low <= alert.evidence["change_point_ms"] - delay
        assert low <= begin + 1_000
