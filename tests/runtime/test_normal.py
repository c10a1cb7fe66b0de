"""What stood in the topics, read once for many models."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.foreign.registry import serving
from tests.runtime.installation import CONTRACT, Installation

from anchorwatch.config import Settings, load
from anchorwatch.contract import Contract, parse
from anchorwatch.errors import ConfigError, TopicsMismatch, Unreachable
from anchorwatch.events import Alert
from anchorwatch.runtime import normal, past, schemas
from anchorwatch.stages.reference import reference_from_json

NOW = 1_795_341_180_000
DAY = CONTRACT + "reference: {last: 1d, lag: 0m}\n"


def contract(text: str = CONTRACT) -> Contract:
    return parse(text, "fraud.yaml")


def of(model: str) -> Contract:
    return contract(DAY.replace("model: fraud", f"model: {model}"))


def soon_ms() -> int:
    return time.time_ns() // 1_000_000 + 10_000


def test_the_window_is_named_or_the_last_days() -> None:
    assert normal.window(contract(CONTRACT + "reference: {window: [2026-09-01, 2026-09-02]}\n"), NOW) == (
        1_788_220_800_000,
        1_788_307_200_000,
    )
    assert normal.window(contract(CONTRACT + "reference: {last: 2h, lag: 1h}\n"), NOW) == (NOW - 10_800_000, NOW - 3_600_000)


@pytest.fixture
def two_models(installation: Callable[..., Installation]) -> Settings:
    """400 predictions of fraud and 1,000 of churn, each with its outcome, on the same topics."""
    there = installation()
    there.create()
    there.feed(0, 400)
    there.feed(400, 1_000, model="churn")
    return load(there.folder / "anchorwatch.yaml", {})


def test_the_topics_are_the_reference_of_all_models_in_one_pass(two_models: Settings) -> None:
    said: list[str] = []

    found = normal.from_topics(two_models, [of("fraud"), of("churn"), of("quiet")], soon_ms(), said.append)

    fraud, churn, quiet = (found[f"prod/{name}"] for name in ("fraud", "churn", "quiet"))
    assert [(each.reference["rows"], each.reference["labelled"]) for each in (fraud, churn) if each.reference] == [
        (400, 400),
        (1_000, 1_000),
    ]
    assert fraud.origin.endswith(f"of {two_models.topic('predictions')}")
    assert (quiet.reference, quiet.origin.startswith("only 0 predictions")) == (None, True)
    read = [int(word.partition(" ")[0].replace(",", "")) for word in said if word.endswith("are read")]
    assert (read, read[-1]) == (sorted(read), 2_800), "each record once, for however many models"
    assert said[-1] == "what is normal is known for 3 of 3 models"


def test_complaints_are_learnt_where_no_decisions_are_expected(installation: Callable[..., Installation]) -> None:
    """Of every fifth prediction, a second later; the topic of decisions is not read."""
    there = installation()
    there.create()
    there.feed(0, 500)
    out = Producer({**there.kafka, "partitioner": "murmur2_random"})
    for i in range(0, 500, 5):
        told = {"prediction_id": f"o-{i}", "model": "fraud", "kind": "ticket" if i % 2 else "churn", "complained_at_ms": soon_ms() - 9_000}
        out.produce(f"{there.prefix}complaints", json.dumps(told).encode(), f"o-{i}".encode())
    assert out.flush(30) == 0
    few = contract(DAY + "promises: {impact: {complaints_at_most: 0.3}}\n")

    found = normal.from_topics(load(there.folder / "anchorwatch.yaml", {}), [few], soon_ms())["prod/fraud"]

    assert found.reference
    known = reference_from_json(found.reference)
    assert (known.kinds, known.reasons, known.decided_s) == (("churn", "ticket"), (), (0.0, 0.0))
    assert 0 < known.complained_s[0] < 60


def test_what_came_under_an_open_alert_is_not_normal(two_models: Settings) -> None:
    """Told long before, and never resolved: of fraud alone."""
    labels = {
        "environment": "prod",
        "model": "fraud",
        "watch": "quality",
        "subject": "error@late",
        "segment": "whole",
        "severity": "critical",
    }
    told = Alert(
        labels=labels, annotations={}, startsAt="2026-01-01T00:00:00Z", endsAt=None, generatorURL="", id="a", dedup_key="", state="firing",
        sequence=1, opened_at_ms=0, at_ms=0, incident="", owner={}, evidence={}, impact={}, caused_by=[], trace_ids=[],
    )  # fmt: skip
    producer = Producer(dict(two_models.kafka))
    producer.produce(two_models.topic("alerts.state"), msgspec.json.encode(told), b"key")
    assert producer.flush(30) == 0

    found = normal.from_topics(two_models, [of("fraud"), of("churn")], soon_ms())

    assert found["prod/fraud"].reference is None
    assert found["prod/fraud"].origin.endswith("; without 400 predictions under an alert that is open still, 300 are needed")
    assert found["prod/churn"].reference is not None


def test_what_does_not_fit_at_once_is_read_for_half_of_the_models(two_models: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normal, "ROWS_MAX", 1_200)
    found = normal.from_topics(two_models, [of("fraud"), of("churn")], soon_ms())
    monkeypatch.setattr(normal, "ROWS_MAX", 600)

    assert [each.reference["rows"] for each in found.values() if each.reference] == [400, 1_000]
    with pytest.raises(ConfigError, match=r"reference window of prod/churn holds more than 600 predictions; write a shorter"):
        normal.from_topics(two_models, [of("fraud"), of("churn")], soon_ms())


def test_siblings_of_its_own_topics_and_of_others_are_counted_in_the_steps_of_windows(installation: Callable[..., Installation]) -> None:
    """Predictions of other models, outcomes of all, and 500 records of a topic with five partitions that no feed reads."""
    there = installation()
    there.create()
    there.topic("paid", 5)
    there.feed(0, 400)
    there.feed(400, 1_000, model="churn")
    producer = Producer(there.kafka)
    for i in range(500):
        producer.produce(f"{there.prefix}paid", b"\x00 of any format", partition=i % 5)
    assert producer.flush(30) == 0
    settings, names = load(there.folder / "anchorwatch.yaml", {}), [f"{there.prefix}{name}" for name in ("predictions", "outcomes", "paid")]
    beside = contract(f"{DAY}promises: {{alive: {{siblings: [{', '.join(names)}]}}}}\n")

    events, _ = normal.stood(settings, beside, (0, soon_ms()))
    sums = {name: sum(int(e.value) for e in events if e.role == "siblings" and e.key == name.encode()) for name in names}
    [found] = normal.from_topics(settings, [beside], soon_ms()).values()

    assert list(sums.values()) == [1_000, 1_400, 500]
    assert all(event.at_ms % settings.window == 0 for event in events if event.role == "siblings")
    assert found.reference is not None
    known = reference_from_json(found.reference)
    [counted] = [counts[0] for key, counts in known.counts.items() if key.startswith("siblings.share")]
    assert counted.tolist() == [400, 0]  # ours came all in one moment, theirs in the step that began before it
    with pytest.raises(TopicsMismatch, match="gone"):
        normal.stood(settings, contract(f"{DAY}promises: {{alive: {{siblings: [{there.prefix}gone]}}}}\n"), (0, soon_ms()))


KSERVE = """
contract: 1
model: scoring
task: binary
owner: {team: group:default/risk-ml}
source:
  predictions: {topic: PREFIXscoring, format: kserve, keyed: false}
  outcomes: {topic: PREFIXtruth, fields: {prediction_id: event}}
