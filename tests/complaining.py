"""Who complains of the loan model's answers: complaints about `tests.traffic`, seeded.

events = complained(traffic(3_000), Mood(share=0.1))
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

SOURCE = "{flags: [loan-on], complaints: {}}"
DELAY_MS = 1_000  # of the slowest


@dataclass(frozen=True)
class Mood:
    """The defaults are health: one answer in fifty draws a complaint."""

    share: float = 0.02
    kinds: Mapping[str, float] = field(default_factory=lambda: {"ticket": 0.6, "churn": 0.4})
    of: Mapping[str, float] = field(default_factory=dict)  # region -> `share` there
    early_ms: int = 0  # by how much complaints come before their prediction


USUAL = Mood()


def complained(events: Iterable[Event], mood: Mood = USUAL, seed: int = 1) -> list[Event]:
    """The same events with complaints among them, in the order of time."""
    rng, found = random.Random(seed), list(events)
    for event in [e for e in found if e.role == "predictions"]:
        record = json.loads(event.value)
        if rng.random() < mood.of.get(record["segments"]["region"], mood.share):
            at = event.at_ms + rng.randint(100, DELAY_MS) - mood.early_ms
            found.append(complaint(at, record["prediction_id"], rng.choices(list(mood.kinds), list(mood.kinds.values()))[0]))
    return in_order(found)


def complaint(at_ms: int, pid: str, kind: str = "ticket", **more: object) -> Event:
    record = {"prediction_id": pid, "model": "loan", "kind": kind, "complained_at_ms": at_ms, **more}
    return Event("complaints", at_ms, pid.encode(), json.dumps(record).encode())


def heeding(**replaced: str) -> Contract:
    """The loan contract, of which it is said where complaints come from."""
    return contract_of(LOAN, **{"source": SOURCE, **replaced})


@cache
def heeding_reference(n: int = 8_000) -> Reference:
    """Of n healthy predictions and the complaints about them, learnt once a session."""
    return learnt(heeding(), complained(traffic(n, start_ms=T0 - 3_600_000, seed=7)))


def heeding_drive(contract: Contract | None = None, *, learning: bool = False) -> Drive:
    reference = None if learning else reference_to_json(heeding_reference())
    return Drive([applied_of(contract or heeding(), reference)], CLOCKWORK)
