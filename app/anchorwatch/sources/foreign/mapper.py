"""One foreign document as one event of ours: values are taken from their places, and named as ours."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from anchorwatch.contract.fields import GROUPS, INSTANTS, NEEDED, Steps, steps, written
from anchorwatch.errors import EventRejected
from anchorwatch.events import Role
from anchorwatch.sources.foreign.documents import Document
from anchorwatch.sources.native.careful import number

IN_A_MS = {"ms": 1, "us": 1_000, "ns": 1_000_000}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Spot(NamedTuple):
    """Where a value stands; `unit` of a number that is a time, "" for milliseconds."""

    path: Steps
    unit: str = ""


class Reading(NamedTuple):
    """What the contracts of one topic say about it."""

    role: Role
    format: str
    fields: Mapping[str, Spot] = {}
    feature_names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float | None = None
    model: str | None = None  # of events that name none
    environment: str | None = None
    pair_within_ms: int = 600_000  # of formats in halves


class Mapper:
    """Compiled once per reading. Costs 0.2 us a field."""

    def __init__(self, reading: Reading, defaults: Mapping[str, str], answer: str | None = None) -> None:
        """answer: where a bare output stands, which is the prediction, or with a threshold the score."""
        self.reading = reading
        spots = {name: Spot(steps(path)) for name, path in defaults.items()} | dict(reading.fields)
        named = {name.partition(".")[0] for name in reading.fields}
        meant = "prediction" if reading.threshold is None else "score"
        if answer and reading.role == "predictions" and meant not in named and not named & {"prediction", "scores"}:
            spots[meant] = Spot(steps(answer))
        self.spots = spots
        self._single = [(name, *spot) for name, spot in spots.items() if name not in GROUPS and "." not in name]
        self._groups = {
            group: [(name.partition(".")[2], spot.path) for name, spot in spots.items() if name.startswith(f"{group}.")] for group in GROUPS
        }
        self._taken = frozenset(spot.path[0] for spot in spots.values() if spot.path)
        self._needed = [name for name in ("prediction_id", NEEDED.get(reading.role, "")) if name in reading.fields]

    def event(self, document: Document) -> Document:
        """Raises EventRejected. A value that is absent or null is left out."""
        found: Document = {}
        for name, path, unit in self._single:
            value = dig(document, path)
            if value is not None:
                found[name] = in_ms(value, unit, whole=name in INSTANTS) if unit or name in INSTANTS else value
        for name in self._needed:
            if name not in found:
                raise self._missing(name)
        if isinstance(found.get("prediction_id"), int) and not isinstance(found["prediction_id"], bool):
            found["prediction_id"] = str(found["prediction_id"])  # databases number their rows
        for group, named in (("features", self.reading.feature_names), ("segments", ()), ("scores", self.reading.classes)):
            if group in self.spots or self._groups[group]:
                self._group(group, named, document, found)
        self._answer(found)
        for name, value in (("model", self.reading.model), ("environment", self.reading.environment)):
            if value is not None and name not in found:
                found[name] = value
        return found

    def _missing(self, name: str) -> EventRejected:
        path = written(self.spots[name].path)
        fix = f"send it, or say in source.{self.reading.role}.fields where {name} stands"
        return EventRejected(f"is missing or null ({name})", path=path, kind="field", fix=fix)

    def _group(self, group: str, names: tuple[str, ...], document: Document, found: Document) -> None:
        """A mapping whole, as a list, or entry by entry; single entries win."""
        whole: Any = None
        if group in self.spots:
            path = self.spots[group].path
            whole = dig(document, path) if path else {name: value for name, value in document.items() if name not in self._taken}
            if isinstance(whole, list):
                whole = self._listed(group, names, whole, path)
        entries = {name: value for name, path in self._groups[group] if (value := dig(document, path)) is not None}
        if entries:
            whole = {**whole, **entries} if isinstance(whole, dict) else entries
        if whole is not None:
            found[group] = whole

    def _listed(self, group: str, names: tuple[str, ...], values: list[Any], path: Steps) -> Document:
        if len(names) == len(values) and names:
            return dict(zip(names, values, strict=True))
        wanted = "labels.classes" if group == "scores" else f"source.{self.reading.role}.feature_names"
        why = f"a list of {len(values)} where {wanted} has {len(names)} names"
        raise EventRejected(why, path=written(path), kind="field", fix=f"name each place in {wanted}, in the order of the list")

    def _answer(self, found: Document) -> None:
        """An event that carries scores alone: the largest is the answer; or of two classes the side of the threshold."""
        if self.reading.role != "predictions" or "prediction" in found:
            return
        scores, score, threshold = found.get("scores"), found.get("score"), self.reading.threshold
        if isinstance(scores, dict) and (numbers := {name: each for name, each in scores.items() if _is_finite(each)}):
            found["prediction"] = max(numbers, key=lambda name: (numbers[name], name))
        elif threshold is not None and _is_finite(score) and self.reading.positive is not None:
            others = [name for name in self.reading.classes if name != self.reading.positive]
            found["prediction"] = self.reading.positive if score >= threshold else others[0]  # type: ignore[operator]  # a number

    def places(self) -> Iterator[tuple[str, str]]:
        """(path of ours, path of theirs) of each field, so that a refusal says where to look."""
        yield from ((f"$.{name}", written(spot.path)) for name, spot in self.spots.items())


def dig(value: Any, path: Steps) -> Any:
    """None where nothing is.

    >>> dig({"a": {"b": [1, {"c": 2}]}}, ("a", "b", 1, "c")), dig({"a": 1}, ("a", "b"))
    (2, None)
    """
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def in_ms(value: Any, unit: str, *, whole: bool) -> Any:
    """A number in milliseconds; what is none is left for others to judge.

    >>> in_ms(1_800_000_000, "s", whole=True), in_ms(2500, "us", whole=False), in_ms("2027-01-15T08:00:00Z", "s", whole=True)
    (1800000000000, 2.5, '2027-01-15T08:00:00Z')
    """
    if isinstance(value, datetime):
        since = value.replace(tzinfo=value.tzinfo or UTC) - EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
    if not unit or not _is_finite(value):
        return value
    if whole and isinstance(value, int):
        return value * 1_000 if unit == "s" else value // IN_A_MS[unit]  # exact beyond 2**53
    scaled = value * 1_000 if unit == "s" else value / IN_A_MS[unit]
    return round(scaled) if whole else scaled


def _is_finite(value: Any) -> bool:
    found = number(value)
    return found is not None and math.isfinite(found)
