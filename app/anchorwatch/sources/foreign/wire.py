"""Records of a schema registry's serialisers: which schema, and where its payload begins. Confluent's wire format, which Apicurio and
Karapace write too: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format

Header first: `__value_schema_id` = 01 + 16 bytes of a GUID, or 00 + a big-endian id of 4 bytes; the value is the payload alone. Else the
value: 00 + id of 4 bytes + payload. Whatever else is no such record. No I/O: what a schema is, `Schemas` is asked.
"""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from anchorwatch.errors import EventRejected
from anchorwatch.events import Headers

HEADER = "__value_schema_id"
Ref = int | str  # an id, or a GUID


class Wire(NamedTuple):
    schema: Ref
    payload: bytes


class Schemas(Protocol):
    def read(self, wire: Wire) -> Any:
        """Raises EventRejected: a schema that the registry does not know or tell, or that its payload does not fit."""


def wire_of(value: bytes, headers: Headers) -> Wire | None:
    """None: the record names no schema."""
    named = headers.get(HEADER)
    if named is not None:
        if len(named) == 17 and named[0] == 1:
            return Wire(str(uuid.UUID(bytes=named[1:])), value)
        if len(named) == 5 and named[0] == 0:
            return Wire(int.from_bytes(named[1:], "big"), value)
    if value[:1] == b"\0" and len(value) >= 5:
        return Wire(int.from_bytes(value[1:5], "big"), value[5:])
    return None


def document_of(wire: Wire, read: Callable[[bytes], Any]) -> dict[str, Any]:
    """The payload as plain data. Raises EventRejected."""
    try:
        found = read(wire.payload)
    except EventRejected:
        raise
    except Exception as error:  # a codec raises whatever its input makes it: EOFError, IndexError, OverflowError, ...
        why = f"the payload does not fit schema {wire.schema}: {type(error).__name__} {str(error)[:80]}".rstrip()
        raise refused(why, "write records with the serialiser that registered the schema") from None
    if not isinstance(found, dict):
        raise refused(f"schema {wire.schema} is of no record", "register a schema of a record, one object an event")
    return found


def refused(reason: str, fix: str) -> EventRejected:
    return EventRejected(reason, kind="schema", fix=fix)


def plain(value: Any) -> Any:
    """Decimals are numbers, bytes are texts; times stay times, ids of 16 bytes stay ids: JSON has a form for both.

    >>> plain({"amount": Decimal("102.30"), "raw": [b"ok"]})
    {'amount': 102.3, 'raw': ['ok']}
    """
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value
