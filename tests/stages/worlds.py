"""A loan model whose scores are honest chances, or off by a shift in log-odds; positives get their labels first."""

import math
import random
from functools import cache
from typing import Any

from tests.traffic import LOAN, T0, contract_of, in_order, learnt, outcome, prediction

from anchorwatch.events import Applied
from anchorwatch.runtime.drive import Event, applied_of
from anchorwatch.stages.reference import reference_to_json

SHORT = LOAN.replace("final: 30s", "final: 8s")


def scored_traffic(n: int, start_ms: int, seed: int, shift: float = 0.0, blurred: float = 0.0) -> list[Event]:
    """n predictions, 500 a second; at each score the odds of a positive are e^shift times what it says.

    blurred: share of scores that are told as any other of the same answer: no answer is wrong that was right, the order is lost.
    """
    rng = random.Random(f"{seed}/{start_ms}")
    events: list[Event] = []
    for i in range(n):
        at, pid = start_ms + 2 * i, f"{seed}-{start_ms}-{i}"
        score = round(min(max(rng.betavariate(1, 2), 0.001), 0.999), 4)
        truth = rng.random() < 1 / (1 + (1 - score) / score * math.exp(-shift))
        features = {"amount": round(rng.gauss(100, 20), 2), "age": round(rng.gauss(40, 10), 1), "job": rng.choice("abc")}
        if blurred and rng.random() < blurred:
            score = _of_same_answer(rng, score)
        record = {"prediction_id": pid, "model": "loan", "prediction": "yes" if score > 0.5 else "no", "score": score, "features": features}
        events.append(prediction(at, **record, predicted_at_ms=at, segments={"region": "eu", "tier": "gold"}))
        known = at + (rng.randint(100, 800) if truth else rng.randint(1_500, 2_900))
        events.append(outcome(known, prediction_id=pid, model="loan", label="yes" if truth else "no", known_at_ms=known))
    return in_order(events)


def _of_same_answer(rng: random.Random, score: float) -> float:
    while True:
        other = round(rng.betavariate(1, 2), 4)
        if (other > 0.5) == (score > 0.5):
            return other


@cache
def scored_applied(*, reference: bool = True, text: str = SHORT) -> Applied:
    contract = contract_of(text)
    return applied_of(contract, reference_to_json(learnt(contract, scored_traffic(8_000, T0 - 3_600_000, 7))) if reference else None)


HIDDEN = LOAN.replace("delay: {typical: 2s, late: 3s, final: 30s}}", "delay: {typical: 2s, late: 3s, final: 8s},")
HIDDEN = HIDDEN.replace("final: 8s},", "final: 8s}, hidden_when: {prediction: 'yes'}, explored: {arm: baseline, share: 0.2}}")


def hidden_traffic(
    n: int, start_ms: int, seed: int, *, wrong_no: float = 0.05, wrong_yes: float = 0.2, explored: float = 0.2
) -> list[Event]:
    """n predictions, 500 a second, two fifths of them `yes`, whose truth shows only for the share that is explored (arm `baseline`)."""
    rng = random.Random(f"{seed}/{start_ms}/hidden")
    events: list[Event] = []
    for i in range(n):
        at, pid, answer = start_ms + 2 * i, f"{seed}-{start_ms}-{i}", rng.random() < 0.4
        truth = answer ^ (rng.random() < (wrong_yes if answer else wrong_no))
        let_through = answer and rng.random() < explored
        record: dict[str, Any] = {"prediction_id": pid, "model": "loan", "prediction": "yes" if answer else "no", "predicted_at_ms": at}
        record |= {"arm": "baseline", "propensity": explored} if let_through else {}
        features = {"amount": round(rng.gauss(100, 20), 2), "age": round(rng.gauss(40, 10), 1), "job": rng.choice("abc")}
        events.append(prediction(at, **record, features=features, segments={"region": "eu", "tier": "gold"}))
        if not answer or let_through:
            known = at + rng.randint(500, 2_900)
            events.append(outcome(known, prediction_id=pid, model="loan", label="yes" if truth else "no", known_at_ms=known))
    return in_order(events)


@cache
def hidden_applied(text: str = HIDDEN) -> Applied:
    contract = contract_of(text)
    return applied_of(contract, reference_to_json(learnt(contract, hidden_traffic(8_000, T0 - 3_600_000, 7))))
