"""Seeded native events of a loan model, healthy or with one fault by argument; and the reference that is learnt from them.

    events = traffic(5_000, start_ms=T0, seed=3, slow={"asia": 4})
    heard = loan_drive().feed(events).end(T0 + 30_000)

Time is an argument, randomness is seeded: the same call gives the same bytes.
"""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from anchorwatch import contract as contracts
from anchorwatch.contract import READ, Contract
from anchorwatch.events import Applied, FlagChange
from anchorwatch.runtime import formats
from anchorwatch.runtime.drive import Clockwork, Drive, Event, applied_of
from anchorwatch.sources.native import as_map
from anchorwatch.stages.reference import Rows, learn, reference_to_json, with_features
from anchorwatch.watches.base import Reference

T0 = 1_800_000_000_000  # 2027-01-15T08:00:00Z, a window boundary
LATE_MS = 3_000  # when labels of the loan model are complete

LOAN = """\
contract: 1
model: loan
task: binary
owner: {team: group:default/risk}
labels: {classes: ["no", "yes"], positive: "yes", delay: {typical: 2s, late: 3s, final: 30s}}
features:
  amount: {type: number}
  age: {type: number}
  job: {type: category}
source: {flags: [loan-on]}
segments: {by: [region, tier]}
promises: {latency: {inference_p99: 80ms}, alive: {silent_after: 5s}}
"""


@dataclass(frozen=True)
class Fault:
    """What is wrong, each alone or together; the defaults are health."""

    error: float = 0.05  # share of wrong answers
    wrong: Mapping[str, float] = field(default_factory=dict)  # region -> share of wrong answers there
    slow: Mapping[str, float] = field(default_factory=dict)  # region -> factor on latency
    failed: float = 0.0  # share of calls that end with status 503, without an answer
    mix: Mapping[str, float] = field(default_factory=lambda: {"eu": 0.5, "us": 0.3, "asia": 0.15, "af": 0.05})  # region -> weight
    positive: float = 0.4  # share of true `yes`
    rename: Mapping[str, str] = field(default_factory=dict)  # feature -> new name
    drop: Mapping[str, float] = field(default_factory=dict)  # feature -> share of records without it
    retyped: Mapping[str, Any] = field(default_factory=dict)  # feature -> value of another type, in every record
    extra: Mapping[str, Any] = field(default_factory=dict)  # feature nobody knows -> its value
    shift: Mapping[str, float] = field(default_factory=dict)  # number -> added to it, in its own units
    logits: bool = False  # scores of -6..6 in place of 0..1
    duplicates: float = 0.0  # share of predictions that come again, 100 ms later, unchanged
    labelled: float = 1.0  # share of predictions whose outcome comes
    late: float = 0.0  # share of outcomes that come after `late`
    revised: float = 0.0  # share of outcomes that are followed by a revision with the other label
    proxies: float = 0.0  # share of predictions with a proxy label besides, always `yes`
    traced: float = 0.05  # share of predictions whose producer sampled their trace
    reason: str = ""  # flag.reason of every prediction
    version: str = ""  # model_version
    arm: str = ""  # arm of a twin of every prediction, under the same id


HEALTHY = Fault()


def traffic(
    n: int, *, start_ms: int = T0, rate: float = 500, seed: int = 1, model: str = "loan", fault: Fault = HEALTHY, name: str = ""
) -> list[Event]:
    """n predictions and their outcomes in the order of event time; `rate` a second. name: begins every id, so that ids of two calls differ."""
    rng = random.Random(f"{seed}/{start_ms}/{model}")
    events: list[Event] = []
    for i in range(n):
        at = start_ms + int(i * 1000 / rate)
        events += _one(rng, f"{name or seed}-{start_ms}-{i}", at, model, fault)
    return in_order(events)


def in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: event.at_ms)


def _one(rng: random.Random, pid: str, at: int, model: str, fault: Fault) -> list[Event]:
    region = rng.choices(list(fault.mix), list(fault.mix.values()))[0]
    truth = rng.random() < fault.positive
    answer = truth ^ (rng.random() < fault.wrong.get(region, fault.error))
    record: dict[str, Any] = {
        "prediction_id": pid, "model": model, "prediction": "yes" if answer else "no", "score": _score(rng, answer, fault.logits),
        "predicted_at_ms": at, "latency_ms": round(rng.lognormvariate(3, 0.3) * fault.slow.get(region, 1.0), 3),
        "features": _features(rng, fault), "segments": {"region": region, "tier": rng.choice(["gold", "free"])},
    }  # fmt: skip
    if rng.random() < fault.traced:
        record["traceparent"] = f"00-{rng.getrandbits(128) | 1:032x}-{rng.getrandbits(64) | 1:016x}-01"
    if rng.random() < fault.failed:
        record |= {"status": 503, "prediction": None, "score": None}
    if fault.reason:
        record["flag"] = {"key": "loan-on", "reason": fault.reason}
    if fault.version:
        record["model_version"] = fault.version
    found = [prediction(at, **record)]
    if rng.random() < fault.duplicates:
        found.append(prediction(at, **record)._replace(at_ms=at + 100))
    if fault.arm:
        found.append(prediction(at, **{**record, "arm": fault.arm, "prediction": "no"}))
    return found + _outcomes(rng, pid, at, model, truth, fault)


