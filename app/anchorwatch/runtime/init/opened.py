"""What do sampled records hold, whatever they are wrapped in: plain JSON, a registry's schema, events of KServe, OIP, SageMaker?"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from anchorwatch import sources
from anchorwatch.errors import EventRejected
from anchorwatch.events import Role, Row
from anchorwatch.sources.base import Format, Half
from anchorwatch.sources.foreign import encoded, headers_of, is_heartbeat
from anchorwatch.sources.foreign.wire import Schemas, wire_of
from anchorwatch.sources.kserve import TYPES
from anchorwatch.sources.native import as_map
from anchorwatch.sources.native.careful import Remarks

JSON = "json"
MOST = 0.95  # of the records carry a format's mark
NO_REGISTRY = "records are in a schema registry's format: write registry: {url: http://REGISTRY:8081} into anchorwatch.yaml"
ALONE = "the other half of its event is not there: let the logger write requests and responses (mode: all)"


class Event(NamedTuple):
    key: bytes | None  # of its record; of halves what both are keyed by, None where they differ
    document: dict[str, Any]  # as the format gives it


class Opened(NamedTuple):
    """`format`: json, or one that has a reader of its own. `unread`: records that give no event, and of most of them why."""

    format: str
    events: list[Event]
    unread: int = 0
    why: str = ""
    names: tuple[str, ...] = ()  # given to inputs that are lists: f0, f1, ...
    bare: bool = False  # inputs are single values, called `value` here


@dataclass(frozen=True)
class Side:
    """A topic's newest records."""

    topic: str
    rows: tuple[Row, ...]
    oldest_ms: int = 0  # of the topic, 0: not known
    role: Role = "predictions"
    schemas: Schemas | None = None  # of a registry, which was asked for all that the rows name
    partitions: int = 1
    places: Mapping[bytes, int] = field(default_factory=dict)  # key -> the partition on which it lies

    @cached_property
    def opened(self) -> Opened:
        return opened(self.rows, self.role, self.schemas)


Plain = tuple[Row, dict[str, Any]]  # a record, and its value as JSON has it


def opened(rows: Sequence[Row], role: Role, schemas: Schemas | None = None) -> Opened:
    troubles: Counter[str] = Counter()
    plain = list(_plain(rows, schemas, troubles))
    name = _format(plain, role)
    if name == JSON:
        events = [Event(row[0], document) for row, document in plain if document]
        troubles["are no JSON objects"] += len(plain) - len(events)
    else:
        format_ = sources.load(name)
        events = list((_of_halves if format_.half else _whole)(format_, plain, troubles))
    lost = {why: n for why, n in troubles.items() if n}
    return _named(Opened(name, events, sum(lost.values()), max(lost, key=lambda why: lost[why], default="")))


def _plain(rows: Sequence[Row], schemas: Schemas | None, troubles: Counter[str]) -> Iterator[Plain]:
    for row in rows:
        value = row[1]
        if value is None or is_heartbeat(value):
            continue
        wire = wire_of(value, headers_of(row))
        if wire is None:
            yield row, as_map(value)
        elif schemas is None:
            troubles[NO_REGISTRY] += 1
        else:
            try:
                yield row, json.loads(encoded(schemas.read(wire), strange=False))
            except EventRejected as error:
                troubles[error.reason] += 1


def _format(plain: Sequence[Plain], role: Role) -> str:
    """By the mark that nearly all carry."""
    marks: tuple[tuple[str, Callable[[Row, Mapping[str, Any]], bool]], ...] = (
        ("kserve", lambda row, document: (_kind(row) or document.get("type")) in TYPES),
        ("sagemaker", lambda _, document: "captureData" in document),
        ("oip", lambda _, document: isinstance({**document, **_part(document, "response")}.get("outputs"), list)),
    )
    if role == "outcomes":
        marks = (("sagemaker", lambda _, document: "groundTruthData" in document),)
    for name, mark in marks:
        if plain and sum(mark(row, document) for row, document in plain) >= MOST * len(plain):
            return name
    return JSON


def _kind(row: Row) -> str:
    return (headers_of(row).get("ce_type") or b"").decode(errors="replace")


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _whole(format_: Format, plain: Sequence[Plain], troubles: Counter[str]) -> Iterator[Event]:
    for row, document in plain:
        try:
            for found in format_.unpack(json.dumps(document).encode(), headers_of(row), Remarks()):
                own = found.get("id")
                yield Event(row[0], found if own is not None else {**found, "id": (row[0] or b"").decode(errors="replace")})
        except EventRejected as error:
            troubles[f"{error.path} {error.reason}"] += 1


def _of_halves(format_: Format, plain: Sequence[Plain], troubles: Counter[str]) -> Iterator[Event]:
    """In whatever order they lie; what is alone in the sample is no event."""
    assert format_.half, "asked of formats in halves alone"
    waiting: dict[str, tuple[Half, bytes | None]] = {}
    for row, _ in plain:
        try:
            half = format_.half(row[1], headers_of(row), Remarks())
            other, key = waiting.pop(half.id, (None, None))
            if other is None or other.side == half.side:
                waiting[half.id] = half, row[0]
                continue
            request, response = (half, other) if half.side == "request" else (other, half)
            same = row[0] if row[0] == key else None
            yield from (Event(same, document) for document in format_.joined(request, response))
        except EventRejected as error:
            troubles[f"{error.path} {error.reason}"] += 1
    troubles[ALONE] += len(waiting)


def _named(found: Opened) -> Opened:
    """Inputs that are lists, or single values, get names: a contract speaks of features by name."""
    if found.format == JSON or not found.events:
        return found
    widths = Counter(len(each.document["input"]) for each in found.events if isinstance(each.document.get("input"), list))
    if sum(widths.values()) >= MOST * len(found.events):
        width = widths.most_common(1)[0][0]
        names = tuple(f"f{i}" for i in range(width))
        events = [_with(each, dict(zip(names, each.document["input"], strict=False))) for each in found.events if _wide(each, width)]
        return found._replace(events=events, names=names)
    bare = [each for each in found.events if isinstance(each.document.get("input"), int | float | str | bool)]
    if len(bare) >= MOST * len(found.events):
        return found._replace(events=[_with(each, {"value": each.document["input"]}) for each in bare], bare=True)
    return found


def _wide(event: Event, width: int) -> bool:
    given = event.document.get("input")
    return isinstance(given, list) and len(given) == width


def _with(event: Event, given: dict[str, Any]) -> Event:
    return Event(event.key, {**event.document, "input": given})
