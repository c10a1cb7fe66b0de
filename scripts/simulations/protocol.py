"""Table 8: the KDD 2026 protocol on the streams that can be had: four injected drifts into shuffled real rows, a model that keeps learning."""

import csv
import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from river import drift, tree
from scripts.simulations import peers
from scripts.simulations.panel import Floats, Panel, rate_panel, tosses
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, mean_of

from anchorwatch.estimators.lines import luck
from anchorwatch.estimators.reference_bins import digitize, reference_bins
from anchorwatch.estimators.self_starting import SelfStarting
from anchorwatch.estimators.tables import rank_tilt

Ints = NDArray[np.int64]
DATA = Path(os.environ.get("ANCHORWATCH_DATA", "../shared/data/dev"))
STREAMS = {"Electricity": ("elec2.csv.gz", ("ts", "label")), "NOAA": ("noaa_weather.csv.gz", ("seq", "label"))}
DRIFTS = ("class prior", "label swap", "feature permutation", "feature filtering")
HITS = (500, 1_500, 2_500)  # events after the onset within which an alarm is a hit; a ramp is as wide
FROM = 0.25  # of the stream: where detectors begin
BLOCK, OPEN = 32, 3_000
WORDS = (
    "Runs, seeds, model (Hoeffding tree of river) and the strength of each drift are ours: the paper's code was not at hand, so its figures can "
    "be compared in kind, not in digits. Published best, mean of 7 streams, default / tuned: abrupt SEED .362 / .380, gradual SEED .257, STEPD .266."
)


class Rows(NamedTuple):
    x: Floats  # float64[n, features]
    y: Ints  # 0 or 1


class Run(NamedTuple):
    """One stream with a drift: rows as they came, and was the model wrong on each?"""

    x: Floats
    y: Ints
    wrong: Ints
    onset: int
    hit: tuple[int, ...]  # windows that count for this run: all for an abrupt drift, its own for a ramp


