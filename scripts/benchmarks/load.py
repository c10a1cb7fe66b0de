"""The load of the benchmark: one binary model with 12 features, three segment dimensions and their pairs; every prediction gets its outcome.

Made from a seed, as JSON text of about 500 bytes as a Python service writes it; the same rows go to every contender.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import confluent_kafka as ck
import msgspec
from scripts.benchmarks.shape import CATEGORIES, NUMBERS

from anchorwatch import contract
from anchorwatch.engine.topics import create, standard
from anchorwatch.events import Applied, Row, Rows
from anchorwatch.runtime import formats
from anchorwatch.runtime.drive import Event, applied_of
from anchorwatch.sources.native import as_map
from anchorwatch.stages import reference as references

MODEL = "fraud"
PARTITIONS = 4
RATE = 5_000  # predictions a second of event time
AGO_MS = 120_000  # the last prediction was made so long before the run: all windows close, all labels mature, no model counts as silent
REFERENCE_ROWS = 20_000
COUNTRIES = ("DE", "FR", "IT", "ES", "PL", "NL", "BE", "AT")
DRAWN = 20_000  # predictions whose random parts differ; more of them begin anew, with ids and times of their own
CONTRACT = f"""
contract: 1
model: {MODEL}
task: binary
owner: {{team: "group:default/risk"}}
labels: {{classes: [pass, block], positive: block, delay: {{typical: 10s, late: 20s, final: 60s}}}}
features: {{{", ".join([f"{n}: {{type: number}}" for n in NUMBERS] + [f"{n}: {{type: category}}" for n in CATEGORIES])}}}
segments: {{by: [country, tier, channel, [country, tier], [country, channel], [tier, channel]]}}
promises: {{latency: {{inference_p99: 300ms}}, alive: {{silent_after: 5m}}}}
"""


class Drawn(NamedTuple):
    """The random parts of a prediction and of its outcome."""

    body: dict[str, Any]
    label: str
    delay_ms: int


@dataclass
class Load:
    """What was made, in the order of time."""

    events: list[Event]
    applied: Applied
    predictions: int
    bytes: dict[str, float] = field(default_factory=dict)  # mean of a record's value, by role

    def rows(self, role: str) -> Rows:
        """One partition's worth of all, for runs without Kafka."""
        mine = [event for event in self.events if event.role == role]
        return Rows.of([(event.key, event.value, offset, event.at_ms) for offset, event in enumerate(mine)])


def make(predictions: int, now_ms: int, seed: int = 1, countries: Sequence[str] = COUNTRIES, reference_rows: int = REFERENCE_ROWS) -> Load:
    """countries: a name that stands there more often is more frequent; where many do, no two predictions share their random parts."""
    rng = random.Random(seed)
    wanted = max(predictions, reference_rows)
    drawn = [draw(rng, countries) for _ in range(wanted if len(countries) > DRAWN else min(DRAWN, wanted))]
    begin = now_ms - AGO_MS - predictions * 1000 // RATE
    before = list(pairs(reference_rows, begin - 3_600_000, drawn))
    events = sorted(pairs(predictions, begin, drawn), key=lambda event: event.at_ms)
    applied = applied_of(contract.parse(CONTRACT, "benchmark"), reference(before))
    sizes: dict[str, float] = {}
    for role in ("predictions", "outcomes"):
        sizes[role] = sum(len(event.value) for event in events if event.role == role) / predictions
    return Load(events, applied, predictions, sizes)


def draw(rng: random.Random, countries: Sequence[str] = COUNTRIES) -> Drawn:
    label = rng.choice(["pass", "block"])
    answer = label if rng.random() < 0.95 else rng.choice(["pass", "block"])
    sampled = "01" if rng.random() < 0.01 else "00"
    categories = (rng.choice("abcdefgh"), rng.choice(["web", "app"]))
    body = {
        "prediction": answer,
        "score": round(rng.random(), 4),
        "latency_ms": round(rng.expovariate(1 / 30), 2),
        "features": {name: round(rng.gauss(0, 100), 3) for name in NUMBERS} | dict(zip(CATEGORIES, categories, strict=True)),
        "segments": {
            "country": rng.choice(countries),
            "tier": rng.choice(["gold", "free"]),
            "channel": rng.choice("ab"),
        },
        "traceparent": f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-{sampled}",
    }
    return Drawn(body, label, rng.randrange(1_000, 9_000))


