"""The loan model's traffic as other systems would have written it, with the source block of a contract that reads it.

What comes out of a translator must be what went into the disguise.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.traffic import contract_of, traffic

from anchorwatch.contract import Contract
from anchorwatch.events import Role, Row, headed
from anchorwatch.runtime.drive import Event
from anchorwatch.sources.foreign import Translator, of_contracts

Written = tuple[bytes | None, bytes, list[tuple[str, bytes | None]]]  # key, value, headers


@dataclass(frozen=True)
class Disguise:
    source: str  # YAML of the contract's `source`
    write: dict[Role, Callable[[dict[str, Any]], list[Written]]]  # native event -> records
    lacks: frozenset[str] = frozenset()  # what events in this format do not carry, or carry besides

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
                for key, value, headers in self.write[role](json.loads(event.value)):
                    found.append(headed((key, value, len(found), event.at_ms), headers))
        return found


def dumped(document: Any) -> bytes:
    return json.dumps(document).encode()


def flat(event: dict[str, Any]) -> list[Written]:
    """A team's own log line: features beside everything else, seconds, microseconds, a verdict in a box."""
    key = event["prediction_id"].encode()
    box = {"verdict": event["prediction"], "p": event["score"]}
    line = {"app": {"id": event["prediction_id"]}, "result": box, "scored_at": event["predicted_at_ms"] / 1000, "geo": event["segments"]}
    line |= {"took_us": round(event["latency_ms"] * 1000), **event["features"], "status": "APPROVED", "arm": "treatment"}
    return [(key, dumped(line | ({"trace": event["traceparent"]} if "traceparent" in event else {})), [])]


def settled(event: dict[str, Any]) -> list[Written]:
    line = {"app_id": event["prediction_id"], "after": [{"truth": event["label"], "at": event["known_at_ms"] * 1_000_000}]}
    return [(event["prediction_id"].encode(), dumped(line), [])]


def renamed(event: dict[str, Any]) -> list[Written]:
    return [(event["prediction_id"].encode(), dumped({{"prediction": "verdict"}.get(k, k): v for k, v in event.items()}), [])]


FLAT = """{predictions: {topic: loans.scored, format: json, fields: {prediction_id: app.id, prediction: result.verdict, score: result.p,
  predicted_at_ms: {path: scored_at, unit: s}, latency_ms: {path: took_us, unit: us}, features.amount: amount, features.age: age,
  features.job: job, segments: geo, traceparent: trace}},
  outcomes: {topic: loans.settled, format: json, fields: {prediction_id: app_id, label: 'after[0].truth',
  known_at_ms: {path: '$.after[0]["at"]', unit: ns}}}, flags: [loan-on]}"""


def at(ms: float) -> str:
    """RFC 3339 in UTC with nanoseconds, as Go writes it."""
    whole, finer = divmod(round(ms * 1_000), 1_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{finer:06d}000Z"


def cloud_event(event: dict[str, Any], kind: str, ms: float, payload: Any) -> Written:
    """Binary mode, as a Knative Broker for Kafka writes it; the key is nothing of ours."""
    about = {"specversion": "1.0", "id": event["prediction_id"], "type": f"org.kubeflow.serving.inference.{kind}", "time": at(ms)}
    about |= {
        "source": "http://localhost:9081/",
        "inferenceservicename": "loan",
        "namespace": "risk",
        "component": "predictor",
        "endpoint": "",
    }
    if "traceparent" in event:
        about["traceparent"] = event["traceparent"]
    headers: list[tuple[str, bytes | None]] = [(f"ce_{name}", text.encode()) for name, text in about.items()]
    return None, dumped(payload), [*headers, ("content-type", b"application/json")]


def logged(event: dict[str, Any]) -> list[Written]:
    row = {**event["features"], **event["segments"]}
    answered, asked = event["predicted_at_ms"], event["predicted_at_ms"] - event["latency_ms"]
    response = {"predictions": [{"label": event["prediction"], "p": event["score"]}]}
    return [cloud_event(event, "request", asked, {"instances": [row]}), cloud_event(event, "response", answered, response)]


def tensors(event: dict[str, Any]) -> list[Written]:
    """A call with its answer as a service logs both; a tensor a column."""
    names = {**event["features"], **event["segments"]}
    kinds = {float: "FP64", str: "BYTES"}
    inputs = [{"name": n, "shape": [1, 1], "datatype": kinds[type(v)], "data": [v]} for n, v in names.items()]
    outputs = [
        {"name": "label", "shape": [1], "datatype": "BYTES", "data": [event["prediction"]]},
        {"name": "p", "shape": [1], "datatype": "FP32", "data": [event["score"]]},
    ]
    call = {"id": event["prediction_id"], "model_name": "loan", "inputs": inputs, "outputs": outputs, "trace": event.get("traceparent")}
    return [(event["prediction_id"].encode(), dumped({**call, "at": event["predicted_at_ms"], "ms": event["latency_ms"]}), [])]


def captured(event: dict[str, Any]) -> list[Written]:
    row = ",".join(str(value) for value in {**event["features"], **event["segments"]}.values())
    answer = base64.b64encode(f"{event['prediction']},{event['score']}\n".encode()).decode()
    line = {
        "captureData": {
            "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": row, "encoding": "CSV"},
            "endpointOutput": {"observedContentType": "text/csv; charset=utf-8", "mode": "OUTPUT", "data": answer, "encoding": "BASE64"},
        },
        "eventMetadata": {"eventId": "feca1ab1", "inferenceId": event["prediction_id"], "inferenceTime": at(event["predicted_at_ms"])},
        "eventVersion": "0",
    }
    return [(event["prediction_id"].encode(), dumped(line), [])]


def labelled(event: dict[str, Any]) -> list[Written]:
    truth = {"data": event["label"], "encoding": "CSV"}
    line = {"groundTruthData": truth, "eventMetadata": {"eventId": event["prediction_id"]}, "eventVersion": "0"}
    return [(event["prediction_id"].encode(), dumped(line), [])]


COLUMNS = "features.amount: input.amount, features.age: input.age, features.job: input.job, segments.region: input.region, segments.tier: input.tier"
KSERVE = (
    f"{{predictions: {{topic: k, format: kserve, fields: {{prediction: output.label, score: output.p, {COLUMNS}}}}}, flags: [loan-on]}}"
)
OIP = f"""{{predictions: {{topic: o, format: oip, fields: {{prediction: output.label, score: output.p, predicted_at_ms: event.at,
  latency_ms: event.ms, traceparent: event.trace, {COLUMNS}}}}}, flags: [loan-on]}}"""
SAGEMAKER = """{predictions: {topic: s, format: sagemaker, feature_names: [amount, age, job, region, tier],
  fields: {prediction: 'output[0]', score: 'output[1]', segments.region: 'input[3]', segments.tier: 'input[4]'}},
  outcomes: {topic: t, format: sagemaker}, flags: [loan-on]}"""

DISGUISES = {
    "json": Disguise(FLAT, {"predictions": flat, "outcomes": settled}),
    "kserve": Disguise(KSERVE, {"predictions": logged}, lacks=frozenset({"requested_at_ms"})),
    "native": Disguise("{predictions: {fields: {prediction: verdict}}, flags: [loan-on]}", {"predictions": renamed}),
    "oip": Disguise(OIP, {"predictions": tensors}),
    "sagemaker": Disguise(
        SAGEMAKER, {"predictions": captured, "outcomes": labelled},
        lacks=frozenset({"predicted_at_ms", "latency_ms", "traceparent", "known_at_ms"}),
    ),
}  # fmt: skip
EVENTS = traffic(60, seed=11)
