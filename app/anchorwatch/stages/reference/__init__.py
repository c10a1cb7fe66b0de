"""What is normal? One pure function from the rows of a quiet time to a reference: bins, lists, counts, clumping, segments (detection.md 2)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anchorwatch.contract import Contract, Feature
from anchorwatch.errors import ContractError
from anchorwatch.estimators.reference_bins import reference_bins
from anchorwatch.stages.columns import Maker, Objects
from anchorwatch.stages.model_ingest import hashes_of
from anchorwatch.stages.reference.counting import Rows, counted
from anchorwatch.stages.reference.expected import expected, threshold
from anchorwatch.stages.reference.habits import habits
from anchorwatch.stages.reference.written import reference_from_json, reference_to_json
from anchorwatch.stages.windows import kind_of
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import ABS_ERROR, ANSWER, CONFIDENCE, MARGIN, SCORE, Columns, Floats, Ints, Reference, Watch
from anchorwatch.watches.layout import Layout, segment_name
from anchorwatch.watches.pace import pace_of
from anchorwatch.watches.siblings import busy
from anchorwatch.watches.spans import Spans, gap_ms
from anchorwatch.watches.stuck import stillness

__all__ = ["ROWS_MIN", "Rows", "learn", "reference_from_json", "reference_to_json", "with_features"]

Runs = dict[str, tuple[float, ...]]
SEGMENTS_MAX = 200  # above: `other`
SEGMENT_ROWS_MIN = 30  # a value with fewer rows is `other`: no line could be drawn for it
ROWS_MIN = 300  # fewer: learning
NAMED_MAX, RARE_MAX = 30, 1_000
SAMPLE = 5_000  # records whose fields and types are looked at
ERROR_QUANTILE = 0.995


def learn(
    contract: Contract, rows: Rows, as_map: Any, places: Mapping[str, int], watches: Sequence[Watch] | None = None, left_out: Spans = ()
) -> Reference:
    """places: feature -> i of the attribute f<i> in the decoder's struct. left_out: times of which no prediction is among the rows.

    Raises ContractError: too few rows to call anything normal.
    """
    if len(rows.predictions) < ROWS_MIN:
        raise ContractError(
            f"reference of {contract.key}: {len(rows.predictions)} predictions are too few, {ROWS_MIN} are needed; "
            "give a longer window or file, or apply without a reference (the model is then learning)"
        )
    declared = with_features(contract, [as_map(raw) for raw in rows.raws[:2_000]])
    maker = Maker(Layout(declared, None, ()), dict(places))
    columns = maker.columns(rows.predictions, rows.latency_ms, np.full(len(rows.predictions), np.nan), rows.at)
    delays, errors = _pairs(declared, rows)
    given = columns.numbers | {SCORE: columns.score, CONFIDENCE: columns.confidence, MARGIN: columns.margin}
    bins = {name: _edges(values) for name, values in given.items() if name != ANSWER and values is not None}
    limit = threshold(declared, columns.score, columns.codes.get(ANSWER, np.zeros(0, np.int64)))
    if limit is not None:
        bins[SCORE] = np.union1d(bins[SCORE], [limit])  # so that a bin has one answer
    if declared.task == "regression":
        bins[ANSWER] = _edges(columns.numbers[ANSWER])
    bins |= {name: np.unique(_three_digits(bins[name])) for name in bins.keys() & maker.private}
    limits = _limits(columns, maker.private, errors)
    values, rare = _categories(maker, rows.predictions)
    first = Reference(
        id="", from_ms=int(rows.at.min()), to_ms=int(rows.at.max()) + 1, rows=len(rows.predictions),
        segments=tuple(_segments(declared, rows.predictions)),
        edges={name: tuple(map(float, e)) for name, e in bins.items() if len(e)}, limits=limits, values=values, rare=rare,
        fields=_fields(rows, as_map), absent_runs=_absent_runs(maker, columns, rows.at), still=_still(columns, values, maker, rows),
        gap_s=gap_ms(rows.at, left_out) / 1000, left_out=left_out,
        pace=pace_of(rows.at, int(rows.at.min()), int(rows.at.max()) + 1, declared.timezone, left_out)
        | busy(rows.siblings, len(rows.predictions), int(rows.at.min()), int(rows.at.max()) + 1),
        expected=expected(declared, bins[SCORE], limit, columns.score, [r.prediction_id for r in rows.predictions], rows.outcomes),
        delays_s=(float(np.quantile(delays, 0.5)), float(np.quantile(delays, 0.95))) if len(delays) else (0.0, 0.0), labelled=len(delays),
        **_reacted(rows),
    )  # fmt: skip
    return counted(declared, first, rows, places, watches or catalogue())


def _reacted(rows: Rows) -> dict[str, Any]:
    """What is usual of decisions and complaints, as the reference names it."""
    decided_s, reasons = habits(rows.predictions, rows.at, rows.decisions, rows.decided, "reason")
    complained_s, kinds = habits(rows.predictions, rows.at, rows.complaints, rows.complained, "kind")
    return {"decided_s": decided_s, "reasons": reasons, "complained_s": complained_s, "kinds": kinds}


def _edges(values: Floats) -> Floats:
    return reference_bins(values[np.isfinite(values)]).edges


def _limits(columns: Columns, private: frozenset[str], errors: Floats) -> dict[str, tuple[float, float]]:
    """The smallest and the largest value of each number; of a private one neither, since each was somebody's."""
    known = {name: v for name, v in columns.numbers.items() if name != ANSWER and name not in private and not np.isnan(v).all()}
    found = {name: (float(np.nanmin(v)), float(np.nanmax(v))) for name, v in known.items()}
    if len(errors):
        found[ABS_ERROR] = (0.0, float(max(np.quantile(errors, ERROR_QUANTILE), 1e-9)))
    return found


def _three_digits(values: Floats) -> Floats:
    """Edges of a private number: where the bins lie, not what somebody's value was."""
    return np.array([float(f"{value:.3g}") for value in values])


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
