"""The order of scores through both stages: heard while no answer is wrong that was right, told with numbers, alike over kills and tasks."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import msgspec
import pytest
from tests.stages.lives import run
from tests.stages.worlds import SHORT, scored_applied, scored_traffic
from tests.traffic import CLOCKWORK, T0

from anchorwatch.events import Finding
from anchorwatch.runtime.drive import Drive, Event, Heard
from anchorwatch.stages import ordering

N = 6_000
END = T0 + 2 * N + 500
SUBJECT = "auc@late"
PROMISED = SHORT.replace("promises: {", "promises: {quality: {metric: roc_auc, at_least: 0.8, tolerate: 0.03}, ")


def events(*, blurred: float = 1.0) -> list[Event]:
    return scored_traffic(N, T0, 3, blurred=blurred)


@cache
def blurred() -> Heard:
    return Drive([scored_applied()], CLOCKWORK).feed(events()).end(END)


def plain(findings: Sequence[Finding]) -> list[bytes]:
    return [msgspec.json.encode(msgspec.structs.replace(f, trace_ids=[])) for f in findings]


def test_an_order_that_is_lost_is_a_page_though_no_error_rose() -> None:
    pages = [f for f in blurred().findings if f.watch == "quality" and f.verdict == "page"]
    first = pages[0]

    assert {f.subject for f in pages} == {SUBJECT}
    assert (first.name, first.segment, first.direction) == ("QualityDrop", "whole", "down")
    assert first.summary.startswith("Scores put the right ones first less often: ROC AUC is 0.")
    assert not [f for f in blurred().findings if f.subject.startswith("error@")]


def test_its_alert_holds_where_it_is_with_an_interval_its_line_and_what_it_was() -> None:
    [alert] = [a for a in blurred().alerts if a.labels["subject"] == SUBJECT and a.labels["segment"] == "whole" and a.sequence == 1]
    evidence = alert.evidence
    low, high = evidence["interval"]

    assert (evidence["metric"], evidence["unit"]) == ("roc_auc", "1")
    assert low < evidence["current"] < high
    assert evidence["current"] < evidence["line"] < evidence["reference"]
    assert evidence["reference"] - evidence["line"] == pytest.approx(0.03)
    assert evidence["n"] >= 30


def test_nothing_is_said_of_order_while_it_holds_and_summaries_say_how_good_it_is() -> None:
    heard = Drive([scored_applied()], CLOCKWORK).feed(events(blurred=0)).end(END)
    told = heard.summaries[-1].reasons["auc"]

    assert not [f for f in heard.findings if f.subject == SUBJECT]
    assert told.startswith("ROC AUC 0.79")
    assert told.endswith(" labels")


def test_an_order_that_is_lost_everywhere_is_not_explained_by_one_segment() -> None:
    explained = {a.evidence["explains_whole"] for a in blurred().alerts if a.labels["subject"] == SUBJECT}

    assert explained == {False}


def test_a_kill_after_every_few_batches_changes_nothing() -> None:
    batches = [events()[i : i + 900] for i in range(0, 2 * N, 900)]
    lived = run(scored_applied(), CLOCKWORK, batches, END, frozenset(range(0, len(batches), 2))).heard

    assert plain(lived.findings) == plain(blurred().findings)
    assert lived.summaries[-1].reasons == blurred().summaries[-1].reasons


def test_three_tasks_find_what_one_does() -> None:
    split = Drive([scored_applied()], replace(CLOCKWORK, tasks=3)).feed(events()).end(END)

    assert plain(split.findings) == plain(blurred().findings)


def test_a_promise_is_judged_against_its_own_line() -> None:
    drive = Drive([scored_applied(text=PROMISED)], CLOCKWORK)
    heard = drive.feed(events()).end(END)
    first = next(f for f in heard.findings if f.subject == SUBJECT and f.segment == "whole" and f.verdict == "page")
    summary = heard.summaries[-1]

    assert first.line == pytest.approx(0.77)
    assert first.reference is None
    assert "too seldom" in first.summary
    assert summary.reasons["metric"] == "roc_auc"
    assert 0.6 < (summary.columns["quality"][0] or 0) < 0.77
    assert summary.columns["quality_low"][0] is not None
    assert summary.columns["estimate"][0] is not None or "Miscalibrated" in summary.reasons["estimate"]


def test_a_promise_without_a_reference_waits_and_says_so() -> None:
    drive = Drive([scored_applied(text=PROMISED, reference=False)], CLOCKWORK)
    heard = drive.feed(events()).end(END)

    assert not [f for f in heard.findings if f.watch == "quality"]
    assert heard.summaries[-1].columns["quality"][0] is None
    assert heard.summaries[-1].reasons["quality"] == "waiting for a reference: ROC AUC is told in the bins of its scores"


def test_a_segment_taken_out_of_the_whole_leaves_the_order_of_the_others() -> None:
    drive = Drive([scored_applied()], CLOCKWORK).feed(events(blurred=0))
    drive.end(END)
    recent = drive.judge.models["prod/loan"].recent
    cells = ordering.cells_of(recent)
    assert cells is not None

    value, n = ordering.without(recent, 0, recent.layout.rows["region=eu"], -1)
    assert (value, n) == (None, 0), "all of it lies in that segment"
    assert ordering.every(recent, -1)[0][2] == int(cells[0].sum())
    assert ordering.every(recent, -1)[1][1] is None, "an interval is for the whole"
