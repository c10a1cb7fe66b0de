from dataclasses import replace

import pytest
from tests.complaining import heeding, heeding_reference
from tests.traffic import CLOCKWORK, LOAN, T0, Fault, contract_of, flag, in_order, loan_applied, loan_drive, quiet_then, traffic

from anchorwatch.contract import READ
from anchorwatch.events import Command
from anchorwatch.runtime.drive import Clockwork, Drive, applied_of
from anchorwatch.stages.reference import reference_to_json


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_healthy_traffic_is_quiet(seed: int) -> None:
    """Promised: one false page in 30 days; this is half a minute. Ten times as many false warnings may be, so still none."""
    heard = loan_drive().feed(traffic(4_000, seed=seed)).end(T0 + 12_000)

    assert [(f.name, f.subject, f.segment) for f in heard.findings] == []


@pytest.mark.slow
def test_pages_on_healthy_traffic_are_as_rare_as_promised() -> None:
    """40 seeds, 8 s each, at a mark of a day (30 pages a month): promised .004 pages in all; with chance < .005 there is one."""
    findings = []
    for seed in range(100, 140):
        drive = loan_drive(clockwork=replace(CLOCKWORK, pages_per_month=30.0))
        findings += drive.feed(traffic(4_000, seed=seed)).end(T0 + 12_000).findings

    assert [(f.name, f.subject, f.segment, f.evidence_days) for f in findings if f.verdict == "page"] == []


def test_a_benign_change_of_mix_is_no_drop_in_quality() -> None:
    events, _, end = quiet_then(3_000, Fault(mix={"eu": 0.1, "us": 0.2, "asia": 0.6, "af": 0.1}), quiet=1_000)

    heard = loan_drive().feed(events).end(end + 4_000)

    assert [f for f in heard.findings if f.verdict == "page"] == []


def test_a_wrong_segment_is_named_while_the_whole_looks_fine() -> None:
    events, begin, end = quiet_then(3_000, Fault(wrong={"af": 0.5}, traced=0.5))

    heard = loan_drive().feed(events).end(end + 4_000)

    [page, *_] = [a for a in heard.alerts if a.labels["severity"] == "critical"]
    assert (page.labels["alertname"], page.labels["segment"], page.loud) == ("QualityDrop", "region=af", True)
    assert page.impact["whole_looks_fine"] is True
    assert abs(page.evidence["change_point_ms"] - begin - 3_000) <= 2_000, "labels mature after 3 s"
    assert page.evidence["n"] <= 100
    assert page.trace_ids
    assert all(len(trace) == 32 for trace in page.trace_ids)


def test_a_slow_segment_explains_the_whole() -> None:
    events, begin, end = quiet_then(1_500, Fault(slow={"asia": 4.0}))

    heard = loan_drive().feed(events).end(end + 1_000)

    [loud, *_] = [a for a in heard.alerts if a.loud]
    assert (loud.labels["alertname"], loud.labels["segment"]) == ("LatencyOverPromise", "region=asia")
    assert loud.at_ms <= begin + 1_000
    assert sum(a.loud for a in heard.alerts) == 1, "ten segments of one fault wake once"


def test_a_flag_is_told_with_its_actor_in_the_window_in_which_it_went_off() -> None:
    events = in_order([*traffic(1_000), flag(T0 + 1_500, "off", actor="ann", reason="too slow")])

    heard = loan_drive().feed(events).end(T0 + 3_000)

    [alert] = heard.alerts
    assert (alert.labels["alertname"], alert.labels["severity"]) == ("ModelSwitchedOff", "critical")
    assert alert.annotations["summary"] == "loan was switched off: flag 'loan-on' went to off by ann (too slow)."
    assert alert.caused_by == [
        {"kind": "flag", "key": "loan-on", "state": "off", "at_ms": T0 + 1_500, "actor": "ann", "reason": "too slow"}
    ]


def test_summaries_come_for_each_span_that_has_passed_and_hold_no_nan() -> None:
    heard = loan_drive().feed(traffic(2_000)).end(T0 + 8_000)

    assert [s.at_ms - T0 for s in heard.summaries] == [1_000 * (i + 1) for i in range(len(heard.summaries))]
    last = heard.summaries[-1]
    assert (last.state, last.owner, last.segments[:2]) == ("watching", "group:default/risk", ["whole", "other"])
    assert last.columns["predictions"][0] == 2_000
    assert all(len(column) == len(last.segments) for column in last.columns.values())
    assert all(value is None or value == value for column in last.columns.values() for value in column)


