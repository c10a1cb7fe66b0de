"""How one contract and one reference lay out what is counted: segments as rows, counts as spans of one flat array.

Both stages build the same layout from the same two documents, so segments and counts cross the wire by name only.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anchorwatch.contract import Contract
from anchorwatch.contract.model import ImpactPromise
from anchorwatch.estimators.season import season_lines
from anchorwatch.watches.arrivals import Arrivals
from anchorwatch.watches.base import (
    COMPLAINED,
    DECIDED,
    OTHER,
    WHOLE,
    Accepted,
    Columns,
    Count,
    Floats,
    Ints,
    Monitor,
    Reference,
    Stream,
    Watch,
)
from anchorwatch.watches.cells import Cells
from anchorwatch.watches.hidden import Hidden, hidden_of
from anchorwatch.watches.ordering import SUBJECT, Ranks, ranks_of
from anchorwatch.watches.scores import BINS, EXPLORED, Scores, scores_of

NO_EDGES: Floats = np.zeros(0)
NEVER = (0.0, 0.0)  # delays of what the reference does not hold


def segment_name(dimensions: Sequence[str], values: Sequence[str]) -> str:
    """`country=DE,tier=gold`. Only what would make it ambiguous is encoded (`,` `=` `%`), so look-alikes stay apart."""
    return ",".join(f"{d}={encode(v)}" for d, v in zip(dimensions, values, strict=True))


def encode(value: str) -> str:
    return value.replace("%", "%25").replace(",", "%2C").replace("=", "%3D")


def decode(value: str) -> str:
    return value.replace("%3D", "=").replace("%2C", ",").replace("%25", "%")


class Layout:
    """Compiled once per contract and reference; immutable."""

    def __init__(self, contract: Contract, reference: Reference | None, watches: Sequence[Watch]) -> None:
        self.contract, self.reference = contract, reference
        self.key = contract.key
        self.classes: tuple[str, ...] = tuple(contract.labels.classes)
        self.class_codes = {name: code for code, name in enumerate(self.classes)}
        self.regression = contract.task == "regression"
        self.watches = tuple(w for w in watches if not _disabled(contract, w.name))
        self.features: dict[str, str] = _features(contract, reference)  # name -> number, category, bool or text
        self.watched_features = tuple(f for f in self.features if f not in contract.features or contract.features[f].watch)
        self._edges = {name: np.array(edges) for name, edges in reference.edges.items()} if reference else {}
        listed = tuple(reference.segments) if reference else tuple(contract.segments.always)
        self.segments: tuple[str, ...] = (WHOLE, OTHER, *listed)
        self.rows: dict[str, int] = {name: row for row, name in enumerate(self.segments)}
        self.groupings: tuple[tuple[str, ...], ...] = tuple(contract.segments.by)
        self.dimensions: tuple[str, ...] = tuple(dict.fromkeys(name for group in self.groupings for name in group))
        self._place_values(listed)
        self._place_decisions()
        self._place_counts()

    @cached_property
    def monitors(self) -> tuple[Monitor, ...]:
        """All that is judged with statistics; made once, 50 us each."""
        every = (monitor for watch in self.watches for monitor in self._judged(watch))
        return tuple(monitor for monitor in every if monitor.segment != OTHER or self.has_other)

    @cached_property
    def cells(self) -> Cells | None:
        """Of what slices nobody declared are made; None where the contract does not ask for them, or no feature has any."""
        if not any(watch.name == "slices" for watch in self.watches):
            return None
        found = Cells(self)
        return found if found.fields else None

    def _judged(self, watch: Watch) -> Sequence[Monitor]:
        """The watch's monitors; those that a person accepted, and what is like them, by what is normal for them."""
        found = [self._with_hours(monitor) for monitor in watch.monitors(self)]
        own = {key: each for key, each in self._accepted.items() if key.startswith(f"{watch.name}:")}
        if not own:
            return found
        every = {key: {m.key: m for m in watch.monitors(self.under(key, each))} for key, each in own.items()}
        anew = [every[at].get(m.key) if (at := self.normal_of(m)) in every else m for m in found]
        return [m for m in anew if m is not None]  # with few errors left there is nothing that could get better

    def _with_hours(self, monitor: Monitor) -> Monitor:
        """Its streams with a line for each hour of the week, as far above the usual rate then as the line is above that of the whole week."""
        rates = self.reference.season.get(monitor.key) if self.reference else None
        if rates is None or len(rates) != len(monitor.streams):
            return monitor
        means = [self.usual(monitor, stream) for stream in monitor.streams]
        lines = [season_lines(each, mean or 0.0, s.line) for each, mean, s in zip(rates, means, monitor.streams, strict=True)]
        return monitor._replace(streams=tuple(s._replace(hours=hours) for s, hours in zip(monitor.streams, lines, strict=True)))

    def normal_of(self, monitor: Monitor) -> str:
        """Key of the monitor under which its normal stands: what was accepted for it alone, else that of what it is like, else its own."""
        return monitor.like if monitor.like and monitor.key not in self._accepted else monitor.key

    def usual(self, monitor: Monitor, stream: Stream) -> float | None:
        """The share of the stream's ones in the reference; None where it holds none of its events."""
        counts = self.reference_counts(stream.key, self.normal_of(monitor))
        n = 0 if counts is None else int(counts[monitor.row if stream.n_row is None else stream.n_row, stream.n].sum())
        if counts is None or not n:
            return None
        k = int(counts[monitor.row, stream.k].sum())
        return (n - k if stream.complement else k) / n

    @property
    def waits(self) -> list[str]:
        """What the contract asks for and the reference is too poor for, a line a watch."""
        return [f"{watch.name}: {why}" for watch in self.watches if (why := watch.waits(self))]

    def find(self, watch: Watch, key: str) -> Monitor | None:
        return next((monitor for monitor in watch.monitors(self) if monitor.key == key), None)

    def under(self, key: str, accepted: Accepted) -> "Layout":
        """As if all the reference had counted were what was accepted: of use for the monitor `key` alone."""
        assert self.reference is not None, "nothing is accepted while learning"
        counts, phi = {**self.reference.counts, **accepted.counts}, {**self.reference.phi, key: accepted.phi}
        own = replace(
            self.reference, from_ms=accepted.from_ms, to_ms=accepted.to_ms, rows=accepted.rows, counts=counts, phi=phi, accepted={}
        )
        return Layout(self.contract, own, self.watches)

    @property
    def _accepted(self) -> dict[str, Accepted]:
        return self.reference.accepted if self.reference else {}

    @cached_property
    def scores(self) -> Scores | None:
        """What scores promise; None where the reference cannot tell, or nobody judges quality."""
        return scores_of(self) if any(watch.name == "quality" for watch in self.watches) else None

    @cached_property
    def ranks(self) -> Ranks | None:
        """What orders the predictions of a binary model; None where the reference holds no scores, or nobody judges quality."""
        return ranks_of(self) if any(watch.name == "quality" for watch in self.watches) else None

    @cached_property
    def ordered(self) -> Ints:
        """Rows of the segments whose order by score is judged."""
        return np.array([m.row for m in self.monitors if (m.watch, m.subject) == ("quality", SUBJECT)], np.int64)

    @cached_property
    def arrivals(self) -> Arrivals | None:
        """None where truth is hidden: labels that never come would be taken for late ones."""
        return Arrivals(self, self.scores) if self.scores is not None and self.hidden is None else None

    @cached_property
    def hidden(self) -> Hidden | None:
        """Answers whose truth never shows; None where all of it does."""
        return hidden_of(self)

    @cached_property
    def apart(self) -> dict[str, tuple[int, int]]:
        """Counts without segments: key -> rows, symbols."""
        found = {self.cells.key: (self.cells.rows, 2)} if self.cells is not None else {}
        return found | ({self.arrivals.key: (self.arrivals.rows, 1)} if self.arrivals is not None else {})

    def kept(self, columns: Columns) -> NDArray[np.uint8] | None:
        """uint8[n, 1 + fields]: what is kept of predictions until they are judged: score bin + `BINS`, then `Cells.of`; 0 not known.

        The first has `EXPLORED` added where truth shows though the answer hides it.
        """
        if self.cells is None and self.ranks is None and columns.explored is None:
            return None
        score = np.zeros((columns.n, 1), np.uint8)
        if self.ranks is not None:
            bins = self.ranks.of(columns)
            score[:, 0] = np.where(bins < 0, 0, bins + BINS)
        if columns.explored is not None:
            score[columns.explored, 0] += EXPLORED
        return score if self.cells is None else np.concatenate([score, self.cells.of(columns)], axis=1)

    @property
    def learning(self) -> bool:
        return self.reference is None

    @property
    def reference_id(self) -> str:
        return self.reference.id if self.reference else ""

    @property
    def has_other(self) -> bool:
        """Can an event be in `other` at all?"""
        return bool(self._alone)

    def edges(self, name: str) -> Floats:
        """Inner bin edges of a number, ascending; none without a reference."""
        return self._edges.get(name, NO_EDGES)

    def is_private(self, feature: str) -> bool:
        declared = self.contract.features.get(feature)
        return declared is not None and declared.private

    @property
    def late_ms(self) -> int:
        """The age at which predictions are judged: the contract's `labels.delay.late`, else the reference's p95, else `final`."""
        delay = self.contract.labels.delay
        if delay.late is not None:
            return min(delay.late, delay.final)
        if self.reference and self.reference.delays_s[1] > 0:
            return min(int(1000 * self.reference.delays_s[1]), delay.final)
        return delay.final

    @property
    def horizons(self) -> dict[str, int]:
        """Ages in ms at which predictions are judged, each by the labels known by then: `late`, `typical` before it, `by` as promised."""
        delay, promised = self.contract.labels.delay, self.contract.promises.labels
        found = {"late": self.late_ms}
        typical = delay.typical if delay.typical is not None else int(1000 * self.reference.delays_s[0]) if self.reference else 0
        if 0 < typical < self.late_ms:
            found["typical"] = typical
        if promised is not None and min(promised.by, delay.final) not in found.values():
            found["by"] = min(promised.by, delay.final)
        return found

    # decisions, complaints

    def _place_decisions(self) -> None:
        """actions: what answers recommend, as the contract says; recommended: int64[classes + 1], of each answer, -1: nothing."""
        said = self.contract.decisions
        self.actions: tuple[str, ...] = tuple(dict.fromkeys(said.values()))
        codes = {action: code for code, action in enumerate(self.actions)}
        self.recommended: Ints = np.array([*(codes.get(said.get(name, ""), -1) for name in self.classes), -1], np.int64)
        self.reasons: tuple[str, ...] = self.reference.reasons if self.reference else ()
        self.kinds: tuple[str, ...] = self.reference.kinds if self.reference else ()

    @cached_property
    def reactions(self) -> dict[str, int]:
        """DECIDED, COMPLAINED -> the age in ms at which predictions are judged by what was done with them and by who complained of them.

        As promised, else the reference's p95, else as labels are. Those alone that somebody said there would be.
        """
        contract, known = self.contract, self.reference
        promised = contract.promises.impact or ImpactPromise()
        found = {}
        if contract.expects_decisions:
            found[DECIDED] = self._reacted(promised.within, known.decided_s if known else NEVER)
        if contract.expects_complaints:
            found[COMPLAINED] = self._reacted(promised.complaints_within, known.complained_s if known else NEVER)
        return found

    def _reacted(self, promised: int | None, usual_s: tuple[float, float]) -> int:
        age = promised if promised is not None else int(1000 * usual_s[1]) or self.late_ms
        return min(age, self.contract.labels.delay.final)

    @property
    def ages(self) -> dict[str, int]:
        """All of them."""
        return self.horizons | self.reactions

    # segments

    def _place_values(self, listed: Sequence[str]) -> None:
        """Code 0 of a dimension: not listed. A combination is one mixed-radix number over all dimensions."""
        codes: dict[str, dict[str, int]] = {d: {} for d in self.dimensions}
        members: dict[tuple[str, ...], list[tuple[tuple[int, ...], int]]] = {group: [] for group in self.groupings}
        for row, name in enumerate(listed, 2):
            pairs = [part.split("=", 1) for part in name.split(",")]
            group = tuple(d for d, _ in pairs)
            if group not in members:
                continue  # an `always` of no declared grouping: refused by the contract, here only passed over
            known = [codes[d] for d in group]
            at = tuple(known[i].setdefault(value, len(known[i]) + 1) for i, (_, value) in enumerate(pairs))
            members[group].append((at, row))
        self.value_codes: tuple[dict[str, int], ...] = tuple(
            {decode(value): code for value, code in codes[d].items()} for d in self.dimensions
        )
        sizes = [len(found) + 1 for found in self.value_codes]
        self.radix: Ints = np.array([int(np.prod(sizes[:i], dtype=object)) for i in range(len(sizes))], np.int64)
        self.sizes: Ints = np.array(sizes, np.int64)
        place = {d: i for i, d in enumerate(self.dimensions)}
        self._lookups: list[tuple[list[int], Ints, Ints, Ints]] = []
        for group in self.groupings:
            dims = [place[d] for d in group]
            weights = np.array([int(np.prod([sizes[d] for d in dims[:i]], dtype=object)) for i in range(len(dims))], np.int64)
            found = sorted((int(np.dot(at, weights)), row) for at, row in members[group])
            keys = np.array([key for key, _ in found], np.int64)
            self._lookups.append((dims, weights, keys, np.array([row for _, row in found], np.int64)))
        single = [d for d in range(len(self.dimensions)) if (self.dimensions[d],) in self.groupings]
        # a dimension of which no value is listed, as all are while learning, makes no `other`: it would be the whole once more
        self._alone = [d for d in single or range(len(self.dimensions)) if sizes[d] > 1]

    def combos(self, codes: Sequence[Ints], n: int) -> Ints:
        """codes: one int64[n] per dimension -> int64[n]; 0 for all when no dimension is declared."""
        total = np.zeros(n, np.int64)
        for weight, column in zip(self.radix, codes, strict=True):
            total += weight * column
        return total

    def segments_of(self, combos: Ints) -> list[Ints]:
        """For each way to group: the row of each combination, -1 where it has none. The whole first, `other` second."""
        digits = [(combos // weight) % size for weight, size in zip(self.radix, self.sizes, strict=True)]
        unlisted = np.zeros(len(combos), bool)
        for d in self._alone:
            unlisted |= digits[d] == 0
        found = [np.zeros(len(combos), np.int64), np.where(unlisted, 1, -1)]
        for dims, weights, keys, rows in self._lookups:
            if not len(keys):
                continue
            at = sum((digits[d] * w for d, w in zip(dims, weights, strict=True)), np.zeros(len(combos), np.int64))
            place = np.minimum(np.searchsorted(keys, at), len(keys) - 1)
            found.append(np.where(keys[place] == at, rows[place], -1))
        return found

    def expand(self, ways: Sequence[Ints], counts: Ints) -> Ints:
        """counts: int64[U, symbols] per combination -> int64[segments, symbols]; segments overlap, so rows do not sum to the whole.

        ways: `segments_of` these combinations.
        """
        total = np.zeros((len(self.segments), counts.shape[1]), np.int64)
        for rows in ways:
            keep = rows >= 0
            np.add.at(total, rows[keep], counts[keep])
        return total

    # counts

    def _place_counts(self) -> None:
        self.counts: dict[str, Count] = {}
        for watch in self.watches:
            for count in watch.counts(self):
                self.counts[count.key] = count
        self.base: dict[str, int] = {}
        at = 0
        for key, count in self.counts.items():
            self.base[key] = at
            at += count.symbols * len(self.segments)
        self.size = at
        self.state_keys = {c.name[len("feature/") : -len(".state")]: key for key, c in self.counts.items() if c.name.endswith(".state")}
        shapes = {key: c.name[len("feature/") :] for key, c in self.counts.items() if c.name.startswith("feature/")}
        self.shape_keys = {name.rpartition(".")[0]: key for key, name in shapes.items() if not name.endswith(".state")}

    def view(self, flat: Ints, key: str) -> Ints:
        """The int64[segments, symbols] of one count inside the flat array, not a copy."""
        symbols, at = self.counts[key].symbols, self.base[key]
        return flat[at : at + symbols * len(self.segments)].reshape(len(self.segments), symbols)

    def at(self, key: str, row: int, symbols: Ints) -> Ints:
        """Places of these symbols in the flat array."""
        return self.base[key] + row * self.counts[key].symbols + symbols

    def reference_counts(self, key: str, monitor: str = "") -> Ints | None:
        """int64[segments, symbols] of the reference, in the rows of this layout; None where it holds none. monitor: as accepted for it."""
        own = self._accepted.get(monitor)
        if own is not None and key in own.counts:
            return own.counts[key]
        return self.reference.counts.get(key) if self.reference else None

    def phi(self, monitor: str, size: int) -> tuple[float, ...]:
        own = self._accepted.get(monitor)
        found = own.phi if own is not None else self.reference.phi.get(monitor) if self.reference else None
        return found if found and len(found) == size else (1.0,) * size

    def phi_of(self, monitor: Monitor, size: int) -> tuple[float, ...]:
        return self.phi(self.normal_of(monitor), size)


def _disabled(contract: Contract, watch: str) -> bool:
    setting = contract.watches.get(watch)
    return setting is not None and setting.disabled is not None


def _features(contract: Contract, reference: Reference | None) -> dict[str, str]:
    """The contract's, else whatever the reference holds numbers or categories of."""
    if contract.features:
        return {name: feature.type for name, feature in contract.features.items()}
    if reference is None:
        return {}
    kinds = {name: _kind(reference, name) for name in sorted(reference.fields)}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _kind(reference: Reference, name: str) -> str | None:
    """None: only null or nested so far, so nothing can be said of its values."""
    if name in reference.limits:
        return "number"
    if name not in reference.values:
        return None
    return "bool" if set(reference.fields[name]) <= {"bool", "null"} else "category"
