"""Open Inference Protocol (V2 of KServe, Triton, MLServer): one record holds the request and the response of a call, as a service logs them.

`{"id", "model_name", "model_version", "inputs": [tensors], "outputs": [tensors]}`, or those under `request` and `response`; whatever stands
beside them is reached by `event`. https://github.com/kserve/open-inference-protocol, `specification/protocol/inference_rest.md`. Tensors
are columns by name, or one matrix, which `feature_names` names. n instances are n predictions, `<id>#<i>` where n > 1; the id is the
response's, the request's, or the record's key.

Documents: id, input, output, model, version, event.
"""

from typing import Any

from anchorwatch.errors import EventRejected
from anchorwatch.events import Headers
from anchorwatch.sources.base import Format
from anchorwatch.sources.foreign.documents import Document, object_of
from anchorwatch.sources.foreign.payloads import instances, paired
from anchorwatch.sources.native.careful import Remarks


def unpack(value: bytes, _: Headers, remarks: Remarks) -> list[Document]:
    event = object_of(value, remarks)
    if "heartbeat_at_ms" in event and "inputs" not in event:
        return [event]
    request, response = _part(event, "request"), _part(event, "response")
    for name, part, side in (("inputs", request, "request"), ("outputs", response, "response")):
        if name not in part:
            raise EventRejected(
                f"no {name}",
                path=f"$.{name}",
                kind="field",
                fix=f"log the {side} in the same record; halves apart are read by format kserve",
            )
    given, answered = instances({"inputs": request["inputs"]}, "$"), instances({"outputs": response["outputs"]}, "$")
    name = response.get("id") or request.get("id") or event.get("id") or ""
    version = response.get("model_version") or request.get("model_version")
    about = {"event": event, "model": response.get("model_name"), "version": None if version is None else str(version)}
    found = [document | about for document in paired(str(name), given, answered, "$.outputs")]
    return [_keyed(document) for document in found] if not name else found


def _part(event: Document, name: str) -> Document:
    part: Any = event.get(name, event)
    return part if isinstance(part, dict) else {}


def _keyed(document: Document) -> Document:
    """Without an id of its own: the record's key is, for one instance alone."""
    if document["id"]:
        raise EventRejected("several instances and no id", path="$.id", kind="field", fix="send id: each instance is <id>#<i>")
    return document | {"id": None}


FORMAT = Format(
    fields={"predictions": {"prediction_id": "id", "features": "input", "model_version": "version"}}, unpack=unpack, answer="output"
)
