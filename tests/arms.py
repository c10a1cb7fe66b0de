"""Answers of other arms beside `tests.traffic`: a random part that gets `no`, and a shadow under the model's ids."""

import json
import random
from collections.abc import Iterable

from tests.traffic import LOAN, contract_of, in_order

from anchorwatch.contract import Contract
from anchorwatch.runtime.drive import Event

SLICED = LOAN.replace(
    "delay: {typical: 2s, late: 3s, final: 30s}}", "delay: {typical: 2s, late: 3s, final: 30s}, explored: {arm: baseline, share: 0.2}}"
)
NOTHING = 'baseline: {nothing: "no"}\n'


def sliced(**replaced: str) -> Contract:
    return contract_of(SLICED + NOTHING, **replaced)


def with_slice(events: Iterable[Event], share: float = 0.2, seed: int = 1) -> list[Event]:
    """Of that share of predictions the answer is `no`, as arm `baseline`."""
    rng, found = random.Random(seed), []
    for event in events:
        if event.role == "predictions" and rng.random() < share:
            record = {**json.loads(event.value), "arm": "baseline", "prediction": "no"}
            found.append(event._replace(value=json.dumps(record).encode()))
        else:
            found.append(event)
    return found


def with_shadow(events: Iterable[Event], right: float, seed: int = 1, later_ms: int = 50) -> list[Event]:
    """Each prediction is answered by a shadow as well, rightly in that share of cases."""
    rng, found = random.Random(seed), list(events)
    truth = {e.key: json.loads(e.value)["label"] for e in found if e.role == "outcomes"}
    for event in list(found):
        if event.role == "predictions":
            told = truth.get(event.key, "no")
            answer = told if rng.random() < right else "no" if told == "yes" else "yes"
            at = event.at_ms + later_ms
            record = {**json.loads(event.value), "arm": "shadow", "prediction": answer, "predicted_at_ms": at}
            found.append(event._replace(at_ms=at, value=json.dumps(record).encode()))
    return in_order(found)
