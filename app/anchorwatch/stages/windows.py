"""Open windows of one ingest task: what was counted per model and layout, until the watermark passes and a block leaves.

Counts are kept per combination of segment values and expanded to (overlapping) segments once, when the window closes: one bincount per
count name and batch, whatever the number of groupings.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorwatch.events import Block, Counts, Exemplar, FieldCount, Value
from anchorwatch.stages.drawn import Drawn, merged
from anchorwatch.watches.base import Ints
from anchorwatch.watches.fields import KINDS
from anchorwatch.watches.layout import Layout

PARTS_MAX = 16  # additions of one count before they are merged
EXEMPLARS_MAX = 16  # of a block
EXEMPLARS_OF_COMBO = 2
SAMPLE_MAX = 64  # values of an undeclared field
KIND_OF = {NoneType: "null", bool: "bool", int: "number", float: "number", str: "text", list: "nested", dict: "nested"}
FIELDS_MAX = 1_000  # field names of a block; above: not looked at


class Numbering:
    """Combinations of several additions in one list. Nearly all counts of a window have the same ones, so it is made once for all of them."""

    def __init__(self) -> None:
        self._parts: list[Ints] = []
        self._found: tuple[Ints, Ints] = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def __call__(self, parts: list[Ints]) -> tuple[Ints, Ints]:
        """The distinct ones, ascending, and the place of each among them. parts: the very arrays decide, not what is in them."""
        if len(parts) != len(self._parts) or any(a is not b for a, b in zip(parts, self._parts, strict=True)):
            self._parts, self._found = list(parts), numbered(np.concatenate(parts))
        return self._found


class Tally:
    """Counts of one name: int64[combinations touched, symbols], sparse in combinations."""

    def __init__(self, symbols: int, numbering: Numbering | None = None) -> None:
        self.symbols = symbols
        self.numbering = numbering or Numbering()
        self.combos: list[Ints] = []
        self.counts: list[Ints] = []

    def add(self, combos: Ints, counts: Ints) -> None:
        """combos: int64[U] without duplicates; counts: int64[U, symbols]."""
        if self.combos and self.combos[-1] is combos:  # another symbol of the same batch
            self.counts[-1] = self.counts[-1] + counts
            return
        self.combos.append(combos)
        self.counts.append(counts)
        if len(self.combos) > PARTS_MAX:
            self.merge()

    def merge(self) -> tuple[Ints, Ints]:
        if not self.combos:
            self.add(np.zeros(0, np.int64), np.zeros((0, self.symbols), np.int64))
        if len(self.combos) > 1:
            combos, place = self.numbering(self.combos)
            total = np.zeros((len(combos), self.symbols), np.int64)
            at = 0
            for counts in self.counts:
                total[place[at : at + len(counts)]] += counts  # no duplicates within one addition
                at += len(counts)
            self.combos, self.counts = [combos], [total]
        return self.combos[0], self.counts[0]


class OpenWindow:
    """One window of one model under one layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.tallies: dict[str, Tally] = {}
        self.numbering = Numbering()
        self.fields: dict[str, FieldCount] = {}
        self.looked_at = 0
        self.exemplars: list[Exemplar] = []
        self.versions: dict[str, int] = {}
        self.reasons: dict[str, int] = {}
        self.fallen: dict[str, int] = {}  # segment -> predictions whose flag evaluation did not choose
        self.last_ms = -1
        self.apart: dict[str, Ints] = {}  # of Layout.apart: int64[rows, symbols]
        self.drawn: Drawn | None = None  # of what was judged, by the cells of the layout

    def add(self, key: str, combos: Ints, counts: Ints) -> None:
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally(self.layout.counts[key].symbols, self.numbering)
        tally.add(combos, counts)

    def add_apart(self, key: str, counts: Ints) -> None:
        """counts: int64[rows, symbols]; segments do not come in."""
        self.apart[key] = self.apart[key] + counts if key in self.apart else counts

    def draw(self, more: Drawn) -> None:
        self.drawn = merged(self.drawn, more)

    def look_at(self, record: Mapping[str, Any], known: Mapping[str, str], private: frozenset[str], id_hash: int) -> None:
        """One record read as a map; values are kept of undeclared fields, and of declared ones where they are of another type."""
        self.looked_at += 1
        for name, value in record.items():
            count = self.fields.get(name)
            if count is None:
                if len(self.fields) >= FIELDS_MAX:
                    continue
                count = self.fields[name] = FieldCount(0, {})
            kind = KIND_OF[type(value)]
            count.types[kind] = count.types.get(kind, 0) + 1
            if kind == "null":
                continue
            count.present += 1
            usual = known.get(name)
            if (usual is None or KINDS[usual] != kind) and name not in private and kind != "nested":
                count.sample.append((id_hash, value[:64] if isinstance(value, str) else value))
                if len(count.sample) >= 4 * SAMPLE_MAX:
                    count.sample = smallest(count.sample)

    def tell(self, segments_of: Mapping[int, list[str]], combos: Ints, reason: str, values: Iterable[tuple[int, float, str, int]]) -> None:
        """values: (index into combos, value, traceparent, hash of the id) of kept predictions."""
        for i, value, traceparent, id_hash in values:
            self.exemplars.append(Exemplar(segments_of[int(combos[i])], reason, round(float(value), 6), traceparent, id_hash))
        if len(self.exemplars) > 8 * EXEMPLARS_MAX:
            self.exemplars = chosen(self.exemplars)

    def dense(self) -> Iterator[tuple[str, Ints]]:
        """Each count, int64[segments, symbols]."""
        known: Ints | None = None
        ways: list[Ints] = []
        for key, tally in self.tallies.items():
            combos, counts = tally.merge()
            if combos is not known:  # as a rule once
                known, ways = combos, self.layout.segments_of(combos)
            yield key, self.layout.expand(ways, counts)

    def block(self) -> Block:
        layout = self.layout
        counts = {key: Counts.pack(dense) for key, dense in self.dense() if dense.any()}
        counts |= {key: Counts.pack(dense) for key, dense in self.apart.items()}
        for count in self.fields.values():
            count.sample = smallest(count.sample)
        sample = self.drawn.pack(layout.cells.key) if self.drawn is not None and layout.cells is not None else None
        return Block(
            layout.contract.environment, layout.contract.model, layout.contract.id, layout.reference_id, list(layout.segments), counts,
            self.fields, self.looked_at, self.last_ms, chosen(self.exemplars), self.versions, self.reasons, self.fallen, sample,
        )  # fmt: skip

    # state

    def snapshot(self, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays: dict[str, NDArray[Any]] = {}
        for key, tally in self.tallies.items():
            combos, counts = tally.merge()
            at = np.flatnonzero(counts)
            arrays[f"{name}/{key}/combos"] = combos
            arrays[f"{name}/{key}/at"] = at.astype(np.int32)
            arrays[f"{name}/{key}/value"] = counts.reshape(-1)[at]
        for key, dense in self.apart.items():
            arrays[f"{name}/{key}/apart"] = dense
        if self.drawn is not None:
            arrays |= self.drawn.arrays(name)
        fields = {n: [c.present, c.types, smallest(c.sample)] for n, c in self.fields.items()}
        exemplars = [[e.segments, e.reason, e.value, e.traceparent, e.hash] for e in chosen(self.exemplars)]
        header = {
            "fields": fields, "looked_at": self.looked_at, "exemplars": exemplars, "versions": self.versions, "reasons": self.reasons,
            "last_ms": self.last_ms, "keys": list(self.tallies), "fallen": self.fallen,
        }  # fmt: skip
        return header, arrays

    def restore(self, name: str, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        for key in header["keys"]:
            if key not in self.layout.counts:
                continue  # the contract changed while we were away: what is defined otherwise starts anew
            combos = arrays[f"{name}/{key}/combos"]
            counts = np.zeros((len(combos), self.layout.counts[key].symbols), np.int64)
            counts.reshape(-1)[arrays[f"{name}/{key}/at"]] = arrays[f"{name}/{key}/value"]
            self.add(key, combos, counts)
        for key, shape in self.layout.apart.items():
            kept = arrays.get(f"{name}/{key}/apart")
            if kept is not None and kept.shape == shape:
                self.apart[key] = kept.astype(np.int64)
        self.drawn = Drawn.of_arrays(name, arrays, self.layout.cells)
        self.fields = {n: FieldCount(p, dict(t), [(int(h), v) for h, v in s]) for n, (p, t, s) in header["fields"].items()}
        self.exemplars = [Exemplar(list(s), r, v, t, h) for s, r, v, t, h in header["exemplars"]]
        self.looked_at, self.last_ms = header["looked_at"], header["last_ms"]
        self.versions, self.reasons, self.fallen = dict(header["versions"]), dict(header["reasons"]), dict(header.get("fallen", {}))


def numbered(values: Ints) -> tuple[Ints, Ints]:
    """The distinct values, ascending, and the place of each among them. Those that lie close are counted: a tenth of the cost of sorting."""
    if not len(values):
        return values, values
    low = int(values.min())
    if int(values.max()) - low > 4 * len(values) + 1_000:
        return np.unique(values, return_inverse=True)
    offset = values - low
    there = np.bincount(offset) > 0
    return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[offset]


def kind_of(value: Value | list[Any] | dict[str, Any]) -> str:
    return KIND_OF[type(value)]


def smallest(sample: list[tuple[int, Value]]) -> list[tuple[int, Value]]:
    """The 64 of smallest hash: the same whatever the order or the number of tasks."""
    return sorted(sample, key=lambda pair: (pair[0], str(pair[1])))[:SAMPLE_MAX]


def chosen(exemplars: list[Exemplar]) -> list[Exemplar]:
    """The most telling: wrong and slow ones first, few per set of segments."""
    found: list[Exemplar] = []
    seen: dict[tuple[str, ...], int] = {}
    for exemplar in sorted(exemplars, key=lambda e: (e.reason != "wrong", -e.value, e.hash)):
        key = (exemplar.reason, *exemplar.segments)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= EXEMPLARS_OF_COMBO:
            found.append(exemplar)
    return found[:EXEMPLARS_MAX]
