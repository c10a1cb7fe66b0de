"""What people do with the loan model's answers: decisions about `tests.traffic`, seeded, healthy or with one habit by argument.

events = decided(traffic(3_000), Habit(follow=0.9, bypass=True))
"""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from tests.traffic import CLOCKWORK, LOAN, T0, contract_of, in_order, learnt, traffic

from anchorwatch.contract import Contract
from anchorwatch.runtime.drive import Drive, Event, applied_of
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches.base import Reference

ACTIONS = {"yes": "grant", "no": "refuse"}
LENDING = LOAN + 'decisions: {"yes": grant, "no": refuse}\n'
DELAY_MS = 1_000  # of the slowest


@dataclass(frozen=True)
class Habit:
    """The defaults are health: 80 % of answers are followed, 5 % are never decided."""

    follow: float = 0.8
    silent: float = 0.05  # share of predictions that nobody decides
    reasons: Mapping[str, float] = field(default_factory=lambda: {"vip": 0.6, "limit": 0.4})  # of those not followed
    bypass: float | None = None  # share granted, whatever the model says
    of: Mapping[str, float] = field(default_factory=dict)  # region -> `follow` there
    early_ms: int = 0  # by how much decisions come before their prediction


USUAL = Habit()


def decided(events: Iterable[Event], habit: Habit = USUAL, seed: int = 1) -> list[Event]:
    """The same events with decisions among them, in the order of time."""
    rng, found = random.Random(seed), list(events)
    found += [_decision(rng, e, habit) for e in list(found) if e.role == "predictions" and rng.random() >= habit.silent]
    return in_order(found)


def _decision(rng: random.Random, event: Event, habit: Habit) -> Event:
    record = json.loads(event.value)
    advised = ACTIONS.get(record["prediction"] or "", "refuse")
    other = "grant" if advised == "refuse" else "refuse"
    follow = habit.of.get(record["segments"]["region"], habit.follow)
    action = advised if rng.random() < follow else other
    if habit.bypass is not None:
        action = "grant" if rng.random() < habit.bypass else "refuse"
    why = "" if action == advised else rng.choices(list(habit.reasons), list(habit.reasons.values()))[0]
    at = event.at_ms + rng.randint(100, DELAY_MS) - habit.early_ms
    return decision(at, record["prediction_id"], action, reason=why)


def decision(at_ms: int, pid: str, action: str, **more: object) -> Event:
    record = {"prediction_id": pid, "model": "loan", "action": action, "decided_at_ms": at_ms, **more}
    return Event("decisions", at_ms, pid.encode(), json.dumps(record).encode())


def lending(**replaced: str) -> Contract:
    return contract_of(LENDING, **replaced)


@cache
def lending_reference(n: int = 8_000) -> Reference:
    """Of n healthy predictions and what was done with them, learnt once a session."""
    return learnt(lending(), decided(traffic(n, start_ms=T0 - 3_600_000, seed=7)))


def lending_drive(contract: Contract | None = None, *, learning: bool = False) -> Drive:
    reference = None if learning else reference_to_json(lending_reference())
    return Drive([applied_of(contract or lending(), reference)], CLOCKWORK)
