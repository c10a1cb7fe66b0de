"""Records of one model as columns, for the watches to count. No Python statement runs per event and value, but for odd records."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorwatch.events import canonical
from anchorwatch.watches.base import ANSWER, Columns, Floats, Ints, short_hash
from anchorwatch.watches.layout import Layout

Objects = Sequence[Any]
ANSWERED, GIVEN_SCORE, SCORES, FEATURES, STATUS, SEGMENTS, META = map(
    attrgetter, ("prediction", "score", "scores", "features", "status", "segments", "feature_meta")
)
ARM_OF, PROPENSITY = attrgetter("arm"), attrgetter("propensity")
ABSENT = frozenset(("null", "not_found"))  # there is no value that could be old


class Codes(dict[Any, int]):
    """Value -> code; what is not known has one code of its own, so the table never grows."""

    def __init__(self, known: Iterable[str], rest: int, others: Iterable[str] = ()) -> None:
        super().__init__({value: code for code, value in enumerate(known)})
        self.rest = rest
        self.update(dict.fromkeys(others, rest - 1))
        self[None] = -1

    def __missing__(self, value: Any) -> int:
        """Numbers and bools by their canonical text; whatever is unseen is `rest`."""
        return self.rest if isinstance(value, str) else self.get(canonical(value), self.rest)

    def of(self, column: Objects) -> Ints:
        return np.fromiter(map(self.__getitem__, column), np.int64, len(column))


class PrivateCodes(Codes):
    """Of a private category, whose reference names digests in place of values; 1 us a record."""

    def __missing__(self, value: Any) -> int:
        return self.get(digest(value if isinstance(value, str) else canonical(value)), self.rest)


def digest(text: str) -> str:
    """Stands for a private value, in the reference and in what is told."""
    return f"#{short_hash(text)}"


class Maker:
    """Compiled once per layout: how its records become columns."""

    def __init__(self, layout: Layout, places: dict[str, int]) -> None:
        """places: feature -> i of the attribute f<i> in the decoder's struct."""
        self.layout = layout
        self.numbers = [name for name, kind in layout.features.items() if kind == "number"]
        self.categories = [name for name, kind in layout.features.items() if kind != "number"]
        self._place_of = {name: attrgetter(f"f{place}") for name, place in places.items()}
        reference = layout.reference
        self._codes = {}
        for name in self.categories:
            named = reference.values.get(name, ()) if reference else ()
            kind = PrivateCodes if layout.is_private(name) else Codes
            self._codes[name] = kind(named, len(named) + 1, reference.rare.get(name, ()) if reference else ())
        self.answers = Codes(layout.classes, len(layout.classes))
        self._dimensions = [Codes((), 0) for _ in layout.dimensions]
        for codes, known in zip(self._dimensions, layout.value_codes, strict=True):
            codes.update(known)
            codes[None] = 0
        declared = layout.contract.features
        self._ages = {name: after for name in layout.watched_features if name in declared and (after := declared[name].stale_after)}
        self.private = frozenset(name for name in layout.features if layout.is_private(name))
        self._needed = [name for name in layout.watched_features if not self._is_optional(name)]
        positive = layout.contract.labels.positive
        self._positive = positive if positive is not None else (layout.classes[1] if len(layout.classes) == 2 else None)

    def columns(self, records: Objects, latency_ms: Floats, end_to_end_s: Floats, at: Ints | None = None) -> Columns:
        """records: predictions of this model, n of them; at: their event times, for the ages of features."""
        n = len(records)
        answers, status, features = list(map(ANSWERED, records)), list(map(STATUS, records)), list(map(FEATURES, records))
        failed = np.zeros(n, np.bool_) if status.count(OK) == n else np.fromiter(map(_is_failure, status), np.bool_, n)
        score = _floats(GIVEN_SCORE, records)
        confidence, margin = self._confidence(score, list(map(SCORES, records)))
        numbers = {name: _floats(self._place_of[name], features) for name in self.numbers}
        codes = {name: self._codes[name].of(list(map(self._place_of[name], features))) for name in self.categories}
        if self.layout.regression:
            numbers[ANSWER] = np.array([a if isinstance(a, float) else np.nan for a in answers])
        else:
            codes[ANSWER] = self.answers.of(answers)
        stale = self._stale(list(map(META, records)), at) if self._ages and at is not None else {}
        seconds = latency_ms / 1000
        explored = self._explored(records, codes)
        return Columns(n, failed, numbers, codes, score, confidence, seconds, end_to_end_s, explored, margin, stale)

    def _explored(self, records: Objects, codes: dict[str, Ints]) -> NDArray[np.bool_] | None:
        """Of the hidden class, and let through at random: by its arm, or the model's own with a chance below 1."""
        hidden = self.layout.hidden
        if hidden is None or hidden.arm is None:
            return None
        found = (ARM_OF(r) == hidden.arm and (hidden.arm != "model" or (PROPENSITY(r) or 1.0) < 1) for r in records)
        explored: NDArray[np.bool_] = np.fromiter(found, np.bool_, len(records)) & (codes[ANSWER] == hidden.answer)
        return explored

    def _stale(self, metas: Objects, at: Ints) -> dict[str, Ints]:
        """Feature with `stale_after` -> 1 stale, 0 fresh, -1 not told. 0.3 us a record that tells, nothing where none does."""
        told = [i for i, meta in enumerate(metas) if meta] if any(metas) else []
        found = {}
        for name, limit in self._ages.items():
            codes = np.full(len(metas), -1, np.int64)
            for i in told:
                meta = metas[i].get(name)
                if meta is not None and meta.status not in ABSENT:
                    codes[i] = meta.status == "stale" or (meta.at_ms is not None and int(at[i]) - meta.at_ms > limit)
            found[name] = codes
        return found

    def raw_categories(self, records: Objects) -> dict[str, Objects]:
        """Category -> its values as text, None where absent; of a private one their digests."""
        features = list(map(FEATURES, records))
        found: dict[str, Objects] = {
            name: [v if v is None or isinstance(v, str) else canonical(v) for v in map(self._place_of[name], features)]
            for name in (self.categories if features else ())
        }
        hidden = {name: [v if v is None else digest(v) for v in found[name]] for name in found if name in self.private}
        return found | hidden

    def _confidence(self, score: Floats, many: Objects) -> tuple[Floats, Floats | None]:
        """The largest class probability, of two classes with one score the larger side; of many classes how far it is above the next."""
        binary = self.layout.contract.task == "binary"
        sides = np.maximum(score, 1 - score) if binary else np.full(len(score), np.nan)
        if not any(many):
            return sides, None
        if self._positive is not None:
            given = np.array([each.get(self._positive, np.nan) if each else np.nan for each in many])
            np.copyto(score, given, where=np.isnan(score))
        largest, margin = _largest(many)
        return np.where(np.isnan(largest), sides, largest), None if binary else margin

    def combos(self, records: Objects) -> Ints:
        """The combination of listed segment values of each record; a declared feature stands in for a segment of its name."""
        if not self.layout.dimensions:
            return np.zeros(len(records), np.int64)
        segments = list(map(SEGMENTS, records))
        codes = []
        for dimension, known in zip(self.layout.dimensions, self._dimensions, strict=True):
            try:
                column: Objects = [each[dimension] for each in segments]
            except (KeyError, TypeError):  # some record lacks it, or all segments
                column = [each.get(dimension) if each else None for each in segments]
            if None in column and dimension in self.categories:
                instead = self._place_of[dimension]
                column = [v if v is not None else instead(r.features) for v, r in zip(column, records, strict=True)]
            codes.append(known.of(column))
        return self.layout.combos(codes, len(records))

    def lacking(self, columns: Columns) -> NDArray[np.bool_]:
        """bool[n]: lacks a field that is nearly always there (in the reference; without one: any declared field)."""
        lacks = np.zeros(columns.n, np.bool_)
        for name in self._needed:
            lacks |= np.isnan(columns.numbers[name]) if name in columns.numbers else columns.codes[name] < 0
        return lacks & ~columns.failed

    def _is_optional(self, feature: str) -> bool:
        counts = self.layout.reference_counts(self.layout.state_keys.get(feature, ""))
        return counts is not None and counts[0, 1] > OPTIONAL_SHARE * counts[0, :3].sum()  # fine, missing, outside; then sums of values


