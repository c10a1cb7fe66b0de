"""A synthetic model for tests of whole programs: loans in four regions, its events, and what may go wrong with them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from anchorwatch import contract as contracts
from anchorwatch.events import FlagChange, Outcome, Prediction
from anchorwatch.runtime.drive import Event

T = 1_800_000_000_000  # the first event that is judged
CONTRACT = """
contract: 1
model: loans
task: binary
owner: {team: "group:default/risk"}
source: {flags: [loans-on]}
labels: {classes: ["no", "yes"], positive: "yes", delay: {typical: 2s, late: 3s, final: 30s}}
features:
  amount: {type: number}
  age: {type: number}
  job: {type: category}
segments: {by: [region, tier]}
promises: {alive: {silent_after: 20s}}
"""
LOANS = contracts.parse(CONTRACT, "loans.yaml")


@dataclass(frozen=True)
class Fault:
    """From `at_ms` on."""

    at_ms: int = 1 << 62
    renamed: bool = False  # `amount` comes as `Amount_EUR`
    retyped: bool = False  # `age` comes as text
    wrong_in: str = ""  # a region where four of ten answers are wrong


def events(n: int, begin_ms: int, seed: int = 1, fault: Fault | None = None, rate: int = 100) -> list[Event]:
    """n predictions at that many a second, each with its outcome half a second to 2.9 s later; in the order of time."""
    rng = random.Random(seed)
    found = [event for i in range(n) for event in _one(begin_ms + i * 1000 // rate, f"{begin_ms}-{i}", rng, fault or Fault())]
    return sorted(found, key=lambda event: (event.at_ms, event.role == "outcomes"))


def _one(at: int, id_: str, rng: random.Random, fault: Fault) -> Iterator[Event]:
    region = rng.choices(["eu", "us", "asia", "af"], [0.5, 0.3, 0.17, 0.03])[0]
    broken, truth = at >= fault.at_ms, rng.random() < 0.4
    wrong = rng.random() < (0.4 if broken and region == fault.wrong_in else 0.05)
    answer = truth != wrong
    features: dict[str, str | float | bool | None] = {"amount": rng.gauss(100, 20), "age": rng.gauss(40, 10), "job": rng.choice("abc")}
    if broken and fault.renamed:
        features["Amount_EUR"] = features.pop("amount")
    if broken and fault.retyped:
        features["age"] = f"{features['age']} years"
    score = min(max((0.8 if answer else 0.2) + rng.gauss(0, 0.05), 0.0), 1.0)
    trace = f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-01" if rng.random() < 0.05 else None
    prediction = Prediction(
        id_, "loans", "yes" if answer else "no", score, features=features, segments={"region": region, "tier": rng.choice(["gold", "free"])},
        predicted_at_ms=at, latency_ms=rng.lognormvariate(3, 0.3), traceparent=trace,
    )  # fmt: skip
    yield Event("predictions", at, id_.encode(), msgspec.json.encode(prediction))
    known = at + int(rng.uniform(500, 2900))
    outcome = Outcome(id_, "loans", "yes" if truth else "no", known_at_ms=known)
    yield Event("outcomes", known, id_.encode(), msgspec.json.encode(outcome))


def flag(at_ms: int, state: str) -> Event:
    change = FlagChange("loans-on", state, changed_at_ms=at_ms, actor="j.doe", reason="latency")
    return Event("flags", at_ms, b"prod/loans-on", msgspec.json.encode(change))


def lines(found: list[Event]) -> bytes:
    """As a file of JSON lines."""
    return b"".join(event.value + b"\n" for event in found)
