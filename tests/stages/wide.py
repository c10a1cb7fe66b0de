"""A model of thirty features, one of whose ranges may be where it is wrong; its reference, and both stages in windows of a second."""

import random
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.traffic import CLOCKWORK, T0, contract_of, in_order, learnt, outcome, prediction

from anchorwatch.contract import Contract
from anchorwatch.events import Applied
from anchorwatch.runtime.drive import Clockwork, Event, applied_of
from anchorwatch.stages.reference import reference_to_json

FIELDS = 30
RATE = 500
CLOCK: Clockwork = CLOCKWORK
NUMBERS = "".join(f"  n{i:02}: {{type: number}}\n" for i in range(FIELDS - 2))
WIDE = f"""\
contract: 1
model: wide
task: binary
owner: {{team: group:default/risk}}
labels: {{classes: ["no", "yes"], positive: "yes", delay: {{typical: 2s, late: 3s, final: 30s}}}}
features:
{NUMBERS}  job: {{type: category}}
  card: {{type: category, private: true}}
segments: {{discover: 10}}
promises: {{alive: {{silent_after: 1h}}}}
"""
NARROW = "".join(line for line in WIDE.splitlines(keepends=True) if not line.startswith("  n") or line < "  n09")  # ten fields with cells
Wrong = Callable[[dict[str, Any]], float]  # features -> chance of a wrong answer


def even(features: dict[str, Any]) -> float:
    return 0.1


def high_n07(features: dict[str, Any]) -> float:
    """Twice the error in the upper sixth of one feature."""
    return 0.2 if features["n07"] > 1.0 else 0.1


def high_n07_of_b(features: dict[str, Any]) -> float:
    """Four times the error in an eighth of one feature, of a quarter by another: the eighth as such has .175, the quarter .1375."""
    return 0.4 if features["n07"] > 1.15 and features["job"] == "b" else 0.1


def wide_traffic(n: int, *, start_ms: int = T0, seed: int = 1, wrong: Wrong = even) -> list[Event]:
    """n predictions, RATE a second, each with its outcome within 2.9 s."""
    rng = random.Random(f"{seed}/{start_ms}")
    events: list[Event] = []
    for i in range(n):
        at, pid = start_ms + i * 1000 // RATE, f"{seed}-{start_ms}-{i}"
        features: dict[str, Any] = {f"n{j:02}": round(rng.gauss(0, 1), 3) for j in range(FIELDS - 2)}
        features |= {"job": rng.choice("abcd"), "card": rng.choice("xyz")}
        truth = rng.random() < 0.4
        answer = truth ^ (rng.random() < wrong(features))
        score = round(0.8 if answer else 0.2, 4)
        record = {"prediction_id": pid, "model": "wide", "prediction": "yes" if answer else "no", "score": score}
        events.append(prediction(at, **record, predicted_at_ms=at, features=features))
        known = at + rng.randint(500, 2_900)
        events.append(outcome(known, prediction_id=pid, model="wide", label="yes" if truth else "no", known_at_ms=known))
    return in_order(events)


@cache
def wide_applied(text: str = WIDE) -> Applied:
    contract: Contract = contract_of(text)
    return applied_of(contract, reference_to_json(learnt(contract, wide_traffic(4_000, start_ms=T0 - 3_600_000, seed=7))))