OPTIONAL_SHARE = 0.05  # missing in the reference: above, a record without the field is nothing to look at
OK = 200  # status of a call that answered, also where none is told


def _floats(get: Callable[[Any], Any], of: Objects) -> Floats:
    """float64[n], None is NaN. What is no number was read as an older contract says, in the batch in which it changed."""
    try:
        return np.fromiter(map(get, of), np.float64, len(of))  # half the cost of a list in between
    except (TypeError, ValueError):
        return np.array([value if isinstance(value, float) else np.nan for value in map(get, of)], np.float64)


def _largest(many: Objects) -> tuple[Floats, Floats]:
    """Of each record's probabilities the largest, and how far it is above the next; NaN without one, or without two.

    .3 us a record where all have the same three classes, 2 us where some lack one.
    """
    size = len(many[0] or ())
    if size >= 2 and all(map(size.__eq__, map(len, filter(None, many)))) and all(many):
        flat = np.fromiter(chain.from_iterable(map(dict.values, many)), np.float64, size * len(many))
        first = second = np.full(len(many), -np.inf)
        for column in np.ascontiguousarray(flat.reshape(-1, size).T):
            first, second = np.maximum(first, column), np.maximum(second, np.minimum(first, column))
        return first, first - second
    two = [sorted(each.values())[-2:] if each else [] for each in many]
    largest = np.array([each[-1] if each else np.nan for each in two])
    return largest, np.array([each[1] - each[0] if len(each) == 2 else np.nan for each in two])


def _is_failure(status: int | None) -> bool:
    return status is not None and status >= 400