labels: {classes: [pass, block], positive: block, delay: {typical: 1s, late: 5s, final: 1m}}
reference: {last: 1d, lag: 0m}
"""


def test_halves_meet_although_they_lie_on_different_partitions(installation: Callable[..., Installation]) -> None:
    """All requests on one partition and all responses on the other, ten times `pair_within` of them: read one after the other none would meet."""
    there = installation("")
    there.topic("scoring", 2)
    there.topic("truth", 1)
    out, begin = Producer(there.kafka), time.time_ns() // 1_000_000 - 100_000
    for i in range(1_000):
        at = begin + 100 * i
        for side, partition, payload in (("request", 0, {"amount": i}), ("response", 1, "block" if i % 4 else "pass")):
            about = {
                "id": f"e-{i}",
                "type": f"org.kubeflow.serving.inference.{side}",
                "time": f"{datetime.fromtimestamp(at / 1000, UTC):%FT%T.%fZ}",
            }
            headers: list[tuple[str, str | bytes | None]] = [(f"ce_{name}", text.encode()) for name, text in about.items()]
            out.produce(f"{there.prefix}scoring", json.dumps(payload).encode(), headers=headers, partition=partition, timestamp=at)
        out.produce(
            f"{there.prefix}truth", json.dumps({"event": f"e-{i}", "label": "pass"}).encode(), f"e-{i}".encode(), timestamp=at + 500
        )
    assert out.flush(30) == 0
    narrow = KSERVE.replace("PREFIX", there.prefix).replace("source:", "source:\n  pair_within: 10s")

    found = normal.from_topics(load(there.folder / "anchorwatch.yaml", {}), [contract(narrow)], soon_ms())["prod/scoring"]

    assert found.reference
    assert (found.reference["rows"], found.reference["labelled"]) == (1_000, 1_000)


AVRO = """
contract: 1
model: lending
task: binary
owner: {team: group:default/risk-ml}
source:
  predictions: {topic: PREFIXscored, format: json, fields: {prediction_id: app, prediction: verdict, predicted_at_ms: at}}
  outcomes: {topic: PREFIXsettled, format: json, fields: {prediction_id: app, label: verdict}}
