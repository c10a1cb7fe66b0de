"""How a backtest is told."""

import msgspec
from tests.runtime.loans import LOANS, Fault, T, events

from anchorwatch.runtime.backtest import Told, backtest, plan
from anchorwatch.runtime.drive import Clockwork
from anchorwatch.runtime.report_table import as_json, as_text, findings_json, rows_of, totals


def told(fault: Fault | None = None, seed: int = 3) -> Told:
    course = plan(LOANS, events(3_000, T, seed, fault), window_ms=1_000, reference=events(2_000, T - 20_000))
    return backtest(course, Clockwork(window_ms=1_000, lateness_ms=500))


BROKEN = told(Fault(T + 10_000, wrong_in="us"))


def test_a_row_is_what_made_a_sound_and_until_when() -> None:
    pages = [row for row in rows_of(BROKEN) if row.heard == "page"]

    assert [(row.name, row.segment, row.outside_budget) for row in pages] == [("QualityDrop", "region=us", False)]
    assert T + 10_000 < pages[0].at_ms <= T + 25_000
    assert 5 < pages[0].n < 400
    assert pages[0].until_ms is None


def test_the_end_of_a_file_is_no_silence() -> None:
    """Outcomes go on for longer than the model may be silent."""
    quick = LOANS.model_copy(
        update={"promises": LOANS.promises.model_copy(update={"alive": LOANS.promises.alive.model_copy(update={"silent_after": 1_000})})}
    )
    course = plan(quick, events(3_000, T, 3), window_ms=1_000, reference=events(2_000, T - 20_000))

    found = backtest(course, Clockwork(window_ms=1_000, lateness_ms=500))

    assert "ModelDark" in {finding.name for finding in found.findings}
    assert rows_of(found) == []


def test_totals_count_what_was_read_and_heard() -> None:
    found = totals(BROKEN)

    assert (found["predictions"], found["outcomes"], found["refused"]) == (3_000, 3_000, 0)
    assert found["pages"] == 1
    assert found["findings"] == len(BROKEN.findings)


def test_the_document_is_strict_json_with_every_finding() -> None:
    document = msgspec.json.decode(as_json(BROKEN))

    assert document["schema"] == "backtest.v1"
    assert (document["contract"], document["reference_id"]) == (LOANS.id, BROKEN.course.reference_id)
    assert len(document["findings"]) == len(BROKEN.findings)
    assert document["events_per_second"] > 0


def test_findings_are_compared_without_trace_ids() -> None:
    other = [msgspec.structs.replace(finding, trace_ids=["0" * 32]) for finding in BROKEN.findings]

    assert findings_json(other) == findings_json(BROKEN.findings)


def test_the_text_names_fault_segment_and_speed() -> None:
    text = as_text(BROKEN)

    assert "QualityDrop error@late" in text
    assert "region=us" in text
    assert "open at the end" in text
    assert "6,000 events in" in text
    assert max(map(len, text.splitlines())) <= 150


def test_a_quiet_file_is_told_as_quiet() -> None:
    text = as_text(told())

    assert text.startswith("Nothing would have been heard.\n")
    assert "0 pages, 0 warnings" in text


def test_a_name_cannot_move_the_cursor() -> None:
    alerts = [msgspec.structs.replace(a, labels={**a.labels, "segment": "region=\x1b[2J"}) for a in BROKEN.alerts]

    text = as_text(Told(BROKEN.course, 1_000, BROKEN.findings, alerts, 0, 1.0))

    assert "\x1b" not in text
