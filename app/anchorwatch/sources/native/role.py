"""A batch of one topic, decoded in three readings: strict for nearly all, with nulls allowed, and careful for what is left."""

from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Literal, Union

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from anchorwatch.errors import EventRejected
from anchorwatch.events import MODEL_NAME, Row, Rows
from anchorwatch.sources.base import Decoded, Refused, Shape
from anchorwatch.sources.native import careful, readers
from anchorwatch.sources.native.careful import Remarks
from anchorwatch.sources.native.fields import NEEDED, Features, Field, features_of, struct_of
from anchorwatch.sources.native.times import instant, instants

EXAMPLES_MAX = 1_000  # counters a batch may keep an example of
_UNREADABLE = (ValueError, TypeError, RecursionError)  # what msgspec raises: DecodeError and UnicodeDecodeError are ValueErrors

Note = Callable[[int, str], None]  # place of the record, what
Model = Annotated[str, Meta(pattern=f"^(?:{MODEL_NAME.pattern})$", max_length=63)]


class _Peek(msgspec.Struct, gc=False):
    model: str | None = None


class _Batch:
    """What a batch gives beside its records."""

    def __init__(self) -> None:
        self.tally: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], tuple[str, str]] = {}
        self.refused: list[Refused] = []
        self.heartbeat_ms = -1

    def add(self, owner: str, remarks: Remarks) -> None:
        self.tally.update((owner, counter) for counter in remarks.counters)
        for counter, example in remarks.examples.items():
            if len(self.examples) < EXAMPLES_MAX:
                self.examples.setdefault((owner, counter), example)


