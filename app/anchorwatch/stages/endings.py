"""Alerts that end with a change of contract: nothing watches them any more, or a person called what they tell normal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from anchorwatch.alerting.signal import dedup_key
from anchorwatch.events import Alert, Command
from anchorwatch.watches.base import WHOLE
from anchorwatch.watches.layout import Layout

if TYPE_CHECKING:
    from anchorwatch.stages.model_judge import ModelJudge


def others(judge: "ModelJudge", monitors: Iterable[str]) -> list[Alert]:
    """Alerts end of monitors that go on no more (their definition changed, or there is none), and of rules that hold nothing."""
    contract, going_on = judge.version.contract, set(monitors)
    kept = [m for m in judge.layout.monitors if m.key in going_on]  # a key is not taken apart: names of segments may hold its signs
    parts = [(m.watch, m.subject, m.segment) for m in (*kept, *judge.slices.busy())]
    parts += [(rule.watch, subject, WHOLE) for rule in judge.rules for subject in rule.holds()]
    parts += judge.advice.holds()
    watched = {dedup_key(contract.environment, contract.model, *part) for part in parts}
    return judge.alerts.keep_only(watched, max(judge.to_ms, 0))


def accepted(judge: "ModelJudge", before: Layout) -> list[Alert]:
    """Of monitors that have a normal of their own now: M and W start at 0, and their alerts end by the name of who said so."""
    contract, applied, at = judge.version.contract, judge.version.applied, max(judge.to_ms, 0)
    fresh = _fresh(before, judge.layout)
    both = {m.key: m for m in (*before.monitors, *judge.layout.monitors) if judge.layout.normal_of(m) in fresh} if fresh else {}
    judge.monitors.reset(sorted(both))
    told: list[Alert] = []
    for monitor in both.values():
        target = dedup_key(contract.environment, contract.model, monitor.watch, monitor.subject, monitor.segment)
        told += judge.alerts.command(Command("accept", target, applied.actor, applied.reason, at), at)
    return told


def _fresh(before: Layout, now: Layout) -> set[str]:
    old, new = before.reference, now.reference
    known = {key: (each.from_ms, each.to_ms, each.rows) for key, each in (old.accepted if old else {}).items()}
    return {key for key, each in (new.accepted if new else {}).items() if known.get(key) != (each.from_ms, each.to_ms, each.rows)}
