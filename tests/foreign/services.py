"""Three teams' services, as they wrote to Kafka long before anybody thought of watching them: none knows a name of ours.

Each gives the records of call i; every twentieth answer is wrong, and each second one once `broken`.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

LABEL_MS = 2_000  # after the answer
COUNTRIES = ("DE", "NO", "FR")


class Record(NamedTuple):
    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, str | bytes | None]]
    at_ms: int


class Service(Protocol):
    topics: dict[str, int]  # with their partitions; predictions first, then outcomes

    def call(self, i: int, at_ms: int, truth: bool, answer: bool, rng: random.Random) -> Iterator[Record]: ...


class KServe:
    """An InferenceService behind a Knative Broker for Kafka: requests and responses are records of their own, keyed by nothing; a tabular model
    that answers with a probability. The labels lie on two partitions, the events on three."""

    def __init__(self, prefix: str) -> None:
        self.events, self.truth = f"{prefix}knative.churn", f"{prefix}churn.truth"
        self.topics = {self.events: 3, self.truth: 2}

    def call(self, i: int, at_ms: int, truth: bool, answer: bool, rng: random.Random) -> Iterator[Record]:
        name = f"{i:08x}-churn"
        given = {"tenure_months": rng.randrange(60), "plan": rng.choice(("basic", "pro")), "country": rng.choice(COUNTRIES)}
        score = rng.uniform(0.6, 0.99) if answer else rng.uniform(0.01, 0.4)
        for side, ms, payload in (("request", -rng.randrange(9, 30), {"instances": [given]}), ("response", 0, {"predictions": [score]})):
            about = {"specversion": "1.0", "id": name, "source": "http://localhost:9081/", "type": f"org.kubeflow.serving.inference.{side}"}
            about |= {"time": _rfc3339(at_ms + ms), "inferenceservicename": "churn", "namespace": "ml", "component": "predictor"}
            headers: list[tuple[str, str | bytes | None]] = [(f"ce_{each}", text.encode()) for each, text in about.items()]
            yield Record(self.events, None, json.dumps(payload).encode(), headers, at_ms + ms)
        told = {"call": name, "churned": "yes" if truth else "no", "seen_at": _rfc3339(at_ms + LABEL_MS)}
        yield Record(self.truth, name.encode(), json.dumps(told).encode(), [], at_ms + LABEL_MS)


class Avro:
    """Loan applications, written by Confluent's own serialiser, which registers its schemas."""

    TIME: Mapping[str, str] = {"type": "long", "logicalType": "timestamp-millis"}

    def __init__(self, prefix: str, registry: str) -> None:
        self.scored, self.settled = f"{prefix}lending.scored", f"{prefix}lending.settled"
        self.topics = {self.scored: 3, self.settled: 3}
        client = SchemaRegistryClient({"url": registry})
        terms = _schema("Terms", amount="double", duration_months="int", purpose="string")
        verdict = {"type": "enum", "name": "Verdict", "symbols": ["PASS", "BLOCK"]}
        self.serialisers = {
            self.scored: _serialiser(
                client, _schema("Scored", application="long", verdict=verdict, p="double", scored_at=self.TIME, terms=terms)
            ),
            self.settled: _serialiser(client, _schema("Settled", application="long", outcome="string", booked_at=self.TIME)),
        }

    def call(self, i: int, at_ms: int, truth: bool, answer: bool, rng: random.Random) -> Iterator[Record]:
        names = {True: "BLOCK", False: "PASS"}
        terms = {"amount": rng.gauss(9_000, 2_000), "duration_months": rng.randrange(12, 60), "purpose": rng.choice(("car", "home"))}
        scored = {"application": i, "verdict": names[answer], "p": 0.9 if answer else 0.1, "scored_at": at_ms, "terms": terms}
        settled = {"application": i, "outcome": names[truth], "booked_at": at_ms + LABEL_MS}
        for topic, event, ms in ((self.scored, scored, at_ms), (self.settled, settled, at_ms + LABEL_MS)):
            yield Record(topic, b"%d" % i, self.serialisers[topic](event, SerializationContext(topic, MessageField.VALUE)), [], ms)


class Payments:
    """Flat JSON of a team's own names: seconds, microseconds, ids as numbers, a verdict in capitals."""

    def __init__(self, prefix: str) -> None:
        self.scored, self.settled = f"{prefix}payments.scored", f"{prefix}payments.settled"
        self.topics = {self.scored: 3, self.settled: 3}

    def call(self, i: int, at_ms: int, truth: bool, answer: bool, rng: random.Random) -> Iterator[Record]:
        names = {True: "BLOCK", False: "PASS"}
        scored: dict[str, Any] = {
            "paymentId": 10_000_000 + i,
            "scoredAt": at_ms / 1_000,
            "verdict": names[answer],
            "pBlock": 0.9 if answer else 0.1,
        }
        scored |= {"tookUs": rng.randrange(9_000, 40_000), "amt": round(rng.expovariate(0.02), 2), "ctry": rng.choice(COUNTRIES)}
        settled = {"pay_ref": 10_000_000 + i, "chargeback": names[truth], "booked": at_ms + LABEL_MS}
        for topic, event, ms in ((self.scored, scored, at_ms), (self.settled, settled, at_ms + LABEL_MS)):
            yield Record(topic, b"%d" % scored["paymentId"], json.dumps(event).encode(), [], ms)


def _rfc3339(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1_000:03d}Z"


def _schema(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": each, "type": kind} for each, kind in fields.items()]}


def _serialiser(client: SchemaRegistryClient, schema: dict[str, Any]) -> Callable[..., Any]:
    made: Callable[..., Any] = AvroSerializer(client, json.dumps(schema), lambda event, _: event)
    return made


class Traffic:
    """A service that has been at work for a while and goes on: `with Traffic(...)`; `broken` makes it wrong half of the time."""

    def __init__(self, kafka: Mapping[str, Any], service: Service, *, minutes: float, rate: float) -> None:
        self.kafka, self.service, self.rate = dict(kafka), service, rate
        self.rng, self.broken, self.n = random.Random(7), threading.Event(), 0
        self.producer = Producer({**self.kafka, "partitioner": "murmur2_random", "linger.ms": 20, "log_level": 0})
        self._stopping = threading.Event()
        self._past(minutes)
        self._thread = threading.Thread(target=self._live, daemon=True, name="service")

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _past(self, minutes: float) -> None:
        with AdminClient(self.kafka) as admin:
            for made in admin.create_topics([NewTopic(name, n, 1) for name, n in self.service.topics.items()]).values():
                made.result(30)
        n, now_ms = int(minutes * 60 * self.rate), _now_ms()
        for i in range(n):
            self._call(now_ms - int((n - i) * 1_000 / self.rate))
        assert self.producer.flush(60) == 0

    def _live(self) -> None:
        while not self._stopping.wait(1 / self.rate):
            self._call(_now_ms())
        self.producer.flush(10)

    def _call(self, at_ms: int) -> None:
        truth = self.rng.random() < 0.3
        answer = truth != (self.rng.random() < (0.5 if self.broken.is_set() else 0.05))
        for each in self.service.call(self.n, at_ms, truth, answer, self.rng):
            self.producer.produce(each.topic, each.value, each.key, headers=each.headers, timestamp=each.at_ms)
        self.producer.poll(0)
        self.n += 1


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
