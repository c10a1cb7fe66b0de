"""`accept`, from an alert to another line: driven in-process, the topics in place of Kafka's are lists of events."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from tests.runtime.installation import CONTRACT, Installation
from tests.traffic import CLOCKWORK, LOAN, T0, Fault, learnt, loan_applied, loan_drive, quiet_then, traffic

from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import Signal
from anchorwatch.cli import launch
from anchorwatch.contract import Contract, parse
from anchorwatch.errors import ContractError
from anchorwatch.events import Alert, Applied
from anchorwatch.runtime.accept import Times, Verdict, accept
from anchorwatch.runtime.drive import Drive, Event, applied_of
from anchorwatch.stages.evidence import DETECTOR
from anchorwatch.stages.reference import reference_from_json, reference_to_json

WORSE, WORST = Fault(error=0.25), Fault(error=0.6)
SAID = {"actor": "ann", "reason": "new product"}


def standing(events: Sequence[Event]) -> Any:
    """What stood in the topics: predictions of that time, every outcome of them."""

    def stood(_: Contract, times: Times) -> list[Event]:
        ids = {e.key for e in events if e.role == "predictions" and times[0] <= e.at_ms < times[1]}
        return [e for e in events if e.key in ids]

    return stood


def heard_worse(applied: Applied | None = None) -> tuple[Drive, list[Event], int, dict[str, Alert]]:
    """A loan model whose error rises, the events so far, now, and the last state of its alerts by `<subject>/<segment>`."""
    events, _, end = quiet_then(5_000, WORSE)
    drive = loan_drive(applied)
    drive.feed(events).end(end)
    alerts = {f"{a.labels['subject']}/{a.labels['segment']}": a for a in drive.heard.alerts if a.labels["watch"] == "quality"}
    return drive, events, end, alerts


def accepted(alerts: Sequence[Alert], events: list[Event], end: int, before: Applied | None = None) -> Verdict:
    return accept(before or loan_applied(), alerts, SAID, end, standing(events))


def test_the_present_becomes_normal_for_that_monitor_and_the_news_of_it_alone() -> None:
    drive, events, end, alerts = heard_worse()
    known = {m.key: m for m in drive.judge.models["prod/loan"].layout.monitors}

    found = accepted([alerts["error@late/whole"]], events, end)
    drive.registry.apply(found.applied)
    drive.feed(traffic(6_000, start_ms=end, seed=9, fault=WORSE)).end(end + 12_000)

    [moved] = found.moved
    now = {m.key: m for m in drive.judge.models["prod/loan"].layout.monitors}
    changed = {key for key, monitor in now.items() if (monitor.line, monitor.reference) != (known[key].line, known[key].reference)}
    assert changed == {"quality:error@late/whole", "quality:lower.error@late/whole"}
    assert moved.before.reference == pytest.approx(0.05, abs=0.01)
    assert moved.after.reference == pytest.approx(0.25, abs=0.02)
    told = [a for a in drive.heard.alerts if a.id == alerts["error@late/whole"].id]
    assert (told[-1].state, told[-1].reason, told[-1].actor) == ("resolved", "accepted as normal: new product", "ann")


def test_what_is_worse_than_the_accepted_present_pages_again() -> None:
    drive, events, end, alerts = heard_worse()
    drive.registry.apply(accepted([alerts["error@late/whole"]], events, end).applied)

    drive.feed(traffic(4_000, start_ms=end, seed=9, fault=WORST)).end(end + 8_000)

    told = [f for f in drive.heard.findings if (f.subject, f.segment, f.verdict) == ("error@late", "whole", "page") and f.window[0] >= end]
    assert [f.reference for f in told] == [pytest.approx(0.25, abs=0.02)]


def heard_better(text: str = LOAN, usual: float = 0.2, now: float = 0.08) -> tuple[Drive, Applied, list[Event], int, Alert]:
    """A loan model whose error fell, what was applied, the events so far, now, and the news of the whole."""
    contract = parse(text, "contracts/loan.yaml")
    known = learnt(contract, traffic(8_000, start_ms=T0 - 3_600_000, seed=7, fault=Fault(error=usual)))
    applied = applied_of(contract, reference_to_json(known))
    begin = T0 + 4_000
    events = [*traffic(2_000, seed=2, fault=Fault(error=usual)), *traffic(5_000, start_ms=begin, seed=3, fault=Fault(error=now))]
    drive = loan_drive(applied)
    drive.feed(sorted(events, key=lambda event: event.at_ms)).end(begin + 10_000)
    news = [a for a in drive.heard.alerts if (a.labels["subject"], a.labels["segment"]) == ("lower.error@late", "whole")]
    return drive, applied, events, begin + 10_000, news[-1]


def test_who_accepts_that_it_got_better_hears_a_return_to_the_old_level_as_a_page() -> None:
    drive, applied, events, end, news = heard_better()
    found = accepted([news], events, end, applied)
    drive.registry.apply(found.applied)

    drive.feed(traffic(4_000, start_ms=end, seed=9, fault=Fault(error=0.2))).end(end + 11_000)

    assert reference_from_json(found.applied.reference or {}).accepted.keys() == {"quality:error@late/whole"}
    ended = [a for a in drive.heard.alerts if a.id == news.id][-1]
    assert (ended.state, ended.reason) == ("resolved", "accepted as normal: new product")
    told = [f for f in drive.heard.findings if (f.subject, f.segment, f.verdict) == ("error@late", "whole", "page")]
    assert [f.reference for f in told] == [pytest.approx(0.08, abs=0.02)], "by the first reference 20 % were usual"


def test_news_of_a_promised_error_is_accepted_and_the_promise_stays() -> None:
    promise = "promises: {quality: {metric: error, at_most: 0.25}, "
    drive, applied, events, end, news = heard_better(LOAN.replace("promises: {", promise))

    found = accepted([news], events, end, applied)
    drive.registry.apply(found.applied)
    drive.end(end + 2_000)

    assert reference_from_json(found.applied.reference or {}).accepted.keys() == {"quality:lower.error@late/whole"}
    lines = {m.key: m for m in drive.judge.models["prod/loan"].layout.monitors}
    assert lines["quality:error@late/whole"].line == pytest.approx(0.25)
    assert lines["quality:lower.error@late/whole"].reference == pytest.approx(0.08, abs=0.02)


def test_where_no_error_is_left_the_line_that_hears_a_return_moves_and_the_news_ends() -> None:
    drive, applied, events, end, news = heard_better(usual=0.05, now=0.002)

    found = accepted([news], events, end, applied)
    drive.registry.apply(found.applied)
    drive.end(end + 2_000)

    [moved] = found.moved
    assert (moved.before.key, moved.after.key) == ("quality:lower.error@late/whole", "quality:error@late/whole")
    keys = {m.key for m in drive.judge.models["prod/loan"].layout.monitors}
    assert "quality:lower.error@late/whole" not in keys
    assert [a.state for a in drive.heard.alerts if a.id == news.id][-1] == "resolved"


def test_an_incident_is_accepted_as_far_as_its_lines_can_move() -> None:
    """A promise, and the monitors of the reference beside it."""
    text = LOAN.replace("promises: {", "promises: {quality: {metric: f1, at_least: 0.9}, ")
    _, events, end, alerts = heard_worse(loan_applied(text))

    found = accepted([*alerts.values()], events, end, loan_applied(text))

    assert {m.before.subject for m in found.moved} == {"error@late", "error@typical", "auc@late"}
    assert [text for text in found.refused if "auc@late" not in text] == [  # a region holds too few labels for an order of its own
        "quality:f1@late/whole: its line is a promise of the contract, which accept never moves; change the promise, then apply"
    ]
    with pytest.raises(ContractError, match="which accept never moves"):
        accepted([alerts["f1@late/whole"]], events, end, loan_applied(text))


def test_too_few_events_since_the_change_are_no_reference() -> None:
    _, events, end, alerts = heard_worse()
    alert = alerts["error@late/whole"]
    late = int(alert.evidence["change_point_ms"]) - 3_000
    few = [e for e in events if e.role == "outcomes" or e.at_ms < late + 500]

    with pytest.raises(ContractError, match=r"quality:error@late/whole: only 2\d\d events .* 300 are needed; wait for more"):
        accepted([alert], few, end)


def test_exact_rules_have_no_line() -> None:
    drive = loan_drive()
    drive.feed(traffic(3_000)).feed(traffic(3_000, start_ms=T0 + 6_000, seed=5, fault=Fault(extra={"colour": "red"}))).end(T0 + 12_000)
    [alert] = {a.id: a for a in drive.heard.alerts if a.labels["alertname"] == "InputUnknown"}.values()

    with pytest.raises(ContractError, match="inputs:colour/whole: an exact rule, or advice: it has no line"):
        accepted([alert], [], T0 + 12_000)


def test_accepted_twice_the_newer_present_counts() -> None:
    drive, events, end, alerts = heard_worse()
    first = accepted([alerts["error@late/whole"]], events, end)
    more = traffic(4_000, start_ms=end, seed=9, fault=WORST)
    drive.registry.apply(first.applied)
    drive.feed(more).end(end + 8_000)
    again = next(a for a in reversed(drive.heard.alerts) if a.labels["subject"] == "error@late" and a.labels["segment"] == "whole")

    second = accepted([again], [*events, *more], end + 8_000, first.applied)

    assert second.applied.reference is not None
    [(_, normal)] = reference_from_json(second.applied.reference).accepted.items()
    assert normal.from_ms > end - 4_000
    assert second.moved[0].before.reference == pytest.approx(0.25, abs=0.02)
    assert second.moved[0].after.reference == pytest.approx(0.6, abs=0.03)


def test_a_restart_keeps_what_was_accepted() -> None:
    """The reference travels as JSON; the judge that reads it anew draws the same lines."""
    _, events, end, alerts = heard_worse()
    found = accepted([*alerts.values()], events, end)
    assert found.applied.reference is not None

    twice = loan_drive(found.applied, CLOCKWORK), loan_drive(found.applied, CLOCKWORK)
    lines = [[(m.key, m.line) for m in drive.registry.latest()[0].layout.monitors] for drive in twice]

    assert lines[0] == lines[1]
    assert {m.before.key: m.after.line for m in found.moved}.items() <= dict(lines[0]).items()


@pytest.mark.kafka
def test_what_stands_in_the_topics_is_accepted_and_a_model_is_retired(
    installation: Callable[..., Installation], capsys: pytest.CaptureFixture[str]
) -> None:
    there = installation()
    there.create()
    contract, now = parse(CONTRACT, "fraud.yaml"), time.time_ns() // 1_000_000
    normal = reference_to_json(learnt(contract, traffic_of_fraud(now - 3_600_000)))
    there.write("contracts", b"prod/fraud", msgspec.json.encode(applied_of(contract, normal)))
    there.feed(0, 700)
    alert = an_alert(now - 60_000)
    there.write("alerts.state", alert.dedup_key.encode(), msgspec.json.encode(alert))
    asked = ["--settings", str(there.folder / "anchorwatch.yaml"), "--reason", "new product", "--actor", "ann"]

    time_of_labels(now)
    assert launch(["alerts", "accept", alert.id[:8], *asked]) == 0
    assert "quality:error@late/whole: usually 0, now 0.1; line 0." in capsys.readouterr().out
    assert launch(["alerts", "accept", "prod/fraud", *asked]) == 2
    assert launch(["retire", "fraud", *asked]) == 0
    assert launch(["retire", "fruad", *asked]) == 2

    written = there.told_json("contracts")[-1]
    assert (written["actor"], written["reason"], list(written["reference"]["accepted"])) == (
        "ann",
        "new product",
        ["quality:error@late/whole"],
    )
    [change] = there.told_json("flags")
    assert (change["state"], change["models"], change["announced"]) == ("off", ["fraud"], True)


def time_of_labels(now: int) -> None:
    """Until predictions are `late` old: five seconds after they were made."""
    while time.time_ns() // 1_000_000 < now + 6_000:
        time.sleep(0.1)


def an_alert(since_ms: int) -> Alert:
    found = ModelAlerts("prod", "fraud", {"team": "group:default/risk-ml"})
    evidence = {"detector": DETECTOR, "change_point_ms": since_ms}
    begun: dict[str, Any] = {"since_ms": since_ms, "onset": (since_ms, since_ms), "evidence": evidence}
    signal = Signal("quality", "error@late", "whole", "page", "QualityDrop", "critical", True, "90 % are right.", **begun)
    return found.window((since_ms, since_ms + 1_000), [signal], {}, since_ms)[0]


def traffic_of_fraud(begin_ms: int) -> list[Event]:
    """400 predictions in five minutes, all right."""
    events = []
    for i in range(400):
        at, about = begin_ms + 750 * i, {"prediction_id": f"r-{i}", "model": "fraud"}
        answer = "block" if i % 4 == 0 else "pass"
        said = {
            **about,
            "prediction": answer,
            "score": 0.9 if answer == "block" else 0.1,
            "predicted_at_ms": at,
            "features": {"amount": i % 50},
        }
        events.append(Event("predictions", at, b"", msgspec.json.encode(said)))
        events.append(Event("outcomes", at + 500, b"", msgspec.json.encode({**about, "label": answer, "known_at_ms": at + 500})))
    return [e._replace(key=msgspec.json.decode(e.value)["prediction_id"].encode()) for e in events]
