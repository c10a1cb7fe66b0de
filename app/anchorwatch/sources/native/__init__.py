"""Our own events as JSON, one object a record (interfaces.md 1): `Predictions`, `Outcomes`, `Decisions`, `Complaints`, `Flags`.

Refuse (to dead letters), repair (the record is kept, the value becomes None, counted with an example) or note (kept as it is, counted).
What is counted stands in `Decoded.tally`, under the model and one of these names; `:<name>` is a feature's name or `$.<field>`:

note      bom, duplicate_key, misplaced_key, quoted_key, clock_ahead, clock_seconds, no_zone, time_unreadable, negative_latency,
          nested_feature:<name>, segment_ignored, scores_sum, score_clamped, scores_clamped, malformed_traceparent, retyped:$.<field>,
          cut:$.<field>, unknown_word:$.<field>, not_finite_elsewhere
repair    not_finite (once a record), not_finite:<name>, retyped:<name>, score_out_of_range, scores_out_of_range
tombstone, under ""
"""

from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from anchorwatch.errors import EventRejected
from anchorwatch.events import FlagChange
from anchorwatch.events import Role as Kind
from anchorwatch.sources.base import Decoded
from anchorwatch.sources.native import careful, fields, readers
from anchorwatch.sources.native.careful import Remarks
from anchorwatch.sources.native.role import Note, Role
from anchorwatch.sources.native.times import instants

__all__ = ["ROLES", "TIMES", "Complaints", "Decisions", "Flags", "Outcomes", "Predictions", "as_map"]

SCORES_SUM = 0.01  # how far from 1 a sum of `scores` may be


class _Traced(Role):
    """Events that carry a `traceparent`: one that is malformed becomes None and is noted."""

    def _traces(self, records: list[Any], note: Note) -> list[str | None] | None:
        traces = list(map(attrgetter("traceparent"), records))
        absent = traces.count(None)
        if absent == len(traces):
            return None
        if _well_formed([trace for trace in traces if trace is not None] if absent else traces):
            return traces
        for i, trace in enumerate(traces):
            if trace is not None and readers.traceparent(trace, "traceparent", Remarks()) is None:
                records[i].traceparent = traces[i] = None
                note(i, "malformed_traceparent")
        return traces


def _well_formed(traces: list[str]) -> bool:
    """Are all of them? They have 55 characters each. Whole batches at once: 0.1 us a record instead of 0.4."""
    joined = "".join(traces)
    hyphens = "-" * len(traces)
    return (
        joined.encode().translate(None, b"0123456789abcdef") == 3 * hyphens.encode()
        and joined[2::55] == joined[35::55] == joined[52::55] == hyphens
        and "f" not in joined[::55]  # version ff is invalid; f0 to fe are looked at one by one
        and f"-{'0' * 32}-" not in joined
        and f"-{'0' * 16}-" not in joined
    )


class Predictions(_Traced):
    """About 1.5 us a record of 500 bytes with 12 features and 3 segments, of that 1.0 in msgspec; 5 us of a model unknown, 7 us with nulls
    where a default is meant, 11 us with a feature of another type, 34 us read carefully, 10 us refused (busy cores, Python 3.11).

    Attributes of a record: prediction_id, model, environment, prediction (raw: text, float or bool; `events.texts` gives classes; None
    with a status >= 400), score, scores, features (a struct: f0, f1, ... in the order of the shape; None: absent, null or repaired),
    segments (name -> text), predicted_at_ms and requested_at_ms (raw; see `Decoded.at_ms`), latency_ms (raw; see `Decoded.latency_ms`),
    model_version, status, propensity, sampling_fraction, arm, baseline_prediction, flag, traceparent.
    """

    fields = fields.PREDICTION
    at = "predicted_at_ms"
    featured = True

    def _notice(self, records: list[Any], note: Note) -> None:
        scores = list(map(attrgetter("scores"), records))
        if scores.count(None) == len(scores):
            return
        for i, each in enumerate(scores):  # 0.3 us a record that has them
            if each is not None and abs(sum(each.values()) - 1) > SCORES_SUM:
                note(i, "scores_sum")

    def _latency(self, records: list[Any], stamps: NDArray[np.int64], at: NDArray[np.int64], note: Note) -> NDArray[np.float64]:
        latency = np.array(list(map(attrgetter("latency_ms"), records)), np.float64)
        requested = list(map(attrgetter("requested_at_ms"), records))
        if requested.count(None) == len(requested):
            return latency
        since = instants(requested, stamps, note)
        derived = np.isnan(latency) & (since >= 0)
        latency[derived] = (at - since)[derived]
        for i in np.flatnonzero(latency < 0).tolist():
            note(i, "negative_latency")
        return np.maximum(latency, 0.0)


class Outcomes(_Traced):
    """Attributes of a record: prediction_id, model, environment, label (raw), known_at_ms (raw), revision, kind, source, traceparent."""

    fields = fields.OUTCOME
    at = "known_at_ms"


class Decisions(Role):
    """Attributes of a record: those of `events.Decision`; decided_at_ms is raw."""

    fields = fields.DECISION
    at = "decided_at_ms"


class Complaints(Role):
    """Attributes of a record: those of `events.Complaint`; complained_at_ms is raw."""

    fields = fields.COMPLAINT
    at = "complained_at_ms"


class Flags(Role):
    """Attributes of a record: those of `events.FlagChange`; the key of a record must be `<environment>/<key>`, else `misplaced_key`."""

    fields = fields.FLAG_CHANGE
    at = "changed_at_ms"
    named = False
    identified = False

    def _ids(self, records: list[Any]) -> list[bytes]:
        return [f"{record.environment}/{record.key}".encode() for record in records]

    @staticmethod
    def changes(decoded: Decoded, *, raw: bool = False) -> list[FlagChange]:
        """What was decoded, its times as numbers; raw: as they are written, None where there is none."""
        told = [FlagChange(**{name: getattr(record, name) for name in FlagChange.__struct_fields__}) for record in decoded.records]
        return told if raw else [structs.replace(each, changed_at_ms=at) for each, at in zip(told, decoded.at_ms.tolist(), strict=True)]


ROLES: dict[Kind, type[Role]] = {
    "predictions": Predictions, "outcomes": Outcomes, "decisions": Decisions, "complaints": Complaints, "flags": Flags,
}  # fmt: skip
TIMES: dict[Kind, str] = {kind: role.at for kind, role in ROLES.items()}  # the field that holds the event time


def as_map(raw: bytes) -> dict[str, Any]:
    """A record with the names and values that it has, NaN as float; {} when it cannot be read. For the fields watch."""
    try:
        found = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        try:
            return careful.read(raw, Remarks())
        except EventRejected:
            return {}
    return found if isinstance(found, dict) else {}
