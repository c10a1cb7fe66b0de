"""Records of any standard topic as a line for a person, or as plain data for a program."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from anchorwatch.engine.tail import Told
from anchorwatch.errors import UNREADABLE
from anchorwatch.events import Observation

VALUE_CHARACTERS_MAX = 300  # of a line; `--json` shows all
OBSERVATION = msgspec.msgpack.Decoder(Observation)


def line(told: Told) -> str:
    at = datetime.fromtimestamp(told.time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if told.time_ms > 0 else "no time"
    key = "" if told.key is None else text(told.key)
    return f"{at}  {told.partition}@{told.offset}  {key}  {_short(value(told.value))}"


def as_json(told: Told) -> dict[str, Any]:
    return {
        "topic": told.topic,
        "partition": told.partition,
        "offset": told.offset,
        "time_ms": told.time_ms,
        "key": None if told.key is None else text(told.key),
        "value": value(told.value),
        "headers": {name: text(content or b"") for name, content in told.headers},
    }


def value(raw: bytes | None) -> Any:
    """JSON, an observation without its counts, or text; None: a tombstone. What a strict parser would not read back is text."""
    if raw is None:
        return None
    try:
        found = json.loads(raw, parse_constant=_finite, parse_float=_finite)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair can be read, not written
        return found
    except UNREADABLE:
        pass
    try:
        return observation(OBSERVATION.decode(raw))
    except UNREADABLE:
        return text(raw)


def _finite(word: str) -> float:
    """Raises ValueError for NaN, infinities and what becomes one, as 1e999."""
    if math.isfinite(number := float(word)):
        return number
    raise ValueError(word)


def observation(found: Observation) -> dict[str, Any]:
    blocks = [
        {"model": f"{b.environment}/{b.model}", "segments": len(b.segments), "counts": len(b.counts), "last_ms": b.last_ms}
        for b in found.blocks
    ]
    return {
        "feed": found.feed, "task": found.task, "tasks": found.tasks, "window": list(found.window), "watermark_ms": found.watermark_ms,
        "spans": {topic: list(span) for topic, span in found.spans.items()}, "part": list(found.part), "blocks": blocks,
        "tallies": found.tallies,
    }  # fmt: skip


def text(raw: bytes) -> str:
    """Control characters would move the cursor of whoever reads it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in raw.decode("utf-8", "replace"))


def _short(found: Any) -> str:
    if found is None:
        return "(removed)"
    words = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    words = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)
    return words if len(words) <= VALUE_CHARACTERS_MAX else f"{words[:VALUE_CHARACTERS_MAX]}… ({len(words):,} characters, --json shows all)"
