"""SageMaker's data capture, and the ground truth that Model Monitor merges with it, one JSON line a record.

Captured: `captureData.endpointInput` and `.endpointOutput` (each `data` in `encoding` CSV, JSON or BASE64, of `observedContentType`),
`eventMetadata` (`eventId`, `inferenceId` when the caller gave one, `inferenceTime`). Labels: `groundTruthData`, whose `eventMetadata.eventId`
is the inferenceId where there is one. AWS's guide, "Data capture" and "Ingest Ground Truth labels and merge them with predictions".

CSV has no names: `feature_names` gives those of the input; a row of one cell is a bare value, empty cells are null. n rows are n predictions,
`<id>#<i>` where n > 1, and so are their labels. SageMaker does not time the model: there is no latency.

Documents: id, input, output, at, event (the whole record); of labels: id, label, event.

A label says no time: it is known when its record was written.
"""

import base64
import binascii
import csv
import math
from typing import Any

from anchorwatch.errors import EventRejected
from anchorwatch.events import Headers
from anchorwatch.sources.base import Format
from anchorwatch.sources.foreign.documents import Document, any_json, object_of
from anchorwatch.sources.foreign.payloads import instances, paired
from anchorwatch.sources.native.careful import Remarks


def unpack(value: bytes, _: Headers, remarks: Remarks) -> list[Document]:
    event = object_of(value, remarks)
    if "heartbeat_at_ms" in event and "eventMetadata" not in event:
        return [event]
    metadata = _part(event, "eventMetadata", "$")
    name = metadata.get("inferenceId") or metadata.get("eventId")
    if not isinstance(name, str):
        raise EventRejected(
            "neither inferenceId nor eventId", path="$.eventMetadata", kind="field", fix="send the record as SageMaker wrote it"
        )
    if "groundTruthData" in event:
        about: Document = {"event": event}
        labels = _body(_part(event, "groundTruthData", "$"), "$.groundTruthData", remarks)
        return [about | {"id": name if len(labels) == 1 else f"{name}#{i}", "label": label} for i, label in enumerate(labels)]
    about = {"event": event, "at": metadata.get("inferenceTime")}
    captured = _part(event, "captureData", "$")
    given, answered = (
        _body(_part(captured, side, "$.captureData"), f"$.captureData.{side}", remarks) for side in ("endpointInput", "endpointOutput")
    )
    return [document | about for document in paired(name, given, answered, "$.captureData.endpointOutput")]


def _part(document: Document, name: str, path: str) -> Document:
    part: Any = document.get(name)
    if not isinstance(part, dict):
        fix = "capture input and output both (CaptureMode InputAndOutput), and send the record as SageMaker wrote it"
        raise EventRejected("is missing, or no object", path=f"{path}.{name}", kind="field", fix=fix)
    return part


def _body(part: Document, path: str, remarks: Remarks) -> list[Any]:
    """The instances of one body."""
    data, encoding, kind = part.get("data"), part.get("encoding"), str(part.get("observedContentType", ""))
    if encoding == "JSON" and not isinstance(data, str):
        return instances(data, f"{path}.data")
    if not isinstance(data, str):
        raise EventRejected("is no text", path=f"{path}.data", kind="field", fix="send the record as SageMaker wrote it")
    if encoding == "BASE64":
        data = _decoded(data, f"{path}.data")
        encoding = "CSV" if "csv" in kind else "JSON"
    if encoding == "CSV":
        return [_cells(line) for line in data.splitlines() if line.strip()] or instances([], path)
    if encoding != "JSON":
        fix = "capture as CSV, JSON or BASE64 (CaptureContentTypeHeader)"
        raise EventRejected(f"encoding {str(encoding)[:40]!r}", path=f"{path}.encoding", kind="field", fix=fix)
    lines = [line for line in data.splitlines() if line.strip()] if "lines" in kind else [data]
    if len(lines) == 1:
        return instances(any_json(lines[0].encode(errors="replace"), remarks), f"{path}.data")
    return instances([any_json(line.encode(errors="replace"), remarks) for line in lines], f"{path}.data")


def _decoded(data: str, path: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        fix = "declare text/csv or application/json in CaptureContentTypeHeader; other bodies are not read"
        raise EventRejected("is no base64 of a text", path=path, kind="field", fix=fix) from None


def _cells(line: str) -> Any:
    """A list, or a bare value of one cell."""
    try:
        cells = [_cell(text.strip()) for text in next(csv.reader([line]), [])]
    except csv.Error:
        cells = [line]
    return cells[0] if len(cells) == 1 else cells


def _cell(text: str) -> float | str | None:
    """A number where it is one; `nan` and `inf` are words."""
    try:
        value = float(text) if text and text[-1] in "0123456789." and "_" not in text else math.nan
    except ValueError:
        return text
    return value if math.isfinite(value) else text or None


FORMAT = Format(
    fields={
        "predictions": {"prediction_id": "id", "features": "input", "predicted_at_ms": "at"},
        "outcomes": {"prediction_id": "id", "label": "label"},
    },
    unpack=unpack,
    answer="output",
)