class Role:
    """Decodes one kind of event for the models of a feed. Pure and without memory: the same rows give the same answer.

    Shapes give the models known; any other model's records are decoded too, without features. `default_model` names the model of records
    that name none. Costs, measured on records of 500 bytes with 12 features: see `Predictions`.
    """

    fields: ClassVar[tuple[Field, ...]]
    at: ClassVar[str]  # the field that holds the event time
    named: ClassVar[bool] = True  # has the event a field `model`?
    identified: ClassVar[bool] = True  # has it a field `prediction_id`?
    featured: ClassVar[bool] = False

    def __init__(self, shapes: Sequence[Shape] = (), default_model: str | None = None) -> None:
        self.default_model = default_model
        models = tuple(dict.fromkeys(shape.model for shape in shapes))
        # None: of models that are not known
        self._features: dict[str | None, Features | None] = {None: features_of(None) if self.featured else None}
        if self.featured:
            self._features |= {shape.model: features_of(shape) for shape in shapes}
        self._structs = {name: self._struct(features) for name, features in self._features.items()}
        matchable = [name for name, features in self._features.items() if features is None or features.matchable]
        self._loose: dict[str | None, Callable[[bytes], Any]] = {
            name: msgspec.json.Decoder(self._structs[name]).decode for name in matchable
        }
        self._strict = self._strict_decoder(models, [name for name in matchable if name is not None])
        self._stood_in = tuple(field for field in self.fields if field.default is not None)
        self._stand_ins_of = attrgetter(*(field.name for field in self._stood_in))

    def _struct(self, features: Features | None) -> type[msgspec.Struct]:
        model = (Model, None) if self.named else None
        return struct_of(type(self).__name__, self.fields, model=model, tag=None, features=features, loose=True)

    def _strict_decoder(self, models: tuple[str, ...], matchable: list[str]) -> Callable[[bytes], Any]:
        """One struct where one is enough, else a union that `model` tells apart. A model that is not known costs a second reading."""
        title = type(self).__name__
        if self.featured and len(models) > 1:
            kinds = [struct_of(title, self.fields, model=None, tag=name, features=self._features[name], loose=False) for name in matchable]
            return msgspec.json.Decoder(Union[tuple(kinds)]).decode if kinds else _never  # noqa: UP007 (built at run time)
        if self.featured and models and not matchable:
            return _never
        default = self.default_model if not models or self.default_model in models else None
        model = (Literal[models] if models else Model, default) if self.named else None
        features = self._features[models[0] if self.featured and models else None]
        return msgspec.json.Decoder(struct_of(title, self.fields, model=model, tag=None, features=features, loose=False)).decode

    # --- the way of a batch -----------------------------------------------------------------------------------------------------

    def decode(self, rows: Sequence[Row]) -> Decoded:
        """Never raises, whatever the bytes."""
        rows, batch, kept = Rows.of(rows), _Batch(), None
        records, odd = self._read_strictly(rows.values)
        keys, stamps = rows.keys, rows.stamps
        if odd:
            records, kept = self._read_oddly(rows, records, odd, batch)
            keys, stamps = [rows.keys[i] for i in kept], rows.stamps[np.array(kept, np.int64)]

        def note(i: int, what: str) -> None:
            batch.tally[self._owner(records[i]), f"note.{what}"] += 1

        ids = self._ids(records)
        self._compare_keys(keys, ids, note)
        at = self._at(records, stamps, note)
        latency = self._latency(records, stamps, at, note) if self.featured else np.empty(0)
        traces = self._traces(records, note)
        self._notice(records, note)
        return Decoded(records, ids, traces, kept, at, latency, batch.refused, dict(batch.tally), batch.examples, batch.heartbeat_ms)

    def _read_strictly(self, values: Sequence[bytes | None]) -> tuple[list[Any], list[int]]:
        """-> records, and the places of the values that are none."""
        records: list[Any] = []
        odd: list[int] = []
        left = map(self._strict, values)  # type: ignore[arg-type]  # None raises TypeError and so is odd
        while len(records) + len(odd) < len(values):
            try:
                records.extend(left)  # keeps what came before an exception and goes on behind it: no statement per record
            except _UNREADABLE:
                odd.append(len(records) + len(odd))
        if self.identified and not "".join(map(_PREDICTION_ID, records)).isascii():
            long = {id(record) for record in records if not _fits(record)}
            if long:
                return self._set_aside(records, odd, long)
        return records, odd

    @staticmethod
    def _set_aside(records: list[Any], odd: list[int], long: set[int]) -> tuple[list[Any], list[int]]:
        """Records whose id has more bytes than characters allowed: msgspec counts characters."""
        unread = set(odd)
        places = [i for i in range(len(records) + len(odd)) if i not in unread]
        unread |= {i for i, record in zip(places, records, strict=True) if id(record) in long}
        return [record for record in records if id(record) not in long], sorted(unread)

    def _read_oddly(self, rows: Rows, strict: list[Any], odd: list[int], batch: _Batch) -> tuple[list[Any], list[int]]:
        """Second and third reading; -> all records and their rows, in order."""
        slots: list[Any] = [None] * len(rows)
        unread = set(odd)
        for i, record in zip((i for i in range(len(rows)) if i not in unread), strict, strict=True):
            slots[i] = record
        for i in odd:
            key, value, _, _ = rows[i]
            if value is None:
                batch.tally["", "tombstone"] += 1
                continue
            slots[i] = self._read_loosely(key, value, batch)
            if slots[i] is None:
                slots[i] = self._read_carefully(i, key, value, batch)
        kept = [i for i, record in enumerate(slots) if record is not None]
        return [slots[i] for i in kept], kept

    def _read_loosely(self, key: bytes | None, value: bytes, batch: _Batch) -> Any:
        """Nulls, features of another type, a score out of range, a failed call, an id that stands in the key alone. None: not even so."""
        try:
            name = _peek(value).model or self.default_model
            decode = self._loose.get(name if name in self._features else None)
            if decode is None or (self.named and name is None):
                return None
            record = decode(value)
        except _UNREADABLE:
            return None
        if self.named:
            record.model = name
        for field, there in zip(self._stood_in, self._stand_ins_of(record), strict=True):
            if there is None:
                found = self._stand_in(field, key, record.status if field.name == "prediction" else 0)
                if found is NEEDED:
                    return None
                setattr(record, field.name, found)
        if not _fits(record):
            return None
        if self.featured:
            self._repair(record, batch)
        return record

    def _repair(self, record: Any, batch: _Batch) -> None:
        """What the loose types let pass: 0.1 us a feature."""
        features, remarks = self._features_of(record.model), Remarks()
        if record.score is not None and not 0 <= record.score <= 1:
            record.score = readers.probability(record.score, "score", remarks)
        if record.features is None:
            record.features = features.loose()
        values = msgspec.structs.astuple(record.features)
        for (attribute, name, kind), wanted, value in zip(features.kinds, features.types, values, strict=True):
            if type(value) is not wanted and value is not None:
                setattr(record.features, attribute, readers.feature(kind, value, name, remarks))
        if remarks.counters:
            batch.add(self._owner(record), remarks)

    def _features_of(self, model: str | None) -> Features:
        found = self._features[model if model in self._features else None]
        assert found is not None, "only asked for events with features"
        return found

    def _stand_in(self, field: Field, key: bytes | None, status: int | None) -> Any:
        """For a field that is absent or null; NEEDED when nothing can stand in."""
        if field.name == "prediction_id":
            return _id_of(key) or NEEDED
        if field.name == "prediction" and (status or 0) >= 400:
            return None
        return dict(field.default) if isinstance(field.default, dict) else field.default

    # --- the careful reading ----------------------------------------------------------------------------------------------------

    def _read_carefully(self, row: int, key: bytes | None, value: bytes, batch: _Batch) -> Any:
        """-> a record; or None, and the row is refused or a heartbeat."""
        remarks, owner = Remarks(), ""
        record = None
        try:
            document = careful.read(value, remarks)
            if "heartbeat_at_ms" in document and not any(field.name in document for field in self.fields if field.default is NEEDED):
                batch.heartbeat_ms = max(batch.heartbeat_ms, _heartbeat(document["heartbeat_at_ms"]))
            else:
                record = self._record(document, key, remarks)
                owner = self._owner(record)
        except EventRejected as error:
            batch.refused.append(Refused(row, error.kind, error.path, error.reason, error.fix))
            remarks.counters = [counter for counter in remarks.counters if counter == "note.bom"]  # what is refused is not repaired
            remarks.examples = {}
        batch.add(owner, remarks)
        return record

    def _record(self, document: dict[str, Any], key: bytes | None, remarks: Remarks) -> Any:
        clean: dict[str, Any] = {}
        name: str | None = None
        if self.named:
            found = document.get("model")
            name = self.default_model if found is None else readers.model(found, "model", remarks)
            if name is None:
                raise EventRejected("no model named", path="$.model", kind="field", fix="send `model`, the name of its contract")
        shape = name if name in self._features else None
        for field in self.fields:
            value = document.get(field.name)
            clean[field.name] = None if value is None else field.read(value, field.name, remarks)
        for field in self.fields:  # once more: what stands in for a prediction hangs on the status
            if clean[field.name] is None:
                clean[field.name] = self._stand_in(field, key, clean.get("status"))
                if clean[field.name] is NEEDED:
                    raise _missing(field.name)
        if self.featured:
            clean["features"] = self._read_features(name, document.get("features"), remarks)
        if remarks.strange and "repair.not_finite" not in remarks.counters:
            remarks.note("not_finite_elsewhere")
        if self.named:
            clean["model"] = name
        return self._structs[shape](**clean)

    def _read_features(self, model: str | None, value: Any, remarks: Remarks) -> Any:
        features = self._features_of(model)
        if not isinstance(value, dict):
            if value is not None:
                remarks.repair("retyped:$.features", value)
            return features.loose()
        return features.loose(
            **{attribute: readers.feature(kind, value.get(name), name, remarks) for attribute, name, kind in features.kinds}
        )

    # --- what is looked at by column --------------------------------------------------------------------------------------------

    def _owner(self, record: Any) -> str:
        return f"{record.environment}/{record.model}" if self.named else ""

    def _ids(self, records: list[Any]) -> list[bytes]:
        """The key that each record should have: its prediction id, where it has one."""
        return list(map(str.encode, map(_PREDICTION_ID, records)))

    @staticmethod
    def _compare_keys(keys: list[bytes | None], ids: list[bytes], note: Note) -> None:
        """Whole batches first; one by one only where something differs."""
        if keys == ids:
            return
        for i, (key, wanted) in enumerate(zip(keys, ids, strict=True)):
            if key != wanted:
                note(i, "misplaced_key")
                if key == b'"' + wanted + b'"':
                    note(i, "quoted_key")

    def _at(self, records: list[Any], stamps: NDArray[np.int64], note: Note) -> NDArray[np.int64]:
        at = instants(list(map(attrgetter(self.at), records)), stamps, note)
        return np.where(at < 0, stamps, at)

    def _latency(self, records: list[Any], stamps: NDArray[np.int64], at: NDArray[np.int64], note: Note) -> NDArray[np.float64]:
        """float64[n], NaN: not told; events with features only."""
        raise NotImplementedError

    def _traces(self, records: list[Any], note: Note) -> list[str | None] | None:  # noqa: ARG002
        """The traceparent of each record, of events that carry one; None: no record has one."""
        return None

    def _notice(self, records: list[Any], note: Note) -> None:
        """What else a kind of event looks at."""


