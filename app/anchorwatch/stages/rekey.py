"""One task of a topic that is not keyed by the prediction's id: each record leaves as it came, under the right key, for ingest to read again.

Beside the records it tells how far it is: no event before that time will come from it any more. Ingest goes by the slowest of these tasks,
since a topic that many write to is at its end long before all of them are. Without state: what it read, wrote and told is one transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from anchorwatch.events import Headed, Headers, Record, Row
from anchorwatch.stages.report import Frozen, Report

TELL_MS = 1_000  # of event time between two words about how far it is, when nothing is read
AHEAD_MS_MAX = 300_000  # a time further ahead of the wall is no time at all
ORIGIN = "anchorwatch.from"  # header: `<topic>-<partition>@<offset>@<record time in ms>`


class Way(NamedTuple):
    """Where one record goes."""

    key: bytes | None  # of the record that leaves; its own where none was found: ingest says why it is refused
    at_ms: int  # event time, -1: none
    passes: bool = True  # False: a heartbeat, which is told by every task in its own words


class Router(Protocol):
    def ways(self, rows: Sequence[Row]) -> list[Way]: ...


@dataclass(frozen=True)
class RekeySettings:
    """Of one topic of one feed; names of topics are whole."""

    source: str
    into: str
    partitions: int  # of `into`
    wall: bool = True


class Progress(msgspec.Struct):
    """What stands in `into` beside the records, in every partition, under an empty key."""

    rekeyed_to_ms: int
    task: int
    tasks: int


class Rekey:
    """Is an engine's `Stage`."""

    def __init__(self, task: int, tasks: int, router: Callable[[], Router], settings: RekeySettings) -> None:
        """router: of the contracts in force now."""
        self.task, self.tasks, self.router, self.settings = task, tasks, router, settings
        self.seen, self.told = -1, -1  # highest event time; the last one told
        self.records: list[Record] = []

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Sequence[bytes | None] | None) -> None:
        del traceparents  # they travel with the headers
        latest = polled_ms + AHEAD_MS_MAX if self.settings.wall else 2**63
        for row, way in zip(rows, self.router().ways(rows), strict=True):
            if way.at_ms <= latest:
                self.seen = max(self.seen, way.at_ms if not self.settings.wall else min(way.at_ms, polled_ms))
            if way.passes:
                key, value, offset, stamp = row
                origin = f"{topic}-{self.task}@{offset}@{stamp}".encode()
                kept = tuple((name, text) for name, text in headers_of(row).items() if name != ORIGIN and text is not None)
                self.records.append(Record(self.settings.into, -1, key if way.key is None else way.key, value, (*kept, (ORIGIN, origin))))

    def tick(self, now_ms: int, ended: frozenset[str]) -> None:
        if self.settings.wall and self.settings.source in ended:
            self.seen = max(self.seen, now_ms)

    def due(self) -> bool:
        return self.seen >= self.told + TELL_MS

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        del spans
        records, self.records = self.records, []
        if self.seen > self.told:
            self.told = self.seen
            word = msgspec.json.encode(Progress(self.seen, self.task, self.tasks))
            records += [Record(self.settings.into, p, b"", word) for p in range(self.settings.partitions)]
        return Frozen({}, records, Report())


def headers_of(row: Row) -> Headers:
    return row.headers if isinstance(row, Headed) else {}
