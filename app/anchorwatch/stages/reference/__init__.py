"""What is normal? One pure function from the rows of a quiet time to a reference: bins, lists, counts, clumping, segments (detection.md 2).

The rows are counted by the very code that counts the live stream, in up to 240 stretches of equal length, whose spread gives phi.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from anchorwatch.contract import Contract, Feature
from anchorwatch.errors import ContractError
from anchorwatch.estimators.lines import clumping
from anchorwatch.estimators.reference_bins import reference_bins
from anchorwatch.stages.columns import Maker, Objects
from anchorwatch.stages.join import GHOST
from anchorwatch.stages.model_ingest import ModelIngest, hashes_of
from anchorwatch.stages.reference.clumps import phi_of_cells
from anchorwatch.stages.reference.expected import expected, threshold
from anchorwatch.stages.reference.written import reference_from_json, reference_to_json
from anchorwatch.stages.windows import kind_of
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import ABS_ERROR, ANSWER, CONFIDENCE, SCORE, Columns, Floats, Ints, Monitor, Reference, Watch, short_hash
from anchorwatch.watches.layout import Layout, segment_name
from anchorwatch.watches.pace import pace_of
from anchorwatch.watches.stuck import stillness
from anchorwatch.watches.volume import AMOUNT

__all__ = ["ROWS_MIN", "Rows", "learn", "reference_from_json", "reference_to_json", "with_features"]

Runs = dict[str, tuple[float, ...]]
STRETCHES = 240  # scales from a 30th of the reference down to an eighth of that
SEGMENTS_MAX = 200  # above: `other`
SEGMENT_ROWS_MIN = 30  # a value with fewer rows is `other`: no line could be drawn for it
ROWS_MIN = 300  # fewer: learning
NAMED_MAX, RARE_MAX = 30, 1_000
SAMPLE = 5_000  # records whose fields and types are looked at
GROWTH_TOLD = 1.6
ERROR_QUANTILE = 0.995


class Rows(NamedTuple):
    """Decoded events of one model, in the order of their time."""

    predictions: Objects
    at: Ints
    latency_ms: Floats
    raws: Sequence[bytes]
    outcomes: Objects
    known: Ints


def learn(contract: Contract, rows: Rows, as_map: Any, places: Mapping[str, int], watches: Sequence[Watch] | None = None) -> Reference:
    """places: feature -> i of the attribute f<i> in the decoder's struct. Raises ContractError: too few rows to call anything normal."""
    if len(rows.predictions) < ROWS_MIN:
        raise ContractError(
            f"reference of {contract.key}: {len(rows.predictions)} predictions are too few, {ROWS_MIN} are needed; "
            "give a longer window or file, or apply without a reference (the model is then learning)"
        )
    declared = with_features(contract, [as_map(raw) for raw in rows.raws[:2_000]])
    maker = Maker(Layout(declared, None, ()), dict(places))
    columns = maker.columns(rows.predictions, rows.latency_ms, np.full(len(rows.predictions), np.nan), rows.at)
    delays, errors = _pairs(declared, rows)
    bins = {name: _edges(values) for name, values in columns.numbers.items() if name != ANSWER}
    bins |= {SCORE: _edges(columns.score), CONFIDENCE: _edges(columns.confidence)}
    limit = threshold(declared, columns.score, columns.codes.get(ANSWER, np.zeros(0, np.int64)))
    if limit is not None:
        bins[SCORE] = np.union1d(bins[SCORE], [limit])  # so that a bin has one answer
    if declared.task == "regression":
        bins[ANSWER] = _edges(columns.numbers[ANSWER])
    limits = {n: (float(np.nanmin(v)), float(np.nanmax(v))) for n, v in columns.numbers.items() if n != ANSWER and not np.isnan(v).all()}
    if len(errors):
        limits[ABS_ERROR] = (0.0, float(max(np.quantile(errors, ERROR_QUANTILE), 1e-9)))
    values, rare = _categories(maker, rows.predictions)
    first = Reference(
        id="", from_ms=int(rows.at.min()), to_ms=int(rows.at.max()) + 1, rows=len(rows.predictions),
        segments=tuple(_segments(declared, rows.predictions)),
        edges={name: tuple(map(float, e)) for name, e in bins.items() if len(e)}, limits=limits, values=values, rare=rare,
        fields=_fields(rows, as_map), absent_runs=_absent_runs(maker, columns, rows.at), still=_still(columns, values, maker, rows),
        gap_s=float(np.diff(np.sort(rows.at)).max()) / 1000 if len(rows.at) > 1 else 0.0,
        pace=pace_of(rows.at, int(rows.at.min()), int(rows.at.max()) + 1, declared.timezone),
        expected=expected(declared, bins[SCORE], limit, columns.score, [r.prediction_id for r in rows.predictions], rows.outcomes),
        delays_s=(float(np.quantile(delays, 0.5)), float(np.quantile(delays, 0.95))) if len(delays) else (0.0, 0.0), labelled=len(delays),
    )  # fmt: skip
    return _counted(declared, first, rows, dict(places), watches or catalogue())


