"""KServe's inference logger: a CloudEvent for each request and one for its response, joined here by their id.

Binary mode, as a Knative Broker for Kafka writes it (attributes in `ce_` headers, the payload is the value), and structured mode, as a
KafkaSink does (one JSON object). Types `org.kubeflow.serving.inference.request` and `.response`; payloads V1 or V2. KServe's `pkg/logger`;
https://github.com/cloudevents/spec, `bindings/kafka-protocol-binding.md`. A response is logged after HTTP 200 alone, so a request that none
follows within `source.pair_within` is a failed call: status 504 at that time. Latency is the difference of the two `time`s.

Documents: id, input, output, requested_at, answered_at (ms), latency_ms, status, event (the attributes of the response, else of the request).
Fields of their own: `segments.country: input.country`, `score: output.probability`, `model: event.inferenceservicename` where models share
the topic.
"""

import base64
import binascii
import re
from typing import Any

from anchorwatch.errors import EventRejected
from anchorwatch.events import Headers
from anchorwatch.sources.base import Format, Half
from anchorwatch.sources.foreign.documents import Document, any_json, object_of, text_of
from anchorwatch.sources.foreign.payloads import instances, paired
from anchorwatch.sources.native.careful import Remarks
from anchorwatch.sources.native.times import instant

TYPES = {"org.kubeflow.serving.inference.request": "request", "org.kubeflow.serving.inference.response": "response"}
FINER = re.compile(r"\.\d{3}(\d{1,6})")  # of a second, beyond milliseconds
FAILED = 504
ID_MAX = 180  # bytes: room for `#` and a number


def half(value: bytes, headers: Headers, remarks: Remarks) -> Half:
    about, payload = _binary(value, headers, remarks) if "ce_id" in headers else _structured(value, remarks)
    kind = about.get("type")
    if kind not in TYPES:
        raise EventRejected(
            f"an event of type {str(kind)[:80]!r}", path="$.type", kind="field", fix=f"route only {' and '.join(TYPES)} here"
        )
    name = text_of(about, "id")
    if len(name.encode(errors="replace")) > ID_MAX:
        raise EventRejected(f"more than {ID_MAX} bytes", path="$.id", kind="field", fix="use a short unique id, such as a UUID")
    return Half(name, TYPES[kind], _time(about.get("time")), about, payload)


def _binary(value: bytes, headers: Headers, remarks: Remarks) -> tuple[Document, Any]:
    found = {name[3:]: text.decode(errors="replace") for name, text in headers.items() if name.startswith("ce_") and text is not None}
    return found, any_json(value, remarks)


def _structured(value: bytes, remarks: Remarks) -> tuple[Document, Any]:
    event = object_of(value, remarks)
    if "specversion" not in event:
        raise EventRejected(
            "no CloudEvent: neither ce_ headers nor specversion",
            fix="let KServe's logger write this topic by a Knative Broker or KafkaSink",
        )
    about = {name: each for name, each in event.items() if name not in ("data", "data_base64")}
    if "data_base64" not in event:
        return about, event.get("data")
    try:
        return about, any_json(base64.b64decode(str(event["data_base64"]), validate=True), remarks)
    except (binascii.Error, ValueError):
        raise EventRejected("is no base64", path="$.data_base64", fix="leave encoding to the CloudEvents library") from None


def _time(text: Any) -> int | None:
    """Nanoseconds: a latency of microseconds is a difference of two such times."""
    at = instant(text) if isinstance(text, str) else "missing"
    if isinstance(at, str):
        return None
    finer = FINER.search(text)
    return at * 1_000_000 + (int(f"{finer[1]:0<6}") if finer else 0)


def joined(request: Half, response: Half | None) -> list[Document]:
    given = instances(request.payload, "$.request")
    answered = instances(response.payload, "$.response") if response else [None] * len(given)
    about: Document = {"event": (response or request).about}
    if request.at_ns is not None:
        about["requested_at"] = request.at_ns // 1_000_000
    if response is None:
        about["status"] = FAILED
    elif response.at_ns is not None:
        about["answered_at"] = response.at_ns // 1_000_000
        if request.at_ns is not None and response.at_ns >= request.at_ns:
            about["latency_ms"] = (response.at_ns - request.at_ns) / 1e6
    return [document | about for document in paired(request.id, given, answered, "$.response")]


FORMAT = Format(
    fields={
        "predictions": {
            "prediction_id": "id", "features": "input", "predicted_at_ms": "answered_at", "requested_at_ms": "requested_at",
            "latency_ms": "latency_ms", "status": "status", "traceparent": "event.traceparent",
        },
    },
    answer="output",
    headed=True,
    half=half,
    joined=joined,
)  # fmt: skip
