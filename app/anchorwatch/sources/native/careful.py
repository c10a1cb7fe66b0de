"""What does a record say that is not quite right? Reads JSON with NaN, a BOM or a key given twice, and names what cannot be read."""

import json
import math
import re
from typing import Any

from anchorwatch.errors import EventRejected

CAREFUL_MAX = 4_000_000  # bytes: a record that needs this reading and is larger is refused
EXAMPLE_MAX = 80  # characters
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DIGITS_MAX = 400  # a longer integer is beyond a double in any case
_KINDS = {str: "text", bool: "bool", int: "number", float: "number", list: "array", dict: "object", type(None): "null"}


def kind_of(value: Any) -> str:
    """JSON's word for it: text, number, bool, null, array, object."""
    return _KINDS[type(value)]


class Remarks:
    """What was noted and repaired in one record."""

    def __init__(self) -> None:
        self.counters: list[str] = []
        self.examples: dict[str, tuple[str, str]] = {}
        self.strange = False  # NaN or Infinity, which are not JSON, stand somewhere

    def note(self, what: str) -> None:
        self.counters.append(f"note.{what}")

    def repair(self, what: str, value: Any) -> None:
        counter = f"repair.{what}"
        self.counters.append(counter)
        # a long text is cut first: it may have megabytes
        shown = value[:EXAMPLE_MAX] if isinstance(value, str | list) else value
        self.examples.setdefault(counter, (kind_of(value), json.dumps(shown, ensure_ascii=False)[:EXAMPLE_MAX]))

    def not_finite(self, path: str, value: float) -> None:
        """Counted in all and by name."""
        if "repair.not_finite" not in self.counters:
            self.repair("not_finite", value)
        self.repair(f"not_finite:{path}", value)


def read(raw: bytes, remarks: Remarks) -> dict[str, Any]:
    """The object in `raw`; NaN and infinities are left in it as floats, of a key given twice the last value counts.

    Raises EventRejected, each trouble with its own remedy.
    """
    if len(raw) > CAREFUL_MAX:
        raise EventRejected(f"{len(raw):,} bytes, not in strict form", kind="too_large", fix=f"send at most {CAREFUL_MAX:,} bytes a record")
    text = _text(raw, remarks)
    document = _parse(text, remarks)
    if isinstance(document, dict):
        if document.keys() == {"schema", "payload"}:
            raise EventRejected(
                "the event lies in Connect's envelope of schema and payload",
                fix="turn the converter's schemas off: value.converter.schemas.enable=false",
            )
        return document
    raise _not_an_object(document)


def _not_an_object(document: Any) -> EventRejected:
    if isinstance(document, str):
        if document.lstrip()[:1] in {"{", "["}:
            return EventRejected(
                "JSON inside JSON: encoded twice", fix="hand the producer the object, or the text of it, but encode it once"
            )
        return EventRejected("a text in place of an object", fix="send one JSON object a record")
    if isinstance(document, list):
        return EventRejected(
            f"an array of {len(document)} in place of an object", fix="one object a record: send each as a record with its own key"
        )
    if document is None:
        return EventRejected("the word null in place of an object", fix="send no value at all for a tombstone, else one JSON object")
    return EventRejected(f"a {kind_of(document)} in place of an object", fix="send one JSON object a record")


def _text(raw: bytes, remarks: Remarks) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        remarks.note("bom")
        raw = raw[3:]
    elif raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or (raw[1:2] == b"{" and raw[:1] == b"\0") or raw[:2] == b"{\0":
        raise EventRejected("UTF-16 text", fix="encode the JSON as UTF-8")
    elif raw[:1] == b"\0" and len(raw) >= 5:
        number = int.from_bytes(raw[1:5], "big")
        raise EventRejected(
            f"a registry's wire format, schema id {number}, and no registry is set",
            kind="schema",
            fix="set registry: {url: ...} in the settings, or write plain JSON to this topic",
        )
    elif raw[:2] == b"\x1f\x8b":
        raise EventRejected("a gzip file", fix="leave compression to Kafka: producer setting compression.type=gzip")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise EventRejected(f"not UTF-8 at byte {error.start}", fix="encode the JSON as UTF-8") from None


def _parse(text: str, remarks: Remarks) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items) and "note.duplicate_key" not in remarks.counters:
            remarks.note("duplicate_key")
        return found

    def constant(word: str) -> float:
        remarks.strange = True
        return float(word)

    if not text.strip():
        raise EventRejected("an empty value", fix="send one JSON object, or no value at all for a tombstone")
    try:
        document = json.loads(text, object_pairs_hook=pairs, parse_int=_integer, parse_constant=constant)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text[error.pos :].lstrip(" ,\r\n\t")[:1] in {"{", "["}:
            raise EventRejected(
                "more than one object in a record", fix="one object a record: send each as a record with its own key"
            ) from None
        raise EventRejected(f"not JSON: {error.msg.lower()} at character {error.pos}", fix="send one JSON object a record") from None
    except RecursionError:
        raise EventRejected("nested too deep to read", fix="send features as flat names and values") from None
    if _SURROGATE.search(text):
        _encodable(document)
    return document


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS_MAX else float(digits)


def _encodable(document: Any) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise EventRejected(
            "half of a surrogate pair in a text", fix="cut texts at characters, not at UTF-16 units, before encoding them"
        ) from None


def number(value: Any) -> float | None:
    """A JSON number as a float, NaN and infinities included; None for whatever else it is. 3, 3.0 and 3e0 are one thing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
