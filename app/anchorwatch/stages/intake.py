"""What one batch of decoded records of one model does to its counts, its join and its report."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorwatch.events import Row, Rows
from anchorwatch.stages import reacting
from anchorwatch.stages.arms import compares, take
from anchorwatch.stages.columns import Maker, Objects
from anchorwatch.stages.join import Added, Joined
from anchorwatch.stages.model_ingest import ModelIngest, hashes_of, look_share, segment_names
from anchorwatch.stages.registry import Version
from anchorwatch.stages.report import KEPT_MAX, Kept, Report
from anchorwatch.stages.windows import numbered
from anchorwatch.trace import keeps
from anchorwatch.watches.base import Columns, Floats, Ints
from anchorwatch.watches.evaluations import FALLEN

REPLAY_MS = 60_000  # read so much behind: age, not latency
VERSIONS_MAX = 32  # model versions and flag reasons of one window
ARM, VERSION, FLAG, REQUESTED, LABEL, REVISION, KIND = map(
    attrgetter, ("arm", "model_version", "flag", "requested_at_ms", "label", "revision", "kind")
)
ODD = frozenset("13579bdf")  # last digit of a traceparent whose producer kept it: a first look, `keeps` decides
ODD_BYTES = np.array([chr(byte) in ODD for byte in range(256)])
Note = Callable[[str, str, int], None]  # (`<environment>/<model>`, what, how many)


@dataclass(frozen=True)
class Batch:
    """Records of one model out of one batch of rows."""

    topic: str
    task: int
    rows: Rows
    records: Objects
    ids: Sequence[bytes]  # of the predictions meant, UTF-8
    own_traces: Sequence[str | None] | None  # what the payloads say; None: nothing
    row_of: Ints | None  # place in `rows` of each record; None: the same
    at: Ints  # event times, int64[n]
    latency_ms: Floats  # float64[n]; empty for outcomes
    polled_ms: int
    headers: Sequence[bytes | None] | None  # traceparent of each row, where headers were read

    def row(self, i: int) -> Row:
        return self.rows[i if self.row_of is None else int(self.row_of[i])]

    def stamps(self) -> Floats:
        """Record timestamps, float64[n]."""
        return (self.rows.stamps if self.row_of is None else self.rows.stamps[self.row_of]).astype(np.float64)

    def traces(self) -> Sequence[str | None]:
        """The payload's traceparent, else the header's; empty: nobody sent one."""
        if self.headers is None:
            return self.own_traces or ()
        found = list(self.own_traces or [None] * len(self.records))
        for i, own in enumerate(found):
            header = self.headers[i if self.row_of is None else int(self.row_of[i])]
            if own is None and header is not None:
                found[i] = header.decode("ascii", "replace")
        return found

    def part(self, places: Ints) -> "Batch":
        """Only these records, ascending."""
        rows = places if self.row_of is None else self.row_of[places]
        latency = self.latency_ms[places] if len(self.latency_ms) else self.latency_ms
        at = places.tolist()
        records, ids = [self.records[i] for i in at], [self.ids[i] for i in at]
        traces = self.own_traces and [self.own_traces[i] for i in at]
        return replace(self, records=records, ids=ids, own_traces=traces, row_of=rows, at=self.at[places], latency_ms=latency)


def sampled_places(traces: Sequence[str | None]) -> list[int]:
    """Where the last digit says that the producer kept the trace: of whole columns 0.03 us each, else 0.1."""
    plain = [trace for trace in traces if trace is not None]
    if not plain:
        return []
    joined = "".join(plain)
    if len(plain) == len(traces) and len(joined) == 55 * len(plain) and joined.isascii() and set(map(len, plain)) == {55}:
        last = np.frombuffer(joined.encode(), np.uint8).reshape(-1, 55)[:, 54]
        found: list[int] = np.flatnonzero(ODD_BYTES[last]).tolist()
        return found
    return [i for i, trace in enumerate(traces) if trace is not None and trace[54:55] in ODD]


class Intake:
    """Shared by the models of one task: where notes and reports go."""

    def __init__(self, note: Note, as_map: Callable[[bytes], dict[str, Any]], wall: bool) -> None:
        self.note, self.as_map, self.wall = note, as_map, wall
        self.report = Report()

    # predictions

    def predictions(self, key: str, version: Version, maker: Maker, model: ModelIngest, batch: Batch, closed_ms: int) -> None:
        """closed_ms: windows before that have left; what comes for them is late: joined, but counted nowhere else."""
        batch = self._own_arm(key, maker, model, batch, closed_ms)
        if not batch.records:
            return
        columns = maker.columns(batch.records, batch.latency_ms, self._end_to_end(batch), batch.at)
        hashes = hashes_of(batch.ids)
        combos = maker.combos(batch.records)
        added, late = model.predictions(maker.layout, combos, hashes, batch.at, columns, closed_ms)
        names = {"environment": version.contract.environment, "model": version.contract.model}
        self._tell_predictions(key, names, added, int(np.count_nonzero(late)))
        reacting.meet(self, version, model, hashes)
        counted = added.new & ~late
        self._look(maker, model, batch, columns, hashes, counted)
        self._versions(maker, model, batch, combos, counted)
        self._keep(version, maker, model, batch, hashes, combos, counted, columns)
        self._time(names, batch, columns)

    def _tell_predictions(self, key: str, names: dict[str, str], added: Added, late: int) -> None:
        fresh = int(np.count_nonzero(added.new))
        self.report.count("anchorwatch.predictions", fresh, **names)
        again = len(added.new) - fresh - added.retried
        notes = {"duplicate_prediction": again, "conflicting_prediction": added.conflicts, "retried_prediction": added.retried}
        for name, n in (notes | {"late_prediction": late}).items():
            self.note(key, name, n)
            self.report.count("anchorwatch.notes", n, kind=name, **names)
        self.note(key, "outcome.joined", added.joined)  # it was there first
        self.report.count("anchorwatch.outcomes", added.joined, result="joined", **names)

    def _own_arm(self, key: str, maker: Maker, model: ModelIngest, batch: Batch, closed_ms: int) -> Batch:
        """Other arms are answers of their own, for the baseline watch alone, but for hidden answers that were explored (hidden.py)."""
        arms, hidden = list(map(ARM, batch.records)), maker.layout.hidden
        if arms.count("model") == len(arms):
            return batch
        for arm in sorted({*arms} - {"model"}):
            self.note(key, f"arm.{arm}", arms.count(arm))
        if hidden is not None:
            arms = ["model" if hidden.explores(arm, record) else arm for arm, record in zip(arms, batch.records, strict=True)]
        parts = {arm: batch.part(np.array([i for i, each in enumerate(arms) if each == arm], np.int64)) for arm in sorted({*arms, "model"})}
        for arm, part in parts.items():
            if arm != "model" and compares(maker.layout):
                columns = maker.columns(part.records, part.latency_ms, np.full(len(part.records), np.nan), part.at)
                take(model, maker.layout, arm, maker.combos(part.records), hashes_of(part.ids), part.at, columns, closed_ms)
        return parts["model"]

    def _end_to_end(self, batch: Batch) -> Floats:
        """Requested to read: two clocks, and only under the wall's; a replay has no end to end."""
        n = len(batch.records)
        if not self.wall:
            return np.full(n, np.nan)
        requested = list(map(REQUESTED, batch.records))
        if requested.count(None) == n:
            return np.full(n, np.nan)
        since = np.array([r if isinstance(r, int) else np.nan for r in requested], np.float64)
        return np.maximum(batch.polled_ms - since, 0.0) / 1000

    def _look(
        self, maker: Maker, model: ModelIngest, batch: Batch, columns: Columns, hashes: NDArray[np.uint64], counted: NDArray[np.bool_]
    ) -> None:
        """A few records, and all that lack a field, are read again as maps: names and types as they are."""
        layout = maker.layout
        look = np.flatnonzero(counted & ((hashes % np.uint64(look_share(layout)) == 0) | maker.lacking(columns)))
        if not len(look):
            return
        private = maker.private
        into = model.into(model.layout_number(layout))
        for i in look.tolist():
            features = self.as_map(batch.row(i)[1] or b"").get("features")
            if isinstance(features, dict):
                into(int(batch.at[i]) // model.window_ms).look_at(features, layout.features, private, int(hashes[i]) >> 1)

    def _versions(self, maker: Maker, model: ModelIngest, batch: Batch, combos: Ints, counted: NDArray[np.bool_]) -> None:
        """Model versions and reasons of flag evaluations, per window; of those that did not choose their segments."""
        versions = list(map(VERSION, batch.records))
        flags = list(map(FLAG, batch.records))
        columns = [("versions", versions)] if any(versions) else []
        if flags.count(None) < len(flags):
            # OpenFeature writes them in capitals
            columns.append(("reasons", [f.reason.lower() if f is not None and f.reason else None for f in flags]))
        into = model.into(model.layout_number(maker.layout))
        windows = batch.at // model.window_ms
        for name, column in columns:
            values = set(column)
            for value in values - {None, ""}:
                mine = counted if len(values) == 1 else counted & np.fromiter((v == value for v in column), np.bool_, len(column))
                numbers, place = numbered(windows[mine])
                for number, n in zip(numbers.tolist(), np.bincount(place).tolist(), strict=True):
                    table = getattr(into(number), name)
                    if value in table or len(table) < VERSIONS_MAX:
                        table[value] = table.get(value, 0) + n
            if name == "reasons" and not values.isdisjoint(FALLEN):
                fell = np.flatnonzero(counted & np.fromiter((v in FALLEN for v in column), np.bool_, len(column)))
                names = segment_names(maker.layout, combos[fell])
                for (number, combo), n in Counter(zip(windows[fell].tolist(), combos[fell].tolist(), strict=True)).items():
                    table = into(number).fallen
                    table.update({segment: table.get(segment, 0) + n for segment in names[combo]})

    def _keep(
        self, version: Version, maker: Maker, model: ModelIngest, batch: Batch, hashes: NDArray[np.uint64], combos: Ints,
        counted: NDArray[np.bool_], columns: Columns,
    ) -> None:  # fmt: skip
        """Predictions whose producer sampled their trace: remembered for their outcome, as evidence, and for spans."""
        traces = batch.traces()
        kept = [(i, t) for i in sampled_places(traces) if (t := traces[i]) is not None and counted[i] and keeps(t)]
        if not kept:
            return
        contract = version.contract
        combos = combos[[i for i, _ in kept]]
        by_window: dict[int, list[tuple[int, float, str, int]]] = {}
        for j, (i, traceparent) in enumerate(kept):
            seconds = float(columns.latency_s[i])
            model.waiting.traces[int(hashes[i])] = traceparent
            value = 0.0 if np.isnan(seconds) else seconds
            by_window.setdefault(int(batch.at[i]) // model.window_ms, []).append((j, value, traceparent, int(hashes[i]) >> 1))
            if len(self.report.kept) < KEPT_MAX:
                offset, stamp = batch.row(i)[2:]
                kept_one = Kept(
                    "predictions", contract.environment, contract.model, batch.records[i].prediction_id, batch.topic, batch.task, offset,
                    traceparent, stamp, batch.polled_ms, batch.polled_ms,
                )  # fmt: skip
                self.report.kept.append(kept_one)
        names = segment_names(maker.layout, combos)
        into = model.into(model.layout_number(maker.layout))
        for number, values in by_window.items():
            into(number).tell(names, combos, "slow", values)

    def _time(self, names: dict[str, str], batch: Batch, columns: Columns) -> None:
        """Latencies of all events, as arrays for the histograms."""
        transit = (batch.polled_ms - batch.stamps()) / 1000
        self.report.count("anchorwatch.clock.skew.negative", int((transit < 0).sum()), **names)
        behind = self.wall and float(transit.min()) * 1000 > REPLAY_MS
        labels = tuple(sorted({**names, "replay": "true"}.items() if behind else names.items()))
        hops = {"anchorwatch.inference": columns.latency_s, "anchorwatch.end_to_end": columns.end_to_end_s}
        if self.wall:
            hops["anchorwatch.transit"] = np.maximum(transit, 0.0)
        for hop, seconds in hops.items():
            there = seconds[~np.isnan(seconds)]
            if len(there):
                self.report.latencies.setdefault((hop, labels), []).append(there)

    # outcomes

    def outcomes(self, key: str, version: Version, maker: Maker, model: ModelIngest, batch: Batch) -> None:
        kinds = list(map(KIND, batch.records))
        if proxies := kinds.count("proxy"):  # clicks and rules are counted apart, never in the quality metric
            self.note(key, "outcome.proxy", proxies)
            batch = batch.part(np.array([i for i, kind in enumerate(kinds) if kind != "proxy"], np.int64))
        if not batch.records:
            return
        hashes = hashes_of(batch.ids)
        revisions = np.fromiter(map(REVISION, batch.records), np.int64, len(batch.records))
        joined, fresh = model.outcomes(maker, list(map(LABEL, batch.records)), hashes, batch.at, revisions)
        self.note(key, "note.new_class", fresh)
        names = {"environment": version.contract.environment, "model": version.contract.model}
        self._tell_outcomes(key, names, maker.layout.late_ms, model, batch.at, joined)
        self._keep_outcomes(names, model, batch, hashes, joined)

    def _tell_outcomes(self, key: str, names: dict[str, str], late_ms: int, model: ModelIngest, known: Ints, joined: Joined) -> None:
        there = joined.rows >= 0
        predicted = model.waiting.columns["at"][joined.rows[there] - model.waiting.first]
        delay = known[there] - predicted
        late = int(((delay > late_ms) | (predicted < model.closed_to)).sum())
        results = {"joined": joined.joined, "revised": joined.revised, "duplicate": joined.duplicate, "early": joined.waiting, "late": late}
        for result, n in results.items():
            self.note(key, f"outcome.{result}", n)
            self.report.count("anchorwatch.outcomes", n, result=result, **names)
        self.note(key, "note.known_before_prediction", int((delay < 0).sum()))
        if len(delay):
            hop = ("anchorwatch.outcome.delay", tuple(sorted(names.items())))
            self.report.latencies.setdefault(hop, []).append(np.maximum(delay, 0) / 1000)

    def _keep_outcomes(self, names: dict[str, str], model: ModelIngest, batch: Batch, hashes: NDArray[np.uint64], joined: Joined) -> None:
        known = model.waiting.traced(hashes).tolist()
        traces = {i: trace for i, trace in enumerate(batch.traces()) if trace} if known else {}
        for i in known:
            if joined.rows[i] < 0 or len(self.report.kept) >= KEPT_MAX:
                continue
            linked = model.waiting.traces[int(hashes[i])]
            record, (_, _, offset, stamp) = batch.records[i], batch.row(i)
            delay = int(batch.at[i]) - int(model.waiting.columns["at"][joined.rows[i] - model.waiting.first])
            kept_one = Kept(
                "outcomes", names["environment"], names["model"], record.prediction_id, batch.topic, batch.task, offset, traces.get(i, ""),
                stamp, batch.polled_ms, batch.polled_ms, linked, delay, str(record.label)[:64],
            )  # fmt: skip
            self.report.kept.append(kept_one)

    def gone(self, version: Version, results: Mapping[str, int], left: int) -> None:
        """What left the table of predictions, and how many are left in it."""
        names = {"environment": version.contract.environment, "model": version.contract.model}
        for result, n in results.items():
            self.note(version.contract.key, f"outcome.{result}", n)
            self.report.count("anchorwatch.outcomes", n, result=result, **names)
        self.report.gauges["anchorwatch.pending.predictions", tuple(sorted(names.items()))] = left


def known_by(rows: Rows, polled_ms: int) -> int:
    """When the newest of consecutive records was there at the latest: it was read, and where the broker stamps, written."""
    written_ms = int(rows.stamps[-1])
    return min(polled_ms, written_ms) if written_ms > 0 else polled_ms