def _edges(values: Floats) -> Floats:
    return reference_bins(values[np.isfinite(values)]).edges


def with_features(contract: Contract, samples: Sequence[Mapping[str, Any]]) -> Contract:
    """The contract with the features that a sample of records shows, where it declares none."""
    if contract.features:
        return contract
    kinds: dict[str, Counter[str]] = {}
    for sample in samples:
        features = sample.get("features")
        for name, value in features.items() if isinstance(features, dict) else ():
            kinds.setdefault(name, Counter())[kind_of(value)] += 1
    found = {}
    for name, counts in sorted(kinds.items()):
        kind = next((k for k, _ in counts.most_common() if k not in ("null", "nested")), None)
        if kind is not None:
            found[name] = Feature(type={"number": "number", "bool": "bool", "text": "category"}[kind])
    return contract.model_copy(update={"features": found})


def _pairs(contract: Contract, rows: Rows) -> tuple[Floats, Floats]:
    """Seconds between prediction and label, and |prediction - label| of a regression, of all that can be joined."""
    at = dict(zip(hashes_of([r.prediction_id.encode() for r in rows.predictions]).tolist(), range(len(rows.at)), strict=True))
    delays, errors = [], []
    for h, outcome, known in zip(
        hashes_of([r.prediction_id.encode() for r in rows.outcomes]).tolist(), rows.outcomes, rows.known.tolist(), strict=True
    ):
        place = at.get(h)
        if place is None or outcome.kind == "proxy":
            continue
        delays.append(max(known - int(rows.at[place]), 0) / 1000)
        answer = rows.predictions[place].prediction
        if contract.task == "regression" and isinstance(answer, int | float) and isinstance(outcome.label, int | float):
            errors.append(abs(float(answer) - float(outcome.label)))
    return np.array(delays), np.array(errors)