def load(name: str) -> Rows | None:
    file, left_out = STREAMS[name]
    if not (DATA / file).exists():
        return None
    with gzip.open(DATA / file, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = [c for c in rows[0] if c not in left_out]
    labels = sorted({row["label"] for row in rows})
    x = np.array([[float(row[c]) for c in names] for row in rows])
    return Rows(x, np.array([labels.index(row["label"]) for row in rows], np.int64))


def table(effort: Effort) -> Table:
    runs = effort(1, 2, 4)
    how = (
        f"Rows are shuffled, a Hoeffding tree learns all along, detectors begin after a quarter; onset at .5 to .8 of the stream; {runs} runs for "
        "each of four drifts and three widths. F1: a run with an alarm within 500 / 1,500 / 2,500 events of the onset is a hit (mean of the three; "
        "a gradual drift's ramp is as wide), every alarm outside is false, a run without is a miss; (false alarms per run). " + WORDS
    )
    streams = {name: rows for name in STREAMS if (rows := load(name)) is not None and not (effort.quick and name != "NOAA")}
    columns = ["detector", *(f"{name}, {kind}" for name in streams for kind in ("abrupt", "gradual"))]
    found = Table(8, "KDD 2026 protocol", how, columns)
    if not streams:
        found.rows.append(["not run: no development data at ANCHORWATCH_DATA"])
        return found
    scores: dict[str, dict[str, tuple[Figure, float]]] = {name: {} for name in DETECTORS}
    for name, rows in streams.items():
        for ramped in (False, True):
            made = [run for seed in range(runs) for run in _runs(rows, seed, ramped, effort.quick)]
            for detector, tell in DETECTORS.items():
                scores[detector][f"{name}, {'gradual' if ramped else 'abrupt'}"] = f1([(run, tell(run)) for run in made])
    for detector, row in scores.items():
        found.rows.append([detector, *(f"{f.value:.3f} ({false:.2f})" for f, false in row.values())])
    best, cause = (scores[d] for d in (PLAIN, CAUSE))
    for kind, target in (("abrupt", 0.38), ("gradual", 0.27)):
        for what, row in ((f"error stream alone, {kind}", best), (f"inputs and label mix, {kind}", cause)):
            figure = mean_of([f.value for c, (f, _) in row.items() if c.endswith(kind)])
            found.bounds.append(Bound(f"F1 of {what}, mean of the streams", figure, target, at_least=True, must=False))
    return found


def _runs(rows: Rows, seed: int, ramped: bool, quick: bool) -> Iterator[Run]:
    for i, kind in enumerate(DRIFTS[1:3] if quick else DRIFTS):
        for width in HITS[1:2] if quick else HITS:
            rng = generator(8, seed, i, width, int(ramped))
            short = Rows(rows.x[:3_000], rows.y[:3_000]) if quick else rows
            yield _play(short, kind, width if ramped else 0, (width,) if ramped else HITS, rng)


def _play(rows: Rows, kind: str, ramp: int, hit: tuple[int, ...], rng: np.random.Generator) -> Run:
    n = len(rows.y)
    order, onset = rng.permutation(n), int(n * rng.uniform(0.5, 0.8))
    drifted = np.arange(n) >= onset
    if ramp:
        drifted &= rng.random(n) < (np.arange(n) - onset) / ramp
    x, y = rows.x[order], rows.y[order]
    if kind == "class prior":  # the rarer class and the other change their shares
        often = int(rows.y.mean() > 0.5)
        share = float((rows.y == often).mean())
        want = np.where(rng.random(n) < share, 1 - often, often)
        pools = [np.flatnonzero(rows.y == c) for c in (0, 1)]
        taken = np.where(want == 1, pools[1][rng.integers(len(pools[1]), size=n)], pools[0][rng.integers(len(pools[0]), size=n)])
        x[drifted], y[drifted] = rows.x[taken][drifted], rows.y[taken][drifted]
    elif kind == "label swap":
        y[drifted] = 1 - y[drifted]
    elif kind == "feature permutation":
        x[drifted] = x[drifted][:, np.roll(np.arange(x.shape[1]), 1)]
    else:  # only rows in the upper half of one feature
        column = int(rng.integers(x.shape[1]))
        pool = np.flatnonzero(rows.x[:, column] > np.median(rows.x[:, column]))
        if len(pool):
            taken = pool[rng.integers(len(pool), size=n)]
            x[drifted], y[drifted] = rows.x[taken][drifted], rows.y[taken][drifted]
    return Run(x, y, _prequential(x, y), onset, hit)


def _prequential(x: Floats, y: Ints) -> Ints:
    model, wrong = tree.HoeffdingTreeClassifier(), np.zeros(len(y), np.int64)
    for i, (row, label) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        features = dict(enumerate(row))
        wrong[i] = model.predict_one(features) != label
        model.learn_one(features, label)
    return wrong


def f1(told: list[tuple[Run, Ints]]) -> tuple[Figure, float]:
    """Mean over the windows of F1 = 2 hits / (2 hits + false + misses); and false alarms per run."""
    values, false_all = [], []
    for width in HITS:
        hits = misses = false = 0
        for run, at in told:
            if width not in run.hit:
                continue
            inside = (at >= run.onset) & (at < run.onset + width)
            hits, misses, false = hits + bool(inside.any()), misses + (not inside.any()), false + int((~inside).sum())
        if hits + misses:
            values.append(2 * hits / (2 * hits + false + misses))
            false_all.append(false / (hits + misses))
    return mean_of(values), float(np.mean(false_all))


# --- detectors: event numbers of their alarms from FROM on


def _river(make: Callable[[], Any]) -> Callable[[Run], Ints]:
    def tell(run: Run) -> Ints:
        start = int(FROM * len(run.y))
        return peers.alarms(make, run.wrong[start:].tolist()) + start

    return tell


def _ours(run: Run) -> Ints:
    start, detector = int(FROM * len(run.y)), SelfStarting(run_length=3e4)
    blocks = run.wrong[start:][: (len(run.y) - start) // BLOCK * BLOCK].reshape(-1, BLOCK).sum(1).tolist()
    return np.array([start + (t + 1) * BLOCK - 1 for t, k in enumerate(blocks) if detector.feed(BLOCK, k)], np.int64)


def _open(run: Run) -> Ints:
    """An alert that is open is not told again for 3,000 events, as a product would."""
    kept: list[int] = []
    for at in _ours(run).tolist():
        if not kept or at - kept[-1] > OPEN:
            kept.append(at)
    return np.array(kept, np.int64)


def _cause(run: Run) -> Ints:
    """First warning by inputs and label mix: a rank tilt per feature and both rates of the label, N = 100,000 events in equal shares."""
    start = int(FROM * len(run.y))
    bins = [reference_bins(column) for column in run.x[:start].T]
    bins = [b for b in bins if len(b.mass) > 1]
    columns = [c for c in range(run.x.shape[1]) if len(np.unique(run.x[:start, c])) > 1]
    parts, level = len(bins) + 1, 1e5
    z = float(luck(level * parts / start))
    within = 0.03 + z / np.sqrt(12 * start), 0.03 + z / np.sqrt(5 * start)
    width = max(len(b.mass) for b in bins)
    tables = np.stack([np.pad(rank_tilt(b.mass, *within), ((0, 0), (0, width - len(b.mass)))) for b in bins])
    ranks = Panel(tables, len(bins), level)
    p = run.y[:start].mean()
    margin = 0.05 + z * np.sqrt(p * (1 - p) / start)
    mix: Panel = rate_panel([min(p + margin, 1 - 1e-6), min(1 - p + margin, 1 - 1e-6)], 2, level)
    cells = np.stack([digitize(run.x[:, c], b.edges) for c, b in zip(columns, bins, strict=True)], axis=1)
    for t in range(start, len(run.y) - BLOCK, BLOCK):
        flat = cells[t : t + BLOCK] + width * np.arange(len(bins))
        counts = np.bincount(flat.reshape(-1), minlength=width * len(bins)).reshape(len(bins), width)
        k = run.y[t : t + BLOCK].sum()
        if ranks.feed(counts, BLOCK / parts).any() or mix.feed(tosses([BLOCK, BLOCK], [k, BLOCK - k]), BLOCK / parts / 2).any():
            return np.array([t + BLOCK - 1], np.int64)
    return np.zeros(0, np.int64)


def _every_hundred(run: Run) -> Ints:
    return np.arange(int(FROM * len(run.y)), len(run.y), 100)


PLAIN = "ours, error stream, self-starting, A = 30,000"
OPENED = "ours, error stream, self-starting, A = 30,000, an open alert is not repeated for 3,000 events"
CAUSE = "ours, first warning by inputs and label mix, A = 100,000"
DETECTORS: dict[str, Callable[[Run], Ints]] = {
    PLAIN: _ours,
    OPENED: _open,
    CAUSE: _cause,
    "river ADWIN .002": _river(drift.ADWIN),
    "river PageHinkley": _river(drift.PageHinkley),
    "river HDDM_A": _river(drift.binary.HDDMA),
    "river HDDM_W": _river(drift.binary.HDDMW),
    "river DDM": _river(drift.binary.DDM),
    "an alarm every 100 events": _every_hundred,
}
