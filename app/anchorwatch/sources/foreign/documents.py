"""A record's bytes as one JSON object, NaN and all; what is none is refused in the same words as an event of ours."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from anchorwatch.errors import EventRejected
from anchorwatch.events import Headers
from anchorwatch.sources.native import careful
from anchorwatch.sources.native.careful import Remarks

Document = dict[str, Any]
Unpack = Callable[[bytes, Headers, Remarks], list[Document]]
_decode = msgspec.json.Decoder().decode


def one_object(value: bytes, _: Headers, remarks: Remarks) -> list[Document]:
    return [object_of(value, remarks)]


def object_of(value: bytes, remarks: Remarks) -> Document:
    """Raises EventRejected. `remarks.strange`: NaN or infinities stand in it."""
    try:
        found = _decode(value)
    except (ValueError, RecursionError):  # UTF-16, NaN, a byte order mark, a number without end, ...
        found = None
    return found if isinstance(found, dict) else careful.read(value, remarks)


def any_json(value: bytes, remarks: Remarks) -> Any:
    """A payload: an object, a list or a bare value. Raises EventRejected."""
    try:
        return _decode(value)
    except (ValueError, RecursionError):
        if value.lstrip()[:1] != b"[":
            return careful.read(value, remarks)
        return careful.read(b'{"payload":' + value + b"}", remarks)["payload"]


def text_of(document: Mapping[str, Any], name: str) -> str:
    """A text that must be there. Raises EventRejected."""
    found = document.get(name)
    if not isinstance(found, str) or not found:
        raise EventRejected("is missing, empty or no text", path=f"$.{name}", kind="field", fix=f"send {name}")
    return found
