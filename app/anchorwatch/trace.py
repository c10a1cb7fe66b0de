"""Which trace does an event belong to, and is it kept? W3C Trace Context, level 2, without OpenTelemetry.

A traceparent is 55 characters, `00-<trace id, 32 hex>-<span id, 16 hex>-<flags, 2 hex>`; packed, beside a pending prediction,
it is 25 bytes.
"""

import hashlib
import re
from typing import NamedTuple

PACKED = 25  # bytes: trace id 16, span id 8, flags 1
SAMPLED = 0x01
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_ODD = frozenset("13579bdf")  # sampled, by the last digit of the flags; never `== 01`: roots of OpenTelemetry's SDK carry 03


class TraceContext(NamedTuple):
    """One span of one trace. Ids are lower-case hex, never all zeros."""

    trace_id: str
    span_id: str
    flags: int  # bit 0: sampled, bit 1: the low 56 bits of the trace id are random

    @property
    def sampled(self) -> bool:
        return bool(self.flags & SAMPLED)


def parse(text: str | bytes | None) -> TraceContext | None:
    """None for what must be ignored: absent, malformed, upper case, zero ids, version ff, version 00 with more behind it.

    A version yet unknown is read by its first 55 characters, as the recommendation asks.
    """
    if not text:
        return None
    if isinstance(text, bytes):
        text = text.decode("latin-1")  # never fails; what is not hex does not match
    found = _FORM.fullmatch(text)
    if not found:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, int(flags, 16))


def format(context: TraceContext) -> str:  # noqa: A001 (trace.format, trace.parse: always called by the module's name)
    """The traceparent of version 00."""
    return f"00-{context.trace_id}-{context.span_id}-{context.flags:02x}"


def sampled(traceparent: str | bytes | None) -> bool:
    """Is it valid, and did its producer keep the trace?"""
    context = parse(traceparent)
    return context is not None and context.sampled


def keeps(traceparent: str) -> bool:
    """`sampled` for the hot path, 0.1 us: looks at one digit. Whoever acts on a yes parses, and then meets what is malformed."""
    return len(traceparent) >= 55 and traceparent[54] in _ODD


def pack(context: TraceContext | None) -> bytes:
    """25 bytes; all zero without a trace."""
    return bytes(PACKED) if context is None else bytes.fromhex(context.trace_id + context.span_id) + bytes((context.flags,))


def unpack(packed: bytes) -> TraceContext | None:
    """The inverse of `pack`; None for 25 zero bytes. Other lengths are a fault of ours."""
    assert len(packed) == PACKED, f"a packed trace context has {PACKED} bytes, not {len(packed)}"
    trace_id, span_id = packed[:16].hex(), packed[16:24].hex()
    return None if trace_id == _NO_TRACE or span_id == _NO_SPAN else TraceContext(trace_id, span_id, packed[24])


def derived(seed: str) -> TraceContext:
    """Ids that follow from a text, sampled: the same after every replay, so a repeated span falls on itself in the backend."""
    digest = hashlib.blake2b(seed.encode(), digest_size=24, person=b"anchorwatch").hexdigest()
    return TraceContext(digest[:32], digest[32:], SAMPLED)


def alert_context(alert_id: str, sequence: int) -> TraceContext:
    """The span `create alerts` of one change of one alert; its traceparent goes into the record's header.

    Each change has a trace of its own: an alert may stand for days, a trace should not.
    """
    return derived(f"alert/{alert_id}/{sequence}")
