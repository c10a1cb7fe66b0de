"""`accept`: what has stood in the topics since an alert's change becomes normal, for the monitors of that alert and no others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from anchorwatch import contract as contracts
from anchorwatch.alerting.signal import dedup_key
from anchorwatch.config import Settings
from anchorwatch.contract import Contract
from anchorwatch.errors import ConfigError, ContractError
from anchorwatch.events import Alert, Applied
from anchorwatch.runtime import apply
from anchorwatch.runtime.backtest import decoded, of_time
from anchorwatch.runtime.contracts import in_force
from anchorwatch.runtime.drive import Event
from anchorwatch.stages.evidence import DETECTOR
from anchorwatch.stages.reference import reference_from_json, reference_to_json
from anchorwatch.stages.reference.accepting import acceptable, accepted, age_ms, place_of, with_accepted
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Accepted, Monitor
from anchorwatch.watches.layout import Layout

Times = tuple[int, int]  # [from, to) in ms
Stood = Callable[[Contract, Times], list[Event]]  # predictions of that time, and every outcome of them


@dataclass(frozen=True)
class Moved:
    """One monitor, before and after."""

    alert: Alert
    before: Monitor
    after: Monitor
    normal: Accepted


@dataclass(frozen=True)
class Verdict:
    applied: Applied
    moved: list[Moved]
    refused: list[str]  # why other alerts of the same target stay as they are


def in_force_of(settings: Settings, alert: Alert) -> Applied:
    """Raises ConfigError: nothing was applied, or without a reference."""
    key = f"{alert.labels['environment']}/{alert.labels['model']}"
    found = in_force(settings).get(key)
    if found is None or found.reference is None:
        raise ConfigError(f"{key}: no reference of it was applied, so none can be moved; `anchorwatch apply` its contract first")
    return found


def accept(before: Applied, alerts: Sequence[Alert], said: Mapping[str, str], now_ms: int, stood: Stood) -> Verdict:
    """before: of the model whose alerts these are. said: actor and reason. Raises ContractError when none of them can be accepted."""
    contract, reference = contracts.from_json(before.contract, "contracts", owned=False), reference_from_json(before.reference or {})
    layout = Layout(contract, reference, catalogue())
    places = {name: i for i, name in enumerate(layout.features)}
    wanted, refused = _wanted(layout, alerts, now_ms)
    events = stood(contract, (min(begin for _, _, (begin, _) in wanted), now_ms)) if wanted else []
    moved = []
    for alert, monitor, times in wanted:
        try:
            normal, after = accepted(layout, monitor, decoded(contract.model, layout.features, of_time(events, *times)), places)
            moved.append(Moved(alert, monitor, after, normal))
        except ContractError as error:
            refused += error.problems
    if not moved:
        raise ContractError(refused)
    found = with_accepted(contract, reference, {place_of(layout, each.before): each.normal for each in moved})
    made = Applied(
        contract=before.contract, actor=said["actor"], reason=said["reason"], at_ms=now_ms, effective_from_ms=now_ms,
        reference=reference_to_json(found), learnt=before.learnt,
    )  # fmt: skip
    return Verdict(made, moved, refused)


def write(settings: Settings, verdict: Verdict) -> None:
    """Raises Unreachable, ConfigError."""
    apply.write(settings, [apply.record(settings, verdict.applied)])


def _wanted(layout: Layout, alerts: Sequence[Alert], now_ms: int) -> tuple[list[tuple[Alert, Monitor, Times]], list[str]]:
    """Alerts whose line can move, with [from, to) of the predictions that count; why the others cannot."""
    contract = layout.contract
    keys = {dedup_key(contract.environment, contract.model, m.watch, m.subject, m.segment): m.key for m in layout.monitors}
    found, refused = [], []
    for alert in alerts:
        labels, statistical = alert.labels, alert.evidence.get("detector") == DETECTOR
        named = f"{labels['watch']}:{labels['subject']}/{labels['segment']}"
        try:
            monitor = acceptable(layout, keys.get(alert.dedup_key, named) if statistical else named, statistical=statistical)
        except ContractError as error:
            refused += error.problems
            continue
        age, since = age_ms(layout, monitor), int(alert.evidence["change_point_ms"])
        found.append((alert, monitor, (max(since - age, 0), now_ms - age)))
    return found, refused