labels: {classes: [pass, block], positive: block, delay: {typical: 1s, late: 5s, final: 1m}}
reference: {last: 1d, lag: 0m}
"""


def write_avro(there: Installation, url: str, n: int) -> Contract:
    """Each tenth answer is wrong; every 50th record is none of Avro."""
    there.topic("scored", 2)
    there.topic("settled", 2)
    time_type = {"type": "long", "logicalType": "timestamp-millis"}
    fields = [{"name": "app", "type": "long"}, {"name": "verdict", "type": "string"}, {"name": "at", "type": time_type}]
    serialise = AvroSerializer(
        SchemaRegistryClient({"url": url}), json.dumps({"type": "record", "name": "Scored", "fields": fields}), lambda each, _: each
    )
    out, now_ms = Producer({**there.kafka, "partitioner": "murmur2_random"}), time.time_ns() // 1_000_000
    for i in range(n):
        at = now_ms - 100 * (n - i)
        for topic, verdict in (("scored", "block" if i % 4 == 0 else "pass"), ("settled", "block" if i % 4 == 0 and i % 10 else "pass")):
            value = serialise({"app": i, "verdict": verdict, "at": at}, SerializationContext(topic, MessageField.VALUE))
            out.produce(f"{there.prefix}{topic}", b"broken" if topic == "scored" and i % 50 == 49 else value, b"%d" % i, timestamp=at)
    assert out.flush(30) == 0
    return contract(AVRO.replace("PREFIX", there.prefix))


def test_what_is_normal_and_what_would_have_been_heard_are_read_by_the_registry(installation: Callable[..., Installation]) -> None:
    """`apply` and `backtest --since` on Avro; what cannot be read is said, and a registry that is away is no empty topic."""
    there = installation("")
    with serving() as registry:
        promised = write_avro(there, registry.url, 1_000)
        settings = load(there.folder / "anchorwatch.yaml", {}, {"registry.url": registry.url})
        found = normal.from_topics(settings, [promised], soon_ms())["prod/lending"]
        course, told = past.course(settings, promised, soon_ms() - 60_000, soon_ms(), 10_000)

    assert found.reference
    assert (found.reference["rows"], found.reference["labelled"]) == (980, 980)
    assert "; 20 records cannot be read, mostly $ " in found.origin
    assert sum(event.role == "predictions" for event in course.events) > 300
    assert "; 20 records cannot be read" in told


def test_a_registry_that_is_away_is_no_empty_topic(installation: Callable[..., Installation], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "BRIEF", 0.5)
    there = installation("")
    with serving() as registry:
        promised = write_avro(there, registry.url, 20)

    with pytest.raises(Unreachable, match="the schema registry does not answer"):
        normal.from_topics(load(there.folder / "anchorwatch.yaml", {}, {"registry.url": registry.url}), [promised], soon_ms())
