"""Field cases C11 to C25: time, the log, judgement, alerts. Those that are tested elsewhere stand in cases.py."""

import json
import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.field_cases.cases import Record, assert_strict_json, heard, plain, spelt_as, with_features, world
from tests.traffic import (
    CLOCKWORK,
    LOAN,
    T0,
    Fault,
    edited,
    flag,
    loan_applied,
    loan_drive,
    quiet_then,
    traffic,
)

from anchorwatch.events import Summary
from anchorwatch.runtime.drive import Drive, Event, Heard

# --- time -----------------------------------------------------------------------------------------------------------------------


def test_c11_one_instant_however_it_is_written() -> None:
    def text(i: int, ms: int) -> str:
        at = datetime.fromtimestamp(ms / 1000, UTC)
        base, milli = at.strftime("%Y-%m-%dT%H:%M:%S"), f"{ms % 1000:03d}"
        return [f"{base}.{milli}Z", f"{base}.{milli}000000Z", f"{base}.{milli}+00:00", f"{base}.{milli}z".replace("T", "t")][i % 4]

    def edit(record: Record) -> Record:
        return {**record, "predicted_at_ms": text(sum(record["prediction_id"].encode()), record["predicted_at_ms"])}

    events, _, end = quiet_then(500, Fault(slow={"asia": 6}), quiet=500)

    assert plain(heard(edited(events, edit), end + 3_000).findings) == plain(heard(events, end + 3_000).findings)


