"""Table 4: what do window rules say of quiet data, and what do we?"""

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter
from scripts.simulations import peers
from scripts.simulations.panel import Floats, Panel
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, rate_of, share_of

from anchorwatch.estimators.lines import clumping, luck
from anchorwatch.estimators.reference_bins import digitize, reference_bins
from anchorwatch.estimators.tables import rank_scores, rank_tilt

FEATURES, REFERENCE, DAY = 20, 10_000, 10_000
PROMISE_DAYS = 30.0
RULES = {
    "KS, p < .05": peers.ks_below(0.05),
    "KS, p < .05 / 20": peers.ks_below(0.05 / FEATURES),
    "Wasserstein >= .1 sd": peers.wasserstein_above(0.1),
    "PSI > .1": peers.psi_above(0.1),
}


def table(effort: Effort) -> Table:
    runs = effort(2, 200)
    how = (
        f"Share of windows with an alert among {FEATURES} standard normal features where nothing changes ({runs} windows each): rules as "
        f"libraries ship them, a reference of {REFERENCE:,} rows. Ours: warnings per 30 days of {DAY:,} events in hourly blocks, {FEATURES} features "
        "under one promise of 10 warnings per 30 days."
    )
    kinds = {
        "n = 200": ("plain", 200),
        "n = 1,000": ("plain", 1_000),
        "AR .9, 1,000": ("ar", 1_000),
        "daily swing .3 sd, 1,000": ("swing", 1_000),
    }
    found = Table(4, "Window rules on quiet data", how, ["rule", *kinds])
    for name, rule in RULES.items():
        found.rows.append([name, *(_share(rule, kind, n, runs) for kind, n in kinds.values())])
    size = effort(2, FEATURES)
    own = {kind: _warnings(kind, size, effort(1, 10), effort(1, 30)) for kind in ("plain", "ar", "swing")}
    found.rows.append(["ours, warnings per 30 d", "", own["plain"], own["ar"], own["swing"]])
    found.bounds = [Bound(f"ours, warnings per 30 d, {kind}", figure, 10) for kind, figure in own.items()]
    found.notes.append(
        "The swing: the reference holds whole days, and phi is measured on it (28 days); it widens what the clock does alone."
    )
    return found


def column(kind: str, n: int, rng: np.random.Generator, first: int = 0) -> Floats:
    """n events of one quiet feature, from event `first` of the stream on."""
    noise: Floats = rng.normal(0, 1, n)
    if kind == "ar":
        noise, _ = lfilter([np.sqrt(1 - 0.9**2)], [1, -0.9], noise, zi=[0.9 * rng.normal()])
    elif kind == "swing":
        noise += 0.3 * np.sin(2 * np.pi * (first + np.arange(n)) / DAY)
    return noise


def _share(rule: Callable[[Floats, Floats], bool], kind: str, n: int, runs: int) -> Figure:
    rng, hits = generator(4, n), 0
    references = [column(kind, REFERENCE, rng) for _ in range(FEATURES)]
    for _ in range(runs):
        first = int(rng.integers(DAY))
        hits += any(rule(reference, column(kind, n, rng, first)) for reference in references)
    return share_of(hits, runs)


def _warnings(kind: str, size: int, fleets: int, days: int) -> Figure:
    """Hourly histograms against the reference's bins; the luck and the clumping of a reference of 28 days."""
    rng, count = generator(4, 3), 0
    hourly = DAY // 24
    for _ in range(fleets):
        past = [column(kind, 28 * 24 * hourly, rng) for _ in range(size)]
        live = [column(kind, days * 24 * hourly, rng) for _ in range(size)]
        bins = [reference_bins(x) for x in past]
        z = float(luck(PROMISE_DAYS * size / 28))
        tables, cells = [], []
        for b, was, now in zip(bins, past, live, strict=True):
            within = 0.05 + z / np.sqrt(12 * b.n), 0.05 + z / np.sqrt(5 * b.n)
            tables.append(rank_tilt(b.mass, *within) / _phi(b.mass, digitize(was, b.edges), hourly)[:, None])
            cells.append(_hours(digitize(now, b.edges), hourly))
        panel = Panel(np.stack(tables), size, PROMISE_DAYS / 10)
        for hour in range(days * 24):
            count += int(panel.feed(np.stack([c[hour] for c in cells]), 1 / 24 / size).sum())
    return rate_of(count, fleets * days / 30, fleets)


def _hours(cells: "np.ndarray[tuple[int], np.dtype[np.int64]]", hourly: int) -> Floats:
    """float64[hours, bins]."""
    hours = len(cells) // hourly
    flat = np.bincount(cells[: hours * hourly] + 32 * (np.arange(hours * hourly) // hourly), minlength=32 * hours)
    return flat.reshape(hours, 32).astype(np.float64)


def _phi(mass: Floats, cells: "np.ndarray[tuple[int], np.dtype[np.int64]]", hourly: int) -> Floats:
    """float64[12]: of the place rows and of the spread rows."""
    counts = _hours(cells, hourly)
    tosses = [np.full(len(counts), hourly * float((mass * score**2).sum())) for score in rank_scores(mass)]
    found = [float(clumping(counts @ score, toss)[0]) for score, toss in zip(rank_scores(mass), tosses, strict=True)]
    return np.repeat(found, [8, 4])
