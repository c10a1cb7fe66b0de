"""One event as a service would send it: put together from words or JSON, checked as ingest would check it, and sent."""

import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import confluent_kafka as ck
import msgspec

from anchorwatch.config import Settings
from anchorwatch.engine.settings import Producer, flushed, not_taken, producer
from anchorwatch.errors import ConfigError, Unreachable
from anchorwatch.events import Record, Role
from anchorwatch.runtime import formats

ROLES: dict[str, Role] = {
    "prediction": "predictions",
    "outcome": "outcomes",
    "decision": "decisions",
    "complaint": "complaints",
    "flag": "flags",
}
NESTED = ("features", "segments", "scores", "flag")


def from_words(words: Sequence[str]) -> dict[str, Any]:
    """`model=fraud score=0.9 features.amount=99.5`: values as JSON where they are, else as text. Raises ConfigError."""
    event: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise ConfigError(f"{word}: must be name=value, as model=fraud or features.amount=99.5")
        outer, _, inner = name.partition(".")
        if outer in NESTED and inner:
            inside = event.setdefault(outer, {})
            if not isinstance(inside, dict):
                raise ConfigError(f"{word}: {outer} has a value of its own already; keep one")
            inside[inner] = _value(text)
        else:
            event[name] = text if name == "prediction_id" else _value(text)
    return event


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def record(settings: Settings, kind: str, event: Mapping[str, Any], topic: str = "") -> Record:
    """With an id of its own if it names none. Raises EventRejected as ingest would, ConfigError for an unknown kind."""
    if kind not in ROLES:
        raise ConfigError(f"emit {kind}: must be one of {', '.join(ROLES)}")
    role, whole = ROLES[kind], dict(event)
    if kind == "prediction":
        whole.setdefault("prediction_id", f"test-{uuid.uuid4().hex[:12]}")
    key = f"{whole.get('environment', 'prod')}/{whole.get('key', '')}" if kind == "flag" else str(whole.get("prediction_id", ""))
    value = msgspec.json.encode(whole)
    decoded = formats.make(role, [], None).decode([(key.encode(), value, 0, time.time_ns() // 1_000_000)])
    decoded.insist()
    return Record(topic or settings.topic(role), -1, key.encode(), value)


def send(settings: Settings, records: Sequence[Record]) -> list[str]:
    """`<topic>-<partition>@<offset>` of each, once Kafka has all. Raises Unreachable, ConfigError."""
    client = producer({"enable.idempotence": True, "message.timeout.ms": 20_000}, settings.kafka, {"partitioner": "murmur2_random"})
    return deliver(client, records, 25)


def deliver(client: Producer, records: Sequence[Record], seconds: float) -> list[str]:
    """As `send`, by a client that is there; seconds: to wait at most."""
    places: dict[int, str] = {}
    troubles: list[tuple[str, ck.KafkaError]] = []  # topic, why

    def delivered(n: int, error: ck.KafkaError | None, message: ck.Message) -> None:
        if error is not None:
            troubles.append((str(message.topic()), error))
        else:
            places[n] = f"{message.topic()}-{message.partition()}@{message.offset()}"

    for n, each in enumerate(records):
        client.produce(each.topic, each.value, each.key, on_delivery=partial(delivered, n))
        client.poll(0)
    left = flushed(client, seconds)
    if troubles and (refused := not_taken(client, *troubles[0])):
        raise refused
    if troubles or left:
        why = troubles[0][1].str() if troubles else "no answer"
        raise Unreachable(f"Kafka did not take {len(troubles) + left} of {len(records)} events: {why}; is it up, and is the topic there?")
    return [places[n] for n in range(len(records))]
