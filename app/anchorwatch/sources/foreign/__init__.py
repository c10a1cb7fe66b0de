"""Other people's records as events of ours: `Translator`, made by `of_contracts` for one topic.

bytes -> documents (the format's `unpack`) -> an event each (`mapper`) -> native JSON, which `native` then decodes like any other.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from anchorwatch import sources
from anchorwatch.contract import Contract, Input
from anchorwatch.contract.fields import steps
from anchorwatch.errors import UNREADABLE, EventRejected
from anchorwatch.events import Headed, Headers, Role, Row
from anchorwatch.sources.base import Refused
from anchorwatch.sources.foreign.documents import Document, one_object
from anchorwatch.sources.foreign.mapper import Mapper, Reading, Spot
from anchorwatch.sources.foreign.pairs import Pairs, Whole
from anchorwatch.sources.foreign.wire import Schemas, Wire, wire_of
from anchorwatch.sources.native.careful import Remarks
from anchorwatch.sources.native.times import AHEAD_MAX_MS, instant

__all__ = ["Opened", "Reading", "Spot", "Translator", "of_contracts"]

Tally = dict[tuple[str, str], int]


class Opened(NamedTuple):
    """A batch in our own words. Each row taken is in `rows` once or more often (several instances), or in `refused`, or it `waits`."""

    rows: list[Row]  # native events, tombstones, heartbeats
    origin: list[int]  # place of the record that each came from
    refused: list[Refused]  # their `row` is the place of the record
    waits: list[int]  # halves of an event, which wait for the other
    tally: Tally  # as of `Decoded`
    places: Mapping[str, str]  # path of ours -> path of theirs

    def refusals(self, decoded: Sequence[Refused]) -> list[Refused]:
        """All of them by place of the record, each with the path at which its producer finds it. `decoded`: of `rows`."""
        return [
            *self.refused,
            *(r._replace(row=self.origin[r.row], path=self.places.get(r.path, r.path)) for r in decoded),
        ]


class Translator:
    """Of one topic. Never raises, whatever the bytes; without memory but for halves of events, which are state of a task."""

    def __init__(self, reading: Reading, schemas: Schemas | None = None, *, ours: bool = False) -> None:
        """schemas: of a registry, for records that name one. ours: whatever names none is an event of ours, to be left as it is."""
        self.reading, self.schemas, self.ours = reading, schemas, ours
        self.format = sources.load(reading.format)
        self.mapper = Mapper(reading, self.format.fields.get(reading.role, {}), self.format.answer)
        self.places = dict(self.mapper.places())
        self.pairs = Pairs(reading.pair_within_ms) if self.format.half else None
        self.owner = f"{reading.environment or 'prod'}/{reading.model or ''}"  # of halves that never became an event

    def open(self, rows: Sequence[Row]) -> Opened:
        opened = Opened([], [], [], [], Counter(), self.places)
        for i, row in enumerate(rows):
            if row[1] is None:
                opened.rows.append(row)
                opened.origin.append(i)
                continue
            remarks = Remarks()
            try:
                if not self.pairs:
                    self._whole(i, row, remarks, opened)
                elif self._half(i, row, remarks, opened):
                    opened.waits.append(i)
            except EventRejected as error:
                opened.refused.append(Refused(i, error.kind, error.path, error.reason, error.fix))
        return opened

    def _whole(self, i: int, row: Row, remarks: Remarks, opened: Opened) -> None:
        """Raises EventRejected before anything of the record was taken."""
        wire = wire_of(row[1] or b"", headers_of(row)) if self.schemas else None
        if wire is None and self.ours:
            opened.rows.append(row)
            opened.origin.append(i)
            return
        documents = self.format.unpack(row[1], headers_of(row), remarks) if wire is None else self._told_by_schema(wire, row, remarks)
        if len(documents) == 1 and "heartbeat_at_ms" in documents[0]:
            opened.rows.append(row)
            opened.origin.append(i)
        else:
            self._take(i, row, documents, remarks, opened)

    def _told_by_schema(self, wire: Wire, row: Row, remarks: Remarks) -> list[Document]:
        """Raises EventRejected. A format that is JSON itself may lie in a record of a schema, too."""
        assert self.schemas, "asked of records that name one"
        document: Document = self.schemas.read(wire)
        if self.format.unpack is one_object:
            return [document]
        return self.format.unpack(encoded(document, strange=False), headers_of(row), remarks)

    def _take(self, i: int, row: Row, documents: Sequence[Document], remarks: Remarks, opened: Opened) -> None:
        key, _, offset, stamp = row
        events = [self.mapper.event(document) for document in documents]
        for event in events:
            own = key if len(events) == 1 and not self.pairs else str(event.get("prediction_id", "")).encode(errors="replace")
            opened.rows.append((own, encoded(event, strange=remarks.strange), offset, stamp))
            opened.origin.append(i)
        for counter in remarks.counters:
            opened.tally[f"{events[0].get('environment', 'prod')}/{events[0].get('model', '')}", counter] += 1

    def _half(self, i: int, row: Row, remarks: Remarks, opened: Opened) -> bool:
        """Does the row lead to nothing yet? Raises EventRejected: of this half, or of the pair that it completes."""
        assert self.format.half, "asked of formats in halves alone"
        assert self.pairs, "made for them"
        if is_heartbeat(row[1] or b""):
            self._leave(i, row, self.pairs.overdue(min(heartbeat_ms(row[1] or b""), row[3] + AHEAD_MAX_MS)), opened)
            opened.rows.append(row)
            opened.origin.append(i)
            return False
        half = self.format.half(row[1], headers_of(row), remarks)
        left, dropped = self.pairs.add(half, row[3])
        if dropped:
            opened.tally[self.owner, "note.half_twice"] += 1
        before = len(opened.rows)
        trouble = self._leave(i, row, left, opened)
        if trouble and len(opened.rows) == before:
            raise trouble
        if trouble:
            opened.tally[self.owner, "note.pair_refused"] += 1
        return len(opened.rows) == before

    def _leave(self, i: int, row: Row, left: Sequence[Whole], opened: Opened) -> EventRejected | None:
        """-> what is wrong with the first pair that is whole; anything else that is refused is counted."""
        trouble = None
        for whole in left:
            try:
                self._joined(i, row, whole, opened)
            except EventRejected as error:
                if whole.response and whole.request and not trouble:
                    trouble = error
                else:
                    opened.tally[self.owner, "note.pair_refused"] += 1
        return trouble

    def overdue(self, now_ms: int) -> Opened | None:
        """Halves that have waited too long by now, where no record came to say so. None: none has. Their rows have no record (`origin` -1)."""
        left = self.pairs.overdue(now_ms) if self.pairs else []
        if not left:
            return None
        opened = Opened([], [], [], [], Counter(), self.places)
        self._leave(-1, (None, None, 0, 0), left, opened)
        return opened

    def _joined(self, i: int, row: Row, whole: Whole, opened: Opened) -> None:
        if whole.request is None:
            opened.tally[self.owner, "note.response_alone"] += 1
            return
        if whole.response is None:
            opened.tally[self.owner, "note.request_alone"] += 1
        documents = self.format.joined(whole.request, whole.response)
        strange = Remarks()
        strange.strange = True  # NaN may stand in what was kept: written as the word, so that it is repaired and counted
        self._take(i, (row[0], None, row[2], whole.stamp), documents, strange, opened)

    # state of a task

    def snapshot(self) -> list[list[Any]]:
        """What waits; [] for most formats."""
        return self.pairs.snapshot() if self.pairs else []

    def restore(self, kept: list[list[Any]]) -> None:
        if self.pairs:
            self.pairs.restore(kept)


def headers_of(row: Row) -> Headers:
    return row.headers if isinstance(row, Headed) else {}


def is_heartbeat(value: bytes) -> bool:
    return value.startswith(b'{"heartbeat_at_ms"')


def heartbeat_ms(value: bytes) -> int:
    """-1: not readable, which the decoder says."""
    try:
        at = instant(msgspec.json.decode(value, type=dict[str, int | str])["heartbeat_at_ms"])
    except UNREADABLE:
        return -1
    return at if isinstance(at, int) else -1


def encoded(event: Document, *, strange: bool) -> bytes:
    """As JSON; `strange`: with NaN as the word, so that it is repaired and counted like any other."""
    if not strange:
        try:
            return msgspec.json.encode(event)
        except (ValueError, TypeError, OverflowError):  # an integer beyond 64 bits
            pass
    return json.dumps(event, ensure_ascii=False, default=str).encode(errors="replace")


def of_contracts(role: Role, contracts: Sequence[Contract], schemas: Schemas | None = None) -> Translator | None:
    """How a topic is read that all of them name for this role. None: it holds our own events as they are.

    Where they differ the first one by name has its way. schemas: of a registry, if one is set.
    """
    inputs: list[tuple[str, Input]] = sorted(((c.key, c.source.of(role)) for c in contracts), key=lambda pair: pair[0])
    if role == "flags" or not inputs or not (inputs[0][1].foreign or schemas):
        return None
    source = inputs[0][1]
    models, environments = {c.model for c in contracts}, {c.environment for c in contracts}
    one = next(c for c in contracts if c.key == inputs[0][0])
    reading = Reading(
        role, source.format, {name: Spot(steps(place.path), place.unit or "") for name, place in source.fields.items()},
        source.feature_names, one.labels.classes, one.labels.positive, source.threshold,
        models.pop() if len(models) == 1 else None, environments.pop() if len(environments) == 1 else None, one.source.pair_within,
    )  # fmt: skip
    return Translator(reading, schemas, ours=not source.foreign)
