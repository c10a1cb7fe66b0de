"""What a model server was given and what it answered, instance by instance.

V1 (TensorFlow Serving's, KServe's): `{"instances": [...]}`, `{"predictions": [...]}`. V2 (Open Inference Protocol): named tensors, row-major,
flat or nested: https://github.com/kserve/open-inference-protocol. Else a list is one instance an entry, anything else one instance.
"""

import math
from collections.abc import Iterator
from typing import Any

from anchorwatch.errors import EventRejected
from anchorwatch.sources.foreign.documents import Document

INSTANCES_MAX = 10_000  # of one event; above: refused
V1 = ("instances", "predictions")
V2 = ("inputs", "outputs")


def instances(payload: Any, path: str) -> list[Any]:
    """Each a mapping by name, a list by place, or a bare value. Raises EventRejected; `path`: where the payload stands."""
    found = _instances(payload, path)
    if len(found) > INSTANCES_MAX:
        raise EventRejected(f"{len(found):,} instances in one event", path=path, kind="too_large", fix=f"send at most {INSTANCES_MAX:,}")
    if not found:
        raise EventRejected("no instance", path=path, kind="field", fix="log events that hold at least one")
    return found


def _instances(payload: Any, path: str) -> list[Any]:
    if isinstance(payload, list):
        return payload
    if not isinstance(payload, dict):
        return [payload]
    for name in V1:
        if isinstance(payload.get(name), list):
            return list(payload[name])
    for name in V2:
        if name in payload:
            return rows_of(payload[name], f"{path}.{name}")
    return [payload]


def rows_of(tensors: Any, path: str) -> list[Any]:
    """Tensors whose first dimension is the instance. One matrix [n, d] gives lists of d, one column bare values, several a mapping by name."""
    if not isinstance(tensors, list) or not all(isinstance(tensor, dict) for tensor in tensors):
        raise EventRejected("no list of tensors", path=path, kind="field", fix="send name, shape, datatype and data of each")
    columns: dict[str, list[Any]] = {}
    for i, tensor in enumerate(tensors):
        name = tensor.get("name")
        columns[name if isinstance(name, str) else str(i)] = list(_cut(tensor, f"{path}[{i}]"))
    counts = {len(column) for column in columns.values()}
    if len(counts) > 1:
        told = ", ".join(f"{name} has {len(column)}" for name, column in columns.items())
        raise EventRejected(f"tensors of different length: {told}", path=path, kind="field", fix="send one batch an event")
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _cut(tensor: Document, path: str) -> Iterator[Any]:
    """The data of each instance."""
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(data, list):
        raise EventRejected("has no data as JSON", path=path, kind="field", fix="log tensors as JSON: binary data is not read")
    if not isinstance(shape, list) or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape):
        raise EventRejected("has no shape", path=f"{path}.shape", kind="field", fix="send its dimensions, as [3, 4]")
    values = list(_flat(data, 0))
    size = math.prod(shape)
    if size != len(values):
        why = f"shape {shape} has {size} values, the data {len(values)}"
        raise EventRejected(why, path=path, kind="field", fix="send all data of the tensor, row by row")
    if not shape:
        shape = [1]
    width = size // shape[0] if shape[0] else 0
    for i in range(shape[0]):
        row = values[i * width : (i + 1) * width]
        yield row[0] if width == 1 else row


def _flat(data: list[Any], depth: int) -> Iterator[Any]:
    for value in data:
        if isinstance(value, list) and depth < 8:
            yield from _flat(value, depth + 1)
        else:
            yield value


def paired(name: str, given: list[Any], answered: list[Any], path: str) -> Iterator[Document]:
    """A document each: `id` (with `#i` where there are several), `input`, `output`."""
    if len(given) != len(answered):
        why = f"{len(given)} instances were asked and {len(answered)} answered"
        raise EventRejected(why, path=path, kind="field", fix="log one answer an instance, in their order")
    for i, (one, answer) in enumerate(zip(given, answered, strict=True)):
        yield {"id": name if len(given) == 1 else f"{name}#{i}", "input": one, "output": answer}