def test_a_command_finds_its_alert_and_is_dated_by_the_clock_of_the_events() -> None:
    events, _, end = quiet_then(1_000, Fault(slow={"asia": 4.0}), quiet=1_000)
    drive = loan_drive().feed(events)
    drive.end(end + 1_000)
    fired = drive.heard.alerts[0]

    drive.command(Command("ack", fired.id, "ann", "looking", at_ms=end))

    acknowledged = [a for a in drive.heard.alerts if a.state == "acknowledged"]
    assert [(a.id, a.actor, a.reason) for a in acknowledged] == [(fired.id, "ann", "looking")]
    assert acknowledged[0].at_ms >= fired.at_ms


def test_what_cannot_be_read_is_kept_with_its_place() -> None:
    events = traffic(50)
    bad = events[10]._replace(value=b"{", key=b"p-x")

    heard = loan_drive().feed([*events[:10], bad, *events[10:]]).end(T0 + 1_000)

    assert [(r.topic, r.key, r.value) for r in heard.dead] == [("dead-letters", b"p-x", b"{")]


def test_an_event_without_a_key_and_heartbeats_reach_all_tasks() -> None:
    drive = Drive([loan_applied()], Clockwork(window_ms=1_000, lateness_ms=500, tasks=3))

    drive.feed(traffic(300)).end(T0 + 5_000)

    assert {ingest.watermark for ingest in drive.ingests} == {T0 + 5_000}
    assert sum(ingest.models["prod/loan"].waiting.n for ingest in drive.ingests) == 300


def test_feeding_in_pieces_is_feeding_at_once() -> None:
    events, _, end = quiet_then(800, Fault(error=0.4), quiet=800)
    once, pieces = loan_drive(), loan_drive()

    once.feed(events).end(end + 4_000)
    for at in range(0, len(events), 700):
        pieces.feed(events[at : at + 700])
    pieces.end(end + 4_000)

    assert once.heard.findings
    assert [f.summary for f in pieces.heard.findings] == [f.summary for f in once.heard.findings]


def test_a_topic_of_which_nothing_comes_holds_no_window_open() -> None:
    """Of complaints that are expected, and not in the file: the same findings, and windows close as events go by."""
    events, _, end = quiet_then(3_000, Fault(wrong={"asia": 0.5}))
    applied = applied_of(heeding(), reference_to_json(heeding_reference()))
    told, waited = (Drive([applied], CLOCKWORK, come=come) for come in (("predictions", "outcomes"), READ))
    for drive in (told, waited):
        drive.feed(events)
    closed = [drive.ingests[0].closed_ms for drive in (told, waited)]

    found = [drive.end(end + 8_000).findings for drive in (told, waited)]

    assert closed[0] > end - 5_000 > closed[1] == -1
    assert found[0] == found[1] != []


def test_two_models_share_a_feed_and_only_the_faulty_one_speaks() -> None:
    second = loan_applied()
    second.contract["model"] = "car"
    events, _, end = quiet_then(1_000, Fault(slow={"asia": 5.0}), quiet=1_000)
    cars = [*traffic(2_000, model="car", seed=9)]

    heard = Drive([loan_applied(), second], CLOCKWORK).feed(in_order([*events, *cars])).end(end + 1_000)

    assert {f.model for f in heard.findings} == {"loan"}


def test_a_learning_model_judges_promises_and_exact_rules_only() -> None:
    text = LOAN.replace("by: [region, tier]", "by: [region, tier], always: [region=af]")
    promises = "{latency: {inference_p99: 80ms}, quality: {metric: accuracy, at_least: 0.8, in_every_segment: true}}"
    fault = Fault(wrong={"af": 0.6}, shift={"age": 30}, extra={"colour": "red"}, drop={"amount": 1.0})
    events, _, end = quiet_then(3_000, fault, quiet=1_000)

    heard = Drive([applied_of(contract_of(text, promises=promises))], CLOCKWORK).feed(events).end(end + 4_000)

    assert {(f.name, f.subject, f.segment) for f in heard.findings} == {
        ("InputVanished", "amount", "whole"), ("InputUnknown", "colour", "whole"), ("QualityDrop", "accuracy@late", "region=af"),
    }  # fmt: skip
    assert heard.summaries[-1].state == "learning"