def pairs(n: int, begin_ms: int, drawn: list[Drawn], rate: int = RATE) -> Iterator[Event]:
    """n predictions at that many a second, each followed by its outcome."""
    for i in range(n):
        body, label, delay_ms = drawn[i % len(drawn)]
        at = begin_ms + i * 1000 // rate
        name = f"p-{begin_ms}-{i:010d}"
        prediction = {"prediction_id": name, "model": MODEL, "model_version": "4", "predicted_at_ms": at, **body}
        yield Event("predictions", at, name.encode(), json.dumps(prediction).encode())
        known = at + delay_ms
        outcome = {"prediction_id": name, "model": MODEL, "label": label, "known_at_ms": known}
        yield Event("outcomes", known, name.encode(), json.dumps(outcome).encode())


def reference(events: Sequence[Event]) -> dict[str, Any]:
    """What `apply` would learn from these rows."""
    declared = contract.parse(CONTRACT, "benchmark")
    shapes = [(MODEL, {name: feature.type for name, feature in declared.features.items()})]
    rows: dict[str, list[Row]] = {"predictions": [], "outcomes": []}
    for event in events:
        rows[event.role].append((event.key, event.value, len(rows[event.role]), event.at_ms))
    made = formats.make("predictions", shapes, MODEL).decode(rows["predictions"])
    known = formats.make("outcomes", shapes, MODEL).decode(rows["outcomes"])
    raws = [row[1] or b"" for row in rows["predictions"]]
    given = references.Rows(made.records, made.at_ms, made.latency_ms, raws, known.records, known.at_ms)
    return references.reference_to_json(references.learn(declared, given, as_map, {name: i for i, name in enumerate(declared.features)}))


def lay_out(kafka: dict[str, Any], prefix: str) -> None:
    """All topics of an installation of its own, four partitions each."""
    create(kafka, standard(prefix, PARTITIONS, PARTITIONS, PARTITIONS, feeds={"default": PARTITIONS}, replication=1))


def apply(kafka: dict[str, Any], prefix: str, load: Load) -> None:
    put(kafka, prefix, [load.applied])


def put(kafka: dict[str, Any], prefix: str, applied: Iterable[Applied]) -> None:
    """Contracts and references into `contracts`, as `anchorwatch apply` writes them."""
    out = ck.Producer({**kafka, "enable.idempotence": True, "log_level": 3})
    for each in applied:
        out.produce(
            f"{prefix}contracts", msgspec.json.encode(each), f"{each.contract.get('environment', 'prod')}/{each.contract['model']}".encode()
        )
    assert out.flush(30) == 0, "Kafka did not take the contracts within 30 s"


class Gate:
    """The load, written in one transaction: readers of committed records wait before it, and see all of it at the commit."""

    def __init__(self, kafka: dict[str, Any], prefix: str, load: Load, codec: str = "lz4") -> None:
        settings = {"linger.ms": 50, "batch.size": 1_000_000, "compression.type": codec, "partitioner": "murmur2_random", "log_level": 3}
        limits = {"queue.buffering.max.messages": 2_000_000, "queue.buffering.max.kbytes": 1_000_000}
        self.out = ck.Producer({**kafka, **settings, **limits, "transactional.id": f"{prefix}load", "transaction.timeout.ms": 300_000})
        self.out.init_transactions(60)
        self.prefix, self.load = prefix, load

    def fill(self) -> None:
        self.out.begin_transaction()
        for n, event in enumerate(self.load.events):
            self.out.produce(self.prefix + event.role, event.value, event.key)
            if n % 1_000 == 0:
                self.out.poll(0)
        assert self.out.flush(120) == 0, "Kafka did not take the load within 120 s"

    def open(self) -> None:
        self.out.commit_transaction(60)