_PREDICTION_ID = attrgetter("prediction_id")
_peek = msgspec.json.Decoder(_Peek).decode


def _fits(record: Any) -> bool:
    found = getattr(record, "prediction_id", "")
    return len(found) * 4 <= readers.ID_MAX or len(found.encode()) <= readers.ID_MAX


def _never(_: Any) -> Any:
    raise ValueError("no shape can be read strictly")


def _id_of(key: bytes | None) -> str | None:
    try:
        return key.decode() if key is not None and 1 <= len(key) <= readers.ID_MAX else None
    except UnicodeDecodeError:
        return None


def _heartbeat(value: Any) -> int:
    found = instant(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else "time_unreadable"
    if isinstance(found, int):
        return found
    raise readers.wrong("heartbeat_at_ms", "milliseconds since 1970 or RFC 3339 with offset", value, "send the time as an integer")


def _missing(name: str) -> EventRejected:
    fixes = {
        "prediction_id": "send prediction_id, or the id as the record's key",
        "prediction": "send prediction, or a status of 400 and more for a call that failed",
        "label": "send label: the truth about this prediction",
        "action": "send action: what was done",
    }
    what = "is missing, null or not a number" if name in ("prediction", "label") else "is missing or null"  # those two may be numbers
    return EventRejected(what, path=f"$.{name}", kind="field", fix=fixes.get(name, f"send {name}"))
