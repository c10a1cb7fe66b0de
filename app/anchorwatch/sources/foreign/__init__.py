"""Other people's records as events of ours: `Translator`, made by `of_contracts` for one topic.

bytes -> documents (the format's `unpack`) -> an event each (`mapper`) -> native JSON, which `native` then decodes like any other.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from anchorwatch import sources
from anchorwatch.contract import Contract, Input
from anchorwatch.contract.fields import steps
from anchorwatch.errors import EventRejected
from anchorwatch.events import Role, Row
from anchorwatch.sources.base import Refused
from anchorwatch.sources.foreign.documents import Document
from anchorwatch.sources.foreign.mapper import Mapper, Reading, Spot
from anchorwatch.sources.native.careful import Remarks

__all__ = ["Opened", "Reading", "Spot", "Translator", "of_contracts"]

Tally = dict[tuple[str, str], int]


class Opened(NamedTuple):
    """A batch in our own words. Each row taken is in `rows` once or more often (several instances), or in `refused`."""

    rows: list[Row]  # native events, tombstones, heartbeats
    origin: list[int]  # place of the record that each came from
    refused: list[Refused]  # their `row` is the place of the record
    tally: Tally  # as of `Decoded`
    places: Mapping[str, str]  # path of ours -> path of theirs

    def refusals(self, decoded: Sequence[Refused]) -> list[Refused]:
        """All of them by place of the record, each with the path at which its producer finds it. `decoded`: of `rows`."""
        return [
            *self.refused,
            *(r._replace(row=self.origin[r.row], path=self.places.get(r.path, r.path)) for r in decoded),
        ]


class Translator:
    """Of one topic. Never raises, whatever the bytes."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.format = sources.load(reading.format)
        self.mapper = Mapper(reading, self.format.fields.get(reading.role, {}))
        self.places = dict(self.mapper.places())

    def open(self, rows: Sequence[Row]) -> Opened:
        opened = Opened([], [], [], Counter(), self.places)
        for i, row in enumerate(rows):
            if row[1] is None:
                opened.rows.append(row)
                opened.origin.append(i)
                continue
            remarks = Remarks()
            try:
                self._open(i, row, remarks, opened)
            except EventRejected as error:
                opened.refused.append(Refused(i, error.kind, error.path, error.reason, error.fix))
        return opened

    def _open(self, i: int, row: Row, remarks: Remarks, opened: Opened) -> None:
        """Raises EventRejected before anything of the record was taken."""
        key, value, offset, stamp = row
        documents = self.format.unpack(value or b"", {}, remarks)
        if len(documents) == 1 and "heartbeat_at_ms" in documents[0]:
            opened.rows.append(row)
            opened.origin.append(i)
            return
        events = [self.mapper.event(document) for document in documents]
        for event in events:
            own = key if len(events) == 1 else str(event.get("prediction_id", "")).encode()
            opened.rows.append((own, encoded(event, strange=remarks.strange), offset, stamp))
            opened.origin.append(i)
        for counter in remarks.counters:
            opened.tally[f"{events[0].get('environment', 'prod')}/{events[0].get('model', '')}", counter] += len(events[:1])


def encoded(event: Document, *, strange: bool) -> bytes:
    """As JSON; `strange`: with NaN as the word, so that it is repaired and counted like any other."""
    if not strange:
        try:
            return msgspec.json.encode(event)
        except (ValueError, TypeError, OverflowError):  # an integer beyond 64 bits
            pass
    return json.dumps(event, ensure_ascii=False, default=str).encode(errors="replace")


def of_contracts(role: Role, contracts: Sequence[Contract]) -> Translator | None:
    """How a topic is read that all of them name for this role. None: it holds our own events as they are.

    Where they differ the first one by name has its way; `contract check` tells so beforehand.
    """
    inputs: list[tuple[str, Input]] = sorted(((c.key, getattr(c.source, role)) for c in contracts), key=lambda pair: pair[0])
    if role == "flags" or not inputs or not inputs[0][1].foreign:
        return None
    source = inputs[0][1]
    models, environments = {c.model for c in contracts}, {c.environment for c in contracts}
    one = next(c for c in contracts if c.key == inputs[0][0])
    return Translator(
        Reading(
            role, source.format, {name: Spot(steps(place.path), place.unit or "") for name, place in source.fields.items()},
            source.feature_names, one.labels.classes, one.labels.positive, source.threshold,
            models.pop() if len(models) == 1 else None, environments.pop() if len(environments) == 1 else None,
        )
    )  # fmt: skip