def _outcomes(rng: random.Random, pid: str, at: int, model: str, truth: bool, fault: Fault) -> list[Event]:
    label, found = ("yes" if truth else "no"), []
    if rng.random() < fault.labelled:
        delay = rng.randint(500, LATE_MS - 100) if rng.random() >= fault.late else rng.randint(LATE_MS + 5_000, LATE_MS + 8_000)
        found.append(outcome(at + delay, prediction_id=pid, model=model, label=label, known_at_ms=at + delay))
        if rng.random() < fault.revised:
            other, known = ("no" if truth else "yes"), at + delay + 50
            found.append(outcome(known, prediction_id=pid, model=model, label=other, known_at_ms=known, revision=1))
    if rng.random() < fault.proxies:
        found.append(outcome(at + 200, prediction_id=pid, model=model, label="yes", known_at_ms=at + 200, kind="proxy"))
    return found


def _score(rng: random.Random, answer: bool, logits: bool) -> float:
    if logits:
        return round(rng.uniform(-6, 6), 4)
    return round(min(max((0.8 if answer else 0.2) + rng.gauss(0, 0.05), 0), 1), 4)


def _features(rng: random.Random, fault: Fault) -> dict[str, Any]:
    features: dict[str, Any] = {"amount": round(rng.gauss(100, 20), 2), "age": round(rng.gauss(40, 10), 1), "job": rng.choice("abc")}
    for name, by in fault.shift.items():
        features[name] += by
    features |= fault.retyped
    for old, new in fault.rename.items():
        features[new] = features.pop(old)
    for name, share in fault.drop.items():
        if rng.random() < share:
            features.pop(name)
    return {**features, **fault.extra}


def prediction(at_ms: int, **record: Any) -> Event:
    return Event("predictions", at_ms, record["prediction_id"].encode(), json.dumps(record, ensure_ascii=False).encode())


def outcome(at_ms: int, **record: Any) -> Event:
    return Event("outcomes", at_ms, record["prediction_id"].encode(), json.dumps(record, ensure_ascii=False).encode())


def flag(at_ms: int, state: str, key: str = "loan-on", **changes: Any) -> Event:
    change = {"key": key, "state": state, "changed_at_ms": at_ms, **changes}
    return Event("flags", at_ms, f"prod/{key}".encode(), json.dumps(change).encode())


def flag_change(at_ms: int, state: str, key: str = "loan-on", **changes: Any) -> FlagChange:
    return FlagChange(key=key, state=state, changed_at_ms=at_ms, **changes)


# contract and reference


def contract_of(text: str = LOAN, **replaced: str) -> Contract:
    """replaced: a top-level key -> its new value as YAML; "" leaves the key out."""
    lines, skipping = [], False
    for line in text.splitlines():
        if not line.startswith(" "):
            skipping = line.partition(":")[0] in replaced
        if not skipping:
            lines.append(line)
    lines += [f"{key}: {value}" for key, value in replaced.items() if value]
    return contracts.parse("\n".join(lines) + "\n", "contracts/test.yaml")


def rows_of(contract: Contract, events: Sequence[Event]) -> tuple[Rows, dict[str, int]]:
    """Events decoded as `apply` would decode them, and the place of each feature."""
    raw = {role: [(e.key, e.value, i, e.at_ms) for i, e in enumerate(events) if e.role == role] for role in READ}
    predictions = raw["predictions"]
    declared = with_features(contract, [as_map(row[1] or b"") for row in predictions[:2_000]])
    shapes = [(contract.model, {name: f.type for name, f in declared.features.items()})]
    p, *later = [formats.make(role, shapes, contract.model).decode(rows) for role, rows in raw.items()]
    raws = [row[1] or b"" for row in (predictions if p.rows is None else [predictions[i] for i in p.rows])]
    rows = Rows(p.records, p.at_ms, p.latency_ms, raws, *(column for told in later for column in (told.records, told.at_ms)))
    return rows, {name: i for i, name in enumerate(shapes[0][1])}


def learnt(contract: Contract, events: Sequence[Event]) -> Reference:
    rows, places = rows_of(contract, events)
    return learn(contract, rows, as_map, places)


@cache
def loan_reference(text: str = LOAN, n: int = 8_000) -> Reference:
    """Of n healthy predictions, learnt once a session."""
    return learnt(contracts.parse(text, "contracts/loan.yaml"), traffic(n, start_ms=T0 - 3_600_000, seed=7))


def loan_applied(text: str = LOAN) -> Applied:
    return applied_of(contracts.parse(text, "contracts/loan.yaml"), reference_to_json(loan_reference(text)))


CLOCKWORK = Clockwork(window_ms=1_000, lateness_ms=500, summary_ms=1_000, recent_ms=15_000)


def loan_drive(applied: Applied | None = None, clockwork: Clockwork = CLOCKWORK) -> Drive:
    """Both stages with the loan model and its reference, in windows of a second."""
    return Drive([applied or loan_applied()], clockwork)


def quiet_then(n: int, fault: Fault, *, seed: int = 2, quiet: int = 3_000, rate: float = 500) -> tuple[list[Event], int, int]:
    """`quiet` healthy predictions, then n with the fault -> events, when the fault begins, when it ends (ms)."""
    begin = T0 + int(quiet * 1000 / rate)
    events = traffic(quiet, seed=seed, rate=rate) + traffic(n, start_ms=begin, seed=seed + 1, rate=rate, fault=fault)
    return in_order(events), begin, begin + int(n * 1000 / rate)


def edited(events: Iterable[Event], edit: Callable[[dict[str, Any]], dict[str, Any]], role: str = "predictions") -> list[Event]:
    """The same events with the records of one role changed."""
    return [e._replace(value=json.dumps(edit(json.loads(e.value))).encode()) if e.role == role else e for e in events]
