"""What every event format gives: the records it understood, and for each other record why not."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.errors import EventRejected
from anchorwatch.events import Headed, Record, Row
from anchorwatch.stages.rekey import ORIGIN

DEAD_VALUE_MAX = 900_000  # bytes: brokers take 1 MB by default, headers included
CAME_FROM = re.compile(rb"(.+)-(\d+)@(\d+)@-?\d+")
KEY_MAX = 100_000  # bytes of a dead letter's key


class Shape(NamedTuple):
    """What a decoder must know of a model: the union over its environments."""

    model: str
    features: Mapping[str, str]  # name -> number, category, text or bool; its order is that of f0, f1, ...


class Half(NamedTuple):
    """The request or the response of an event whose two records are written apart."""

    id: str  # of the event, the same in both
    side: str  # request or response
    at_ns: int | None  # as the record says it, nanoseconds since 1970; None: it does not
    about: dict[str, Any]  # what the record says beside its payload
    payload: Any


class Format(NamedTuple):
    """What one file of this folder says about its events.

    A document is one prediction (or outcome) as plain JSON: `fields` say where ours stand in it. `answer`: where a model's bare output stands,
    which is the prediction, or with a `threshold` the score.
    """

    fields: Mapping[str, Mapping[str, str]]  # role -> our field -> its path in a document; only roles that come in this format
    unpack: Callable[..., list[dict[str, Any]]] = lambda *_: []  # (value, headers, remarks) -> documents; raises EventRejected
    answer: str | None = None
    headed: bool = False  # are headers needed?
    half: Callable[..., Half] | None = None  # in place of `unpack`, where two records make an event
    joined: Callable[[Half, Half | None], list[dict[str, Any]]] = lambda *_: []  # (request, response) -> documents; None: it never came


class Refused(NamedTuple):
    """Why one row cannot be used; becomes a dead letter."""

    row: int
    kind: str  # malformed, field, schema or too_large
    path: str
    reason: str
    fix: str


class Decoded(NamedTuple):
    """A batch, decoded. Every row is a record, refused, a tombstone or a heartbeat: exactly one of these."""

    records: list[Any]  # structs with the attributes of the event; an optional one that is absent or null is None or has its default
    ids: list[bytes]  # UTF-8 of each record's prediction_id; of a flag, of the key that it should have
    traces: list[str | None] | None  # traceparent of each record; None: no record has one
    rows: list[int] | None  # row of each record, ascending; None: record i is row i
    at_ms: NDArray[np.int64]  # event time of each record: its own, or the record timestamp where that is absent or of no use
    latency_ms: NDArray[np.float64]  # of each prediction, NaN: not told; empty for other roles
    refused: list[Refused]
    tally: dict[tuple[str, str], int]  # ("<environment>/<model>" or "", "note.clock_ahead", "repair.retyped:amount", "tombstone") -> n
    examples: dict[tuple[str, str], tuple[str, str]]  # the same keys, repairs only -> first (type seen, its JSON cut to 80 characters)
    heartbeat_ms: int  # highest heartbeat among the rows, -1: none

    def insist(self) -> None:
        """For whoever can still be told that a row is refused. Raises EventRejected, of the first."""
        for refused in self.refused:
            raise EventRejected(refused.reason, path=refused.path, fix=refused.fix, kind=refused.kind)


def dead_letter(row: Row, topic: str, partition: int, refused: Refused, topic_out: str, *, verbatim: bool = True) -> Record:
    """The refused row as a record for `topic_out`, in the words of Kafka Streams (KIP-1034).

    Key and value are the original ones (`verbatim=False`: no value); a value over DEAD_VALUE_MAX is cut and two headers tell its size and
    SHA-256. The original headers are not kept, since rows do not carry them; topic, partition and offset lead back to them.
    """
    key, value, offset, _ = row
    if isinstance(row, Headed) and (came := CAME_FROM.fullmatch(row.headers.get(ORIGIN) or b"")):  # rekeyed: where it first stood
        topic, partition, offset = came[1].decode(), int(came[2]), int(came[3])
    headers = {
        "__streams.errors.exception": "anchorwatch.errors.EventRejected",
        "__streams.errors.message": f"{refused.path}: {refused.reason}" + (f"; {refused.fix}" if refused.fix else ""),
        "__streams.errors.stacktrace": f"{refused.kind} at {topic}-{partition}@{offset} {refused.path}",
        "__streams.errors.topic": topic,
        "__streams.errors.partition": str(partition),
        "__streams.errors.offset": str(offset),
        "anchorwatch.errors.kind": refused.kind,
        "anchorwatch.errors.path": refused.path,
        "anchorwatch.errors.fix": refused.fix,
    }
    if value is not None and (len(value) > DEAD_VALUE_MAX or not verbatim):
        headers |= {"anchorwatch.errors.value_bytes": str(len(value)), "anchorwatch.errors.value_sha256": hashlib.sha256(value).hexdigest()}
        value = value[:DEAD_VALUE_MAX] if verbatim else None
    return Record(topic_out, -1, key and key[:KEY_MAX], value, tuple((name, text.encode()) for name, text in headers.items()))