def _categories(maker: Maker, records: Objects) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    named, rare = {}, {}
    for name, column in maker.raw_categories(records).items():
        counts = Counter(v for v in column if v is not None)
        order = [value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
        named[name], rare[name] = tuple(order[:NAMED_MAX]), tuple(order[NAMED_MAX : NAMED_MAX + RARE_MAX])
    return named, rare


def _segments(contract: Contract, records: Objects) -> list[str]:
    """`always` first, then values and pairs by volume up to the bound."""
    always = list(contract.segments.always)
    counts: Counter[str] = Counter()
    features = list(contract.features)
    for group in contract.segments.by:
        columns = []
        for dimension in group:
            place = f"f{features.index(dimension)}" if dimension in contract.features else None
            columns.append([_value(r, dimension, place) for r in records])
        for values, n in Counter(zip(*columns, strict=True)).items():
            if None not in values:
                counts[segment_name(group, values)] += n
    by_volume = sorted((name for name, n in counts.items() if n >= SEGMENT_ROWS_MIN and name not in always), key=lambda s: (-counts[s], s))
    return [*always, *by_volume][:SEGMENTS_MAX]


def _value(record: Any, dimension: str, place: str | None) -> str | None:
    value = record.segments.get(dimension) if record.segments else None
    if value is None and place is not None:
        value = getattr(record.features, place, None)
    return value if isinstance(value, str) else None


def _fields(rows: Rows, as_map: Any) -> dict[str, tuple[str, ...]]:
    step = max(1, len(rows.raws) // SAMPLE)
    kinds: dict[str, set[str]] = {}
    for raw in rows.raws[::step]:
        features = as_map(raw).get("features")
        for name, value in features.items() if isinstance(features, dict) else ():
            kinds.setdefault(name, set()).add(kind_of(value))
    return {name: tuple(sorted(found)) for name, found in sorted(kinds.items())}


def _absent_runs(maker: Maker, columns: Any, at: Ints) -> dict[str, int]:
    """The longest run of records in a row without the field, in the order of their time."""
    order = np.argsort(at, kind="stable")
    runs = {}
    for name in maker.layout.features:
        absent = np.isnan(columns.numbers[name]) if name in columns.numbers else columns.codes[name] < 0
        edge = np.flatnonzero(np.diff(np.concatenate([[0], absent[order].astype(np.int8), [0]])))
        runs[name] = int((edge[1::2] - edge[::2]).max()) if len(edge) else 0
    return runs


def _still(columns: Columns, named: Mapping[str, Sequence[str]], maker: Maker, rows: Rows) -> Runs:
    """Feature -> its longest run of one value, of the predictions that have it, in the order of their time."""
    order = np.argsort(rows.at, kind="stable")
    found: Runs = {}
    for name in maker.numbers:
        there = order[~np.isnan(columns.numbers[name][order])]
        found[name] = stillness(columns.numbers[name][there], rows.at[there])
    for name, column in maker.raw_categories(rows.predictions).items():
        codes = {value: code for code, value in enumerate(named[name])}
        values = np.array([codes.get(v, -1) if v is not None else -2 for v in column], np.int64)[order]
        found[name] = stillness(values[values > -2], rows.at[order][values > -2])
    return found


# counting


def _counted(contract: Contract, first: Reference, rows: Rows, places: dict[str, int], watches: Sequence[Watch]) -> Reference:
    layout = Layout(contract, first, watches)
    stretch_ms = max(1, -(-(first.to_ms - first.from_ms) // STRETCHES))
    model = ModelIngest(contract.key, stretch_ms)
    maker = Maker(layout, places)
    columns = maker.columns(rows.predictions, rows.latency_ms, np.full(len(rows.predictions), np.nan), rows.at)
    hashes = hashes_of([r.prediction_id.encode() for r in rows.predictions])
    model.predictions(layout, maker.combos(rows.predictions), hashes, rows.at, columns, -1)
    observed = [i for i, r in enumerate(rows.outcomes) if r.kind != "proxy"]
    if observed:
        some = [rows.outcomes[i] for i in observed]
        revisions = np.array([r.revision or 0 for r in some], np.int64)
        model.outcomes(maker, [r.label for r in some], hashes_of([r.prediction_id.encode() for r in some]), rows.known[observed], revisions)
        age = max(layout.horizons.values())
        at = model.waiting.column("at")[model.waiting.column("layout") != GHOST]
        model.mature(layout, int(at.max()) + 2 * (age + model.cell_ms(age) + stretch_ms))
    stretches: dict[str, list[tuple[int, Ints]]] = {}
    for (number, _), window in sorted(model.windows.items()):
        for key, dense in window.dense():
            stretches.setdefault(key, []).append((number, dense))
    counts = {key: np.sum([dense for _, dense in found], axis=0) for key, found in stretches.items()}
    known = replace(first, counts=counts)
    phi, growth = _clumping(Layout(contract, known, watches), stretches)
    phi |= phi_of_cells(layout, {number: window.cells for (number, _), window in model.windows.items() if window.cells is not None})
    if first.pace and max(first.pace["volume"][-2:]) > 1:
        phi[AMOUNT] = first.pace["volume"][-2:]
    done = replace(known, phi=phi, growth=growth)
    return replace(done, id=short_hash(reference_to_json(done)) + short_hash(contract.key, done.from_ms))


def _clumping(layout: Layout, stretches: Mapping[str, Sequence[tuple[int, Ints]]]) -> tuple[dict[str, tuple[float, ...]], dict[str, float]]:
    """phi and growth of every monitor, per stream or score; only where it is more than 1."""
    phis: dict[str, tuple[float, ...]] = {}
    growths: dict[str, float] = {}
    by_key: dict[str, list[Monitor]] = {}
    for watch in layout.watches:
        for monitor in watch.monitors(layout):
            key = monitor.streams[0].key if monitor.streams else monitor.tilt.key if monitor.tilt else ""
            by_key.setdefault(key, []).append(monitor)
    for key, monitors in by_key.items():
        found = stretches.get(key)
        if not found:
            continue
        begin = found[0][0]
        series = np.zeros((found[-1][0] - begin + 1, *found[0][1].shape), np.int32)
        for number, dense in found:
            series[number - begin] = dense
        if len(series) < 30:
            continue
        for monitor in monitors:
            rows = _phi_of(monitor, series)
            if max(p for p, _ in rows) > 1:
                phis[monitor.key] = tuple(round(p, 4) for p, _ in rows)
            if max(g for _, g in rows) > GROWTH_TOLD:
                growths[monitor.key] = round(max(g for _, g in rows), 3)
    return phis, growths


def _phi_of(monitor: Monitor, series: Ints) -> list[tuple[float, float]]:
    """series: int[stretches, segments, symbols]."""
    found = []
    counts = series[:, monitor.row]
    if monitor.tilt is not None:
        mine = counts[:, monitor.tilt.symbols].astype(float)
        total = mine.sum(0)
        for score in monitor.tilt.heal.score[0]:
            usual = score[: mine.shape[1]]
            mean = (total * usual).sum() / max(total.sum(), 1)
            variance = (total * (usual - mean) ** 2).sum() / max(total.sum(), 1)
            found.append((((mine * (usual - mean)).sum(1)), mine.sum(1) * variance))
    for stream in monitor.streams:
        among = counts if stream.n_row is None else series[:, stream.n_row]
        n, k = among[:, stream.n].sum(1).astype(float), counts[:, stream.k].sum(1).astype(float)
        p = k.sum() / max(n.sum(), 1)
        found.append((k - n * p, n * p * (1 - p)))
    pairs = []
    for miss, toss in found:
        phi, growth = clumping(miss, toss) if toss.sum() > 0 else (1.0, 1.0)
        pairs.append((float(phi), float(growth)))
    return pairs
