"""The loan model's traffic as other systems would have written it, with the source block of a contract that reads it.

What comes out of a translator must be what went into the disguise.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.traffic import contract_of, traffic

from anchorwatch.contract import Contract
from anchorwatch.events import Role, Row
from anchorwatch.runtime.drive import Event
from anchorwatch.sources.foreign import Translator, of_contracts

Written = tuple[bytes | None, bytes]  # key, value


@dataclass(frozen=True)
class Disguise:
    source: str  # YAML of the contract's `source`
    write: dict[Role, Callable[[dict[str, Any]], list[Written]]]  # native event -> records

    @property
    def contract(self) -> Contract:
        return contract_of(source=self.source)

    def translator(self, role: Role = "predictions") -> Translator:
        found = of_contracts(role, [self.contract])
        assert found is not None
        return found

    def rows(self, role: Role, events: Sequence[Event]) -> list[Row]:
        found: list[Row] = []
        for event in events:
            if event.role == role:
                found += [
                    (key, value, len(found) + i, event.at_ms) for i, (key, value) in enumerate(self.write[role](json.loads(event.value)))
                ]
        return found


def dumped(document: Any) -> bytes:
    return json.dumps(document).encode()


def flat(event: dict[str, Any]) -> list[Written]:
    """A team's own log line: features beside everything else, seconds, microseconds, a verdict in a box."""
    key = event["prediction_id"].encode()
    box = {"verdict": event["prediction"], "p": event["score"]}
    line = {"app": {"id": event["prediction_id"]}, "result": box, "scored_at": event["predicted_at_ms"] / 1000, "geo": event["segments"]}
    line |= {"took_us": round(event["latency_ms"] * 1000), **event["features"], "status": "APPROVED", "arm": "treatment"}
    return [(key, dumped(line | ({"trace": event["traceparent"]} if "traceparent" in event else {})))]


def settled(event: dict[str, Any]) -> list[Written]:
    line = {"app_id": event["prediction_id"], "after": [{"truth": event["label"], "at": event["known_at_ms"] * 1_000_000}]}
    return [(event["prediction_id"].encode(), dumped(line))]


def renamed(event: dict[str, Any]) -> list[Written]:
    return [(event["prediction_id"].encode(), dumped({{"prediction": "verdict"}.get(k, k): v for k, v in event.items()}))]


FLAT = """{predictions: {topic: loans.scored, format: json, fields: {prediction_id: app.id, prediction: result.verdict, score: result.p,
  predicted_at_ms: {path: scored_at, unit: s}, latency_ms: {path: took_us, unit: us}, features.amount: amount, features.age: age,
  features.job: job, segments: geo, traceparent: trace}},
  outcomes: {topic: loans.settled, format: json, fields: {prediction_id: app_id, label: 'after[0].truth',
  known_at_ms: {path: '$.after[0]["at"]', unit: ns}}}, flags: [loan-on]}"""

DISGUISES = {
    "json": Disguise(FLAT, {"predictions": flat, "outcomes": settled}),
    "native": Disguise("{predictions: {fields: {prediction: verdict}}, flags: [loan-on]}", {"predictions": renamed}),
}
EVENTS = traffic(60, seed=11)
