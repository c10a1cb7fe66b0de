from tests.traffic import LOAN, Fault, contract_of, loan_applied, loan_drive, loan_reference, quiet_then, rows_of

from anchorwatch.events import Applied
from anchorwatch.runtime.drive import Event, applied_of
from anchorwatch.stages.model_judge import JudgeSettings, ModelJudge
from anchorwatch.stages.pile import Pile
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.stages.reference.accepting import acceptable, accepted, with_accepted
from anchorwatch.stages.registry import Registry
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

ERROR, EARLY = "quality:error@late/whole", "quality:error@typical/whole"


def test_what_is_accepted_starts_from_0_and_what_else_is_open_goes_on() -> None:
    events, _, end = quiet_then(2_500, Fault(error=0.25))
    drive = loan_drive()
    drive.feed(events).end(end)
    judge = drive.judge.models["prod/loan"]
    assert judge.monitors.is_busy(ERROR)
    assert judge.monitors.is_busy(EARLY)

    drive.registry.apply(now_accepted(events, end))
    drive.end(end + 1_000)

    assert not judge.monitors.is_busy(ERROR)
    assert judge.monitors.evidence()[ERROR] < 0.001
    assert judge.monitors.is_busy(EARLY)


def now_accepted(events: list[Event], end: int) -> Applied:
    layout = Layout(contract_of(), loan_reference(), catalogue())
    rows, places = rows_of(contract_of(), events)
    made, _ = accepted(layout, acceptable(layout, ERROR), rows, places)
    reference = with_accepted(layout.contract, loan_reference(), {ERROR: made})
    return at(applied_of(layout.contract, reference_to_json(reference)), end)


def at(applied: Applied, ms: int) -> Applied:
    applied.effective_from_ms, applied.reason = ms, "checked"
    return applied


def test_an_alert_of_a_monitor_that_is_defined_otherwise_ends_and_says_why() -> None:
    events, _, end = quiet_then(2_500, Fault(slow={"eu": 8}))
    drive = loan_drive()
    drive.feed(events).end(end)
    looser = contract_of(LOAN.replace("inference_p99: 80ms", "inference_p99: 400ms"))

    drive.registry.apply(at(applied_of(looser, loan_applied().reference), end))
    drive.end(end + 2_000)

    ended = {(a.labels["subject"], a.reason) for a in drive.heard.alerts if a.state == "resolved"}
    assert ended == {("inference_p99", "no longer watched")}


def test_an_alert_on_a_segment_with_a_slash_in_its_name_outlives_a_change_that_does_not_concern_it() -> None:
    contract = contract_of(LOAN.replace("by: [region, tier]", "by: [region], always: [region=eu/west]"))
    registry = Registry(1_000)
    model = ModelJudge(registry.apply(applied_of(contract, None)), JudgeSettings("findings", "events", "state", 1, window_ms=1_000), 30.0)
    slow = Pile(model.layout)
    key = next(key for key in model.layout.counts if key.startswith("inference.over_p99"))
    model.layout.view(slow.flat, key)[model.layout.rows["region=eu/west"]] = [100, 100]
    opened = model.window((0, 1_000), slow, [], "watermark", 0).alerts
    other = applied_of(contract, None)
    other.contract["owner"]["team"] = "group:default/new"

    ended = model.change(registry.apply(other), 30.0)

    assert [a.labels["segment"] for a in opened] == ["region=eu/west"]
    assert ended == []
    assert [a.id for a in model.alerts.open()] == [opened[0].id]
