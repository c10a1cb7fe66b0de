"""Table 8: the KDD 2026 protocol on the two of its streams that can be had, by its own rules and its own count of hits."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from river import drift
from scripts.simulations import peers
from scripts.simulations.drifted import DRIFTS, STREAMS, Ints, Rows, Run, load, runs
from scripts.simulations.panel import Panel, rate_panel, tosses
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator

from anchorwatch.estimators.lines import luck
from anchorwatch.estimators.reference_bins import digitize, reference_bins
from anchorwatch.estimators.self_starting import SelfStarting
from anchorwatch.estimators.tables import rank_tilt

FROM = 0.25  # of the stream: where detectors begin
BLOCK, OPEN, LEVEL = 32, 3_000, 1e5
KINDS = ("abrupt", "gradual")
TARGETS = {"abrupt": 0.38, "gradual": 0.27}  # the best published means of all seven streams
PUBLISHED = {"abrupt": ("SEED", 0.578), "gradual": ("STEPD", 0.363)}  # the best of these two, tuned on other streams
DRAWS = 400


class Told(NamedTuple):
    """Of one run."""

    hits: int
    false: int


def table(effort: Effort) -> Table:
    n = effort(2, 10, 50)
    how = (
        "Cerqueira et al. 2026, arXiv 2606.07789, its rules with river's tree: rows are shuffled, a Hoeffding tree learns all along, detectors see "
        "its errors from a quarter on; "
        f"onset at .5 to .8 of the stream; {n} runs of each of four drifts (three in four of one class left out; one class "
        "called the other; features permuted; one feature's upper half left out), at once or over a ramp. Alarms within 2,500 events of the onset "
        "(NOAA 1,500; the ramp is as wide) are hits, every other is false, a run without a hit is a miss; F1 of each drift, mean of the four; (false "
        "alarms per run). Published best on these two streams, default / tuned on other streams: abrupt SEED .553 / .578, gradual SEED .340 / STEPD "
        ".363; of all seven streams: abrupt SEED .362 / .380, gradual SEED .257 / STEPD .266."
    )
    streams = {name: rows for name in STREAMS if (rows := load(name)) is not None and not (effort.quick and name != "NOAA")}
    found = Table(8, "KDD 2026 protocol", how, ["detector", *(f"{name}, {kind}" for name in streams for kind in KINDS)])
    if not streams:
        found.rows.append(["not run: no development data at ANCHORWATCH_DATA"])
        return found
    told = {name: _told(rows, STREAMS[name][2], n, effort.quick) for name, rows in streams.items()}
    for detector in DETECTORS:
        cells = [told[name][detector][kind] for name in streams for kind in KINDS]
        found.rows.append([detector, *(f"{f1(cell, np.arange(n)):.3f} ({_false(cell):.2f})" for cell in cells)])
    for kind in KINDS:
        for what, detector in ((f"error stream alone, {kind}", PLAIN), (f"inputs and label mix, {kind}", CAUSE)):
            figure = _mean([told[name][detector][kind] for name in streams], n)
            found.bounds.append(Bound(f"F1 of {what}, mean of the streams", figure, TARGETS[kind], at_least=True, must=not effort.quick))
        figure, (name, tuned) = _mean([told[each][PLAIN][kind] for each in streams], n), PUBLISHED[kind]
        what = f"the same against the best published of these two streams, tuned ({name}), {kind}"
        found.bounds.append(
            Bound(what, figure, tuned, at_least=True, must=False, why="Theirs is tuned on other streams, ours has one setting.")
        )
    return found


Cell = Mapping[str, Sequence[Told]]  # drift -> of each run


def _told(rows: Rows, width: int, n: int, quick: bool) -> dict[str, dict[str, dict[str, list[Told]]]]:
    """Detector -> kind -> drift -> of each run."""
    short = Rows(rows.x[:6_000], rows.y[:6_000]) if quick else rows
    told: dict[str, dict[str, dict[str, list[Told]]]] = {d: {k: {c: [] for c in DRIFTS} for k in KINDS} for d in DETECTORS}
    for seed in range(n):
        for kind, by_drift in runs(short, width, seed).items():
            for change, run in by_drift.items():
                for detector, tell in DETECTORS.items():
                    told[detector][kind][change].append(_count(run, tell(run)))
    return told


def _count(run: Run, alarms: Ints) -> Told:
    at = run.at[alarms]
    inside = (at >= run.onset) & (at <= run.onset + run.width)
    return Told(int(inside.sum()), int((~inside).sum()))


def f1(cell: Cell, taken: Ints) -> float:
    """Mean over the drifts of 2 P R / (P + R): P of alarms that are hits, R hits over hits and runs without one. taken: which runs, int64[any]."""
    values = []
    for told in cell.values():
        hits, false = np.array(told)[taken].T
        misses = int((hits == 0).sum())
        precision, recall = hits.sum() / max(hits.sum() + false.sum(), 1), hits.sum() / max(hits.sum() + misses, 1)
        values.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return float(np.mean(values))


def _mean(cells: Sequence[Cell], n: int) -> Figure:
    """Over the streams; the interval by drawing runs anew."""
    rng = generator(8, n, DRAWS)
    drawn = [np.mean([f1(cell, rng.integers(n, size=n)) for cell in cells]) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Figure(float(np.mean([f1(cell, np.arange(n)) for cell in cells])), float(low), float(high), n)


def _false(cell: Cell) -> float:
    return float(np.mean([run.false for told in cell.values() for run in told]))


# --- detectors: rows of a run at which they alarm, from FROM on


def _events(make: Callable[[], Any]) -> Callable[[Run], Ints]:
    def tell(run: Run) -> Ints:
        start = run.from_(FROM)
        return peers.alarms(make, run.wrong[start:].tolist()) + start

    return tell


def _ours(level: float) -> Callable[[Run], Ints]:
    def tell(run: Run) -> Ints:
        start, detector = run.from_(FROM), SelfStarting(run_length=level)
        blocks = run.wrong[start:][: (len(run.y) - start) // BLOCK * BLOCK].reshape(-1, BLOCK).sum(1).tolist()
        return np.array([start + (t + 1) * BLOCK - 1 for t, k in enumerate(blocks) if detector.feed(BLOCK, k)], np.int64)

    return tell


def _open(run: Run) -> Ints:
    """An alert that is open is not told again for 3,000 events, as a product would."""
    kept: list[int] = []
    for at in _ours(LEVEL)(run).tolist():
        if not kept or at - kept[-1] > OPEN:
            kept.append(at)
    return np.array(kept, np.int64)


def _cause(run: Run) -> Ints:
    """First warning by inputs and label mix: a rank tilt per feature and both rates of the label, N = 100,000 events in equal shares."""
    start = run.from_(FROM)
    columns = [c for c in range(run.x.shape[1]) if len(np.unique(run.x[:start, c])) > 1]
    bins = [reference_bins(run.x[:start, c]) for c in columns]
    parts = len(bins) + 1
    z = float(luck(LEVEL * parts / start))
    within = 0.03 + z / np.sqrt(12 * start), 0.03 + z / np.sqrt(5 * start)
    width = max(len(b.mass) for b in bins)
    tables = np.stack([np.pad(rank_tilt(b.mass, *within), ((0, 0), (0, width - len(b.mass)))) for b in bins])
    ranks = Panel(tables, len(bins), LEVEL)
    p = run.y[:start].mean()
    margin = 0.05 + z * np.sqrt(p * (1 - p) / start)
    mix: Panel = rate_panel([min(p + margin, 1 - 1e-6), min(1 - p + margin, 1 - 1e-6)], 2, LEVEL)
    cells = np.stack([digitize(run.x[:, c], b.edges) for c, b in zip(columns, bins, strict=True)], axis=1)
    for t in range(start, len(run.y) - BLOCK, BLOCK):
        flat = cells[t : t + BLOCK] + width * np.arange(len(bins))
        counts = np.bincount(flat.reshape(-1), minlength=width * len(bins)).reshape(len(bins), width)
        k = run.y[t : t + BLOCK].sum()
        if ranks.feed(counts, BLOCK / parts).any() or mix.feed(tosses([BLOCK, BLOCK], [k, BLOCK - k]), BLOCK / parts / 2).any():
            return np.array([t + BLOCK - 1], np.int64)
    return np.zeros(0, np.int64)


def _every_hundred(run: Run) -> Ints:
    return np.arange(run.from_(FROM), len(run.y), 100)


PLAIN = "ours, error stream, self-starting, A = 100,000"
CAUSE = "ours, first warning by inputs and label mix, A = 100,000"
DETECTORS: dict[str, Callable[[Run], Ints]] = {
    PLAIN: _ours(LEVEL),
    "the same, an open alert is not repeated for 3,000 events": _open,
    "ours, error stream, self-starting, A = 30,000": _ours(3e4),
    CAUSE: _cause,
    "SEED .05": _events(peers.Seed),
    "SEED .01, tuned": _events(lambda: peers.Seed(delta=0.01)),
    "STEPD 30, .003": _events(peers.Stepd),
    "STEPD 500, .001, tuned": _events(lambda: peers.Stepd(window=500, alpha=0.001)),
    "river ADWIN .002": _events(drift.ADWIN),
    "river PageHinkley": _events(drift.PageHinkley),
    "river HDDM_A": _events(drift.binary.HDDMA),
    "river HDDM_W": _events(drift.binary.HDDMW),
    "river DDM": _events(drift.binary.DDM),
    "an alarm every 100 events": _every_hundred,
}
