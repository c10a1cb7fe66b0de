"""Rows counted by the very code that counts the live stream, in stretches of equal length, whose spread gives phi (detection.md 2.4)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from anchorwatch.contract import Contract
from anchorwatch.estimators.lines import clumping
from anchorwatch.estimators.season import HOUR_MS
from anchorwatch.stages.columns import Maker, Objects
from anchorwatch.stages.join import GHOST
from anchorwatch.stages.model_ingest import ModelIngest, hashes_of
from anchorwatch.stages.reference.clumps import phi_of_cells
from anchorwatch.stages.reference.seasonal import ROWS_MAX, Hours, asked_for, left_over, seasons
from anchorwatch.stages.reference.written import reference_to_json
from anchorwatch.stages.windows import OpenWindow, numbered
from anchorwatch.watches.base import COMPLAINED, DECIDED, Floats, Ints, Monitor, Reference, Watch, short_hash
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.ordering import derived
from anchorwatch.watches.pace import EVENTS
from anchorwatch.watches.siblings import SIBLINGS, Allowance, share
from anchorwatch.watches.volume import AMOUNT

STRETCHES = 240  # scales from a 30th of the reference down to an eighth of that
GROWTH_TOLD = 1.6
STEP_MS_MIN = 10_000  # in which siblings are looked at, where they are told one by one


class Rows(NamedTuple):
    """Decoded events of one model, in the order of their time."""

    predictions: Objects
    at: Ints
    latency_ms: Floats
    raws: Sequence[bytes]
    outcomes: Objects
    known: Ints
    decisions: Objects = ()
    decided: Ints = np.zeros(0, np.int64)
    complaints: Objects = ()
    complained: Ints = np.zeros(0, np.int64)
    siblings: Ints = np.zeros((0, 2), np.int64)  # (ms, events of its siblings at that time), any order


def counted(contract: Contract, first: Reference, rows: Rows, places: Mapping[str, int], watches: Sequence[Watch]) -> Reference:
    """`first` with its counts, hours of the week, phi, growth and id; of its bins, lists and times nothing changes."""
    layout = Layout(contract, first, watches)
    stretch_ms = max(1, -(-(first.to_ms - first.from_ms) // STRETCHES))
    by_hour = asked_for(layout)
    together = max(1, round(stretch_ms / HOUR_MS)) if by_hour else 1  # hours of a stretch
    windows = _windows(layout, rows, places, HOUR_MS if by_hour else stretch_ms)
    stretches: dict[str, dict[int, Ints]] = {}
    hours: dict[str, list[tuple[int, Ints]]] = {}
    cells: dict[int, Ints] = {}
    for number, window in windows:
        if layout.cells is not None and layout.cells.key in window.apart:
            cells[number // together] = cells.get(number // together, 0) + window.apart[layout.cells.key]
        for key, dense in window.dense():
            known = stretches.setdefault(key, {})
            known[number // together] = known[number // together] + dense if number // together in known else dense
            if by_hour:
                hours.setdefault(key, []).append((number, dense[:ROWS_MAX].astype(np.int32)))
    stretches |= derived(layout, stretches)
    counts = {key: np.sum(list(found.values()), axis=0) for key, found in stretches.items()}
    known_counts = replace(first, counts=counts)
    season = seasons(Layout(contract, known_counts, watches), hours) if by_hour else {}
    seasonal = Layout(contract, replace(known_counts, season=season), watches)
    phi, growth = _clumping(seasonal, {key: sorted(found.items()) for key, found in stretches.items()}, hours, together)
    phi |= phi_of_cells(layout, cells)
    if "volume" in first.pace and max(first.pace["volume"][-2:]) > 1:
        phi[AMOUNT] = first.pace["volume"][-2:]
    done = replace(known_counts, season=season, phi=phi, growth=growth)
    return replace(done, id=short_hash(reference_to_json(done)) + short_hash(contract.key, done.from_ms))


def _windows(layout: Layout, rows: Rows, places: Mapping[str, int], window_ms: int) -> list[tuple[int, OpenWindow]]:
    """What the live stream would have counted of these rows, in windows of that length, ascending."""
    model = ModelIngest(layout.key, window_ms)
    maker = Maker(layout, dict(places))
    columns = maker.columns(rows.predictions, rows.latency_ms, np.full(len(rows.predictions), np.nan), rows.at)
    hashes = hashes_of([r.prediction_id.encode() for r in rows.predictions])
    model.predictions(layout, maker.combos(rows.predictions), hashes, rows.at, columns, -1)
    observed = [i for i, r in enumerate(rows.outcomes) if r.kind != "proxy"]
    if observed:
        some = [rows.outcomes[i] for i in observed]
        revisions = np.array([r.revision or 0 for r in some], np.int64)
        model.outcomes(maker, [r.label for r in some], hashes_of([r.prediction_id.encode() for r in some]), rows.known[observed], revisions)
    for horizon, events, made_ms in ((DECIDED, rows.decisions, rows.decided), (COMPLAINED, rows.complaints, rows.complained)):
        if events and horizon in layout.reactions:
            model.react(layout, horizon, events, hashes_of([r.prediction_id.encode() for r in events]), made_ms)
    _siblings(model, layout, rows, window_ms)
    if observed or rows.decisions or rows.complaints:
        age = max(layout.ages.values())
        at = model.waiting.column("at")[model.waiting.column("layout") != GHOST]
        model.mature(layout, int(at.max()) + 2 * (age + model.cell_ms(age) + window_ms))
    return [(number, window) for (number, _), window in sorted(model.windows.items())]


def _siblings(model: ModelIngest, layout: Layout, rows: Rows, window_ms: int) -> None:
    """Ours and theirs of each window, as judge derives them; what lies before our first event and after our last is nobody's share."""
    if SIBLINGS.key not in layout.counts or not len(rows.siblings):
        return
    assert layout.reference is not None, "asked of references alone"
    at, n = rows.siblings[(rows.siblings[:, 0] >= layout.reference.from_ms) & (rows.siblings[:, 0] < layout.reference.to_ms)].T
    step_ms = max(int(np.gcd.reduce(at)), min(STEP_MS_MIN, window_ms)) if len(at) else STEP_MS_MIN  # they come in steps of live windows
    steps, place = numbered(at // step_ms)
    beside = Counter((rows.at // step_ms).tolist())
    theirs, allowance = Counter[int](), Allowance(layout, step_ms)
    for step, count in zip(steps.tolist(), np.bincount(place, n).astype(np.int64).tolist(), strict=True):  # .5 us each
        first, over = step * step_ms // window_ms, max(step_ms // window_ms, 1)
        taken = allowance.take((step + 1) * step_ms, count, beside[step])
        for i in range(over):  # spread where a short reference has shorter stretches: a step is no clump
            theirs[first + i] += taken * (i + 1) // over - taken * i // over
    spoke = {number: window.tallies[EVENTS.key] for (number, _), window in model.windows.items() if EVENTS.key in window.tallies}
    ours = {number: int(tally.merge()[1].sum()) for number, tally in spoke.items()}
    into, key, whole = model.into(model.layout_number(layout)), share(layout).key, np.zeros(1, np.int64)
    for number in sorted(theirs.keys() | ours.keys()):
        into(number).add(key, whole, np.array([[ours.get(number, 0), theirs.get(number, 0)]], np.int64))


def _clumping(
    layout: Layout, stretches: Mapping[str, Sequence[tuple[int, Ints]]], hours: Hours, together: int
) -> tuple[dict[str, tuple[float, ...]], dict[str, float]]:
    """phi and growth of every monitor, per stream or score; only where it is more than 1. Hours of the week first, then what is left."""
    phis: dict[str, tuple[float, ...]] = {}
    growths: dict[str, float] = {}
    by_key: dict[str, list[Monitor]] = {}
    season = layout.reference.season if layout.reference else {}
    for monitor in layout.monitors:
        if monitor.like:
            continue  # it has the clumping of another
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
            own = season.get(monitor.key)
            rows = _phi_of(monitor, series) if own is None else _phis(left_over(layout, monitor, own, hours, together))
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
    return _phis(found)


def _phis(found: Sequence[tuple[Floats, Floats]]) -> list[tuple[float, float]]:
    """(phi, growth) of each (ones beyond the expected, their variance) in stretches."""
    pairs = []
    for miss, toss in found:
        phi, growth = clumping(miss, toss) if toss.sum() > 0 else (1.0, 1.0)
        pairs.append((float(phi), float(growth)))
    return pairs