def test_c12_a_time_without_a_zone_is_noted_and_the_record_timestamp_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    events, _, end = quiet_then(500, Fault(slow={"asia": 6}), quiet=500)
    without = edited(events, lambda r: {**r, "predicted_at_ms": "2026-11-22 09:12:00"})
    found = []
    for zone in ("Asia/Shanghai", "UTC"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        found.append(heard(without, end + 3_000))
    monkeypatch.delenv("TZ")
    time.tzset()

    assert plain(found[0].findings) == plain(found[1].findings) == plain(heard(events, end + 3_000).findings)


def test_c14_partitions_that_stay_empty_hold_nothing_back() -> None:
    """P = 24, one busy; the wall's clock is tested in tests/stages/test_judge.py."""
    events = [e for e in traffic(2_000) if e.key[-1] == ord("7")]
    drive = Drive([loan_applied()], replace(CLOCKWORK, tasks=24))

    found = heard(events, T0 + 20_000, drive)

    assert [a.labels["alertname"] for a in found.alerts] == ["ModelDark"]
    assert found.alerts[0].at_ms <= T0 + 4_000 + 5_000 + 1_000


# --- the log --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_ms", [7_500, 40_000], ids=["before final", "after final"])
def test_c16_a_day_that_arrives_twice_is_counted_once(after_ms: int) -> None:
    """Copies keep their own event times: before `final` they are duplicates, after it they are late. Half have another score."""
    events = traffic(2_000)
    later = traffic(500, start_ms=T0 + after_ms + 4_000, seed=5)
    rng = random.Random(3)
    copies = [e._replace(at_ms=e.at_ms + after_ms) for e in events]
    copies = edited(copies, lambda r: {**r, "score": 0.5} if rng.random() < 0.5 else r)
    shuffled = random.Random(4).sample(copies, len(copies))
    times = sorted(e.at_ms for e in copies)
    copies = [e._replace(at_ms=at) for e, at in zip(shuffled, times, strict=True)]
    end = T0 + after_ms + 12_000

    drive, control = loan_drive(), loan_drive()
    found, usual = heard([*events, *copies, *later], end, drive), heard([*events, *later], end, control)

    cells = [d.judge.models["prod/loan"].recent.confusions() for d in (drive, control)]
    assert plain(found.findings) == plain(usual.findings)
    assert counted(found)["volume"] == counted(usual)["volume"]
    assert cells[0] is not None
    assert cells[1] is not None
    assert cells[0].tolist() == cells[1].tolist()


def counted(found: Heard) -> dict[str, Any]:
    last: Summary = found.summaries[-1]
    return {"volume": last.columns["predictions"], "quality": last.columns["quality"]}


# --- judgement ------------------------------------------------------------------------------------------------------------------


def test_c18_a_constant_that_becomes_another_is_heard_and_others_stay_quiet() -> None:
    text = LOAN.replace("job: {", "one: {type: number}\n  zero: {type: category}\n  nil: {type: number}\n  job: {")
    constant = {"one": 1.0, "zero": "0", "nil": None}
    drive = world(text, with_features(traffic(1_500, start_ms=T0 - 3_600_000), **constant))
    before = with_features(traffic(1_000), **constant)
    after = with_features(traffic(500, start_ms=T0 + 2_000, seed=5), one=2.0, zero="1", nil=7.0)

    found = heard([*before, *after], T0 + 5_000, drive)

    first = [f for f in found.findings if f.watch == "inputs" and f.segment == "whole"]
    assert {(f.name, f.subject) for f in first} == {
        ("InputOutOfRange", "one.range"),
        ("InputShifted", "zero"),
        ("InputMissing", "nil.missing"),
    }
    assert {f.window[1] for f in first} == {T0 + 3_000}
    assert_strict_json(found)


def test_c18_features_nobody_declared_may_be_constant_or_null() -> None:
    text = LOAN.replace("features:\n  amount: {type: number}\n  age: {type: number}\n  job: {type: category}\n", "")
    constant = {"one": 1.0, "zero": "0", "nil": None, "on": True}
    drive = world(text, with_features(traffic(1_000, start_ms=T0 - 3_600_000), **constant))

    found = heard(with_features(traffic(1_000), **constant), T0 + 5_000, drive)

    assert plain(found.findings) == []


def test_c19_only_one_class_gives_no_number_and_no_page() -> None:
    text = LOAN.replace("promises: {", "promises: {quality: {metric: f1, at_least: 0.8, in_every_segment: true}, ")
    one = Fault(positive=0, error=0)
    drive = world(text, traffic(2_000, start_ms=T0 - 3_600_000, fault=one))
    few = traffic(3_000, start_ms=T0 + 2_000, seed=4, fault=Fault(positive=0.001, error=0))

    found = heard([*traffic(1_000, fault=one), *few], T0 + 12_000, drive)

    during = next(s for s in found.summaries if (s.columns["labels"][0] or 0) > 200)
    assert (during.columns["quality"][0], during.reasons["metric"]) == (None, "f1")
    assert [f for f in found.findings if f.verdict == "page" and f.watch == "quality"] == []


def test_c19_where_one_class_is_left_nothing_is_said_of_the_order_of_scores_nor_by_the_first_of_the_other() -> None:
    one = traffic(2_000, fault=Fault(positive=0, error=0))
    few = traffic(1_500, start_ms=T0 + 4_000, seed=4, fault=Fault(positive=0.002, error=0))

    found = heard([*one, *few], T0 + 12_000)

    assert [f for f in found.findings if f.subject == "auc@late"] == []
    assert all("auc" not in s.reasons for s in found.summaries if s.at_ms < T0 + 6_000), "one class has no order"


def test_c20_one_error_of_one_event_never_pages() -> None:
    """A segment with two events in twelve seconds, both wrong."""
    few = edited(
        traffic(2, rate=1, seed=8, fault=Fault(error=1.0)), lambda r: spelt_as(r, **dict.fromkeys(("eu", "us", "asia", "af"), "af"))
    )

    found = heard([*traffic(2_000, fault=Fault(mix={"eu": 1.0})), *few])

    assert [f for f in found.findings if f.segment == "region=af" and f.verdict == "page"] == []


def test_c20_a_page_shows_n_and_an_interval() -> None:
    events, _, end = quiet_then(1_000, Fault(error=0.4), quiet=1_000)

    page = next(a for a in heard(events, end + 4_000).alerts if a.labels["severity"] == "critical")

    low, high = page.evidence["interval"]
    assert page.evidence["n"] > 30
    assert low < page.evidence["current"] < high


# --- alerts, flags, traces, output ----------------------------------------------------------------------------------------------


def test_c23_predictions_that_cease_while_outcomes_flow_are_dark_without_any_flag_change() -> None:
    found = heard(traffic(1_000), T0 + 12_000)

    [dark] = found.alerts
    assert dark.labels["alertname"] == "ModelDark"
    assert "without any flag change" in dark.annotations["summary"]
    assert dark.caused_by == []


def test_c23_evaluations_that_all_end_in_an_error_are_heard_without_inventing_an_actor() -> None:
    """The provider is down; there is no change event."""
    before = traffic(1_000, fault=Fault(reason="targeting_match"))
    down = traffic(1_000, start_ms=T0 + 2_000, seed=5, fault=Fault(reason="error"))
    after = traffic(1_000, start_ms=T0 + 4_000, seed=6, fault=Fault(reason="targeting_match"))

    found = heard([*before, *down, *after], T0 + 8_000)

    assert [(f.name, f.subject, f.verdict, f.since_ms - T0) for f in found.findings] == [
        ("ModelSwitchedOff", "evaluations", "exact", 2_000), ("ModelSwitchedOff", "evaluations", "quiet", 2_000),
    ]  # fmt: skip
    assert "end in 'error', without any flag change" in found.alerts[0].annotations["summary"]
    assert found.alerts[0].caused_by == []


PODS = {"eu": "pod-0", "us": "pod-1", "asia": "pod-2", "af": "pod-3"}
QUARTERS = dict.fromkeys(PODS, 0.25)


def of_pods(second: int, reason: str, *fallen: str) -> list[Event]:
    """A second of 1,000 predictions of four pods; the evaluations of the fallen ones end in `reason`."""

    def edit(record: Record) -> Record:
        pod = record["segments"]["region"] = PODS[record["segments"]["region"]]
        return {**record, "flag": {"key": "loan-on", "reason": reason if pod in fallen else "targeting_match"}}

    return edited(traffic(1_000, start_ms=T0 + 1_000 * second, seed=second, rate=1_000, fault=Fault(mix=QUARTERS)), edit)


@pytest.mark.parametrize("reason", ["default", "error", "ERROR"])
def test_c23_nobody_switched_it_off_and_each_step_is_heard_and_the_pod_is_named(reason: str) -> None:
    """First one pod of four falls back, then all, then predictions cease while outcomes flow. There is no change event, and none is invented."""
    well = [event for second in range(3) for event in of_pods(second, reason)]
    one = [event for second in range(3, 6) for event in of_pods(second, reason, "pod-3")]
    every = [event for second in range(6, 8) for event in of_pods(second, reason, *PODS.values())]

    found = heard([*well, *one, *every], T0 + 20_000, world(LOAN, well))

    news = [a for a in found.alerts if a.labels["watch"] == "alive" and (a.sequence == 1 or a.state == "resolved")]
    told = [(a.labels["alertname"], a.labels["severity"], a.state, a.labels["subject"]) for a in news]
    assert told == [
        ("ModelSwitchedOff", "warning", "firing", "evaluations in part"),
        ("ModelSwitchedOff", "critical", "firing", "evaluations"),
        ("ModelSwitchedOff", "warning", "resolved", "evaluations in part"),
        ("ModelDark", "critical", "firing", "silence"),
    ]
    first = next(a for a in found.alerts if a.labels["subject"] == "evaluations in part")
    assert (
        f"of its flag evaluations end in {reason.lower()!r}, all those of region=pod-3, without any flag change"
        in first.annotations["summary"]
    )
    causes = [cause for a in news for cause in a.caused_by]
    assert {cause["kind"] for cause in causes} == {"finding"}  # the first of the incident
    assert not any("actor" in cause for cause in causes)


def test_c23_a_model_whose_evaluations_always_end_in_the_default_is_not_switched_off() -> None:
    found = heard(traffic(1_000, fault=Fault(reason="default")), T0 + 4_000)

    assert found.findings == []


def test_c24_trace_ids_have_32_digits_everywhere_and_zeros_are_ignored() -> None:
    def traced(record: Record) -> Record:
        last = record["prediction_id"][-1]
        trace = {"0": "0" * 32, "1": "0000b6e1a2c34d5f60718293a4b5c6d7"}.get(last, f"{hash_of(record['prediction_id']):032x}")
        return {**record, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}

    events, _, end = quiet_then(500, Fault(slow={"asia": 8}), quiet=500)
    found = heard(edited(events, traced), end + 2_000)

    ids = [trace for a in found.alerts for trace in a.trace_ids]
    assert ids
    assert all(len(trace) == 32 and int(trace, 16) for trace in ids)


def hash_of(text: str) -> int:
    return int.from_bytes(text.encode()[-16:], "big") | 1


def test_c25_all_that_we_write_is_strict_json() -> None:
    """No labels, an empty segment, zero variance, a name with markup and U+2028."""
    name = "</script>\u2028\u2029"
    text = LOAN.replace("job: {", f"{json.dumps(name)}: {{type: number}}\n  job: {{").replace(
        "promises: {", "promises: {quality: {metric: recall, at_least: 0.9, in_every_segment: true}, "
    )
    quiet = with_features(traffic(1_000, start_ms=T0 - 3_600_000, fault=Fault(labelled=0)), **{name: 5.0})
    drive = world(text, quiet)
    after = with_features(traffic(1_000, fault=Fault(labelled=0, failed=0.2)), **{name: 6.0})

    found = heard([*after, flag(T0 + 1_000, "off", reason=name)], T0 + 12_000, drive)

    assert {f.subject for f in found.findings} > {f"{name}.range"}
    assert_strict_json(found)
    last = found.summaries[-1]
    assert last.columns["quality"][0] is None
    assert last.reasons["quality"] == "waiting for labels"
