"""Table 6: features without labels. Who hears which change, at the same rate of false alarms?"""

from collections.abc import Callable

import numpy as np
from river import drift
from scripts.simulations import peers
from scripts.simulations.panel import Floats, Ints, Panel
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, mean_of, rate_of, share_of

from anchorwatch.estimators.tables import rank_tilt

LEVEL, QUIET, LIVE, REFERENCE = 1e4, 3_008, 8_000, 10_000
OURS = {
    "ours, no tolerance, blocks of 8": (0.0, 8),
    "ours, no tolerance, blocks of 32": (0.0, 32),
    "ours, P and P2 within .05, blocks of 32": (0.05, 32),
}
Draw = Callable[[np.random.Generator, int], Floats]
CHANGES: dict[str, Draw] = {
    "mean +.1 sd": lambda rng, n: rng.normal(0.1, 1, n),
    "mean +.3 sd": lambda rng, n: rng.normal(0.3, 1, n),
    "mean +1 sd": lambda rng, n: rng.normal(1, 1, n),
    "sd x1.25": lambda rng, n: rng.normal(0, 1.25, n),
    "sd x1.5": lambda rng, n: rng.normal(0, 1.5, n),
    "sd x.7": lambda rng, n: rng.normal(0, 0.7, n),
    "20 % frozen": lambda rng, n: np.where(rng.random(n) < 0.2, 0.0, rng.normal(0, 1, n)),
}
# Settings at which each alarms about once in 10,000 events of N(0, 1), found by trial.
MATCHED: dict[str, peers.Make] = {
    "ADWIN": lambda: drift.ADWIN(delta=0.16),
    "PageHinkley": lambda: drift.PageHinkley(delta=0.1, threshold=40.0),
    "KSWIN": lambda: drift.KSWIN(alpha=1e-4, seed=1),
}


def table(effort: Effort) -> Table:
    runs, others = effort(10, 200), effort(1, 20)
    how = (
        f"A standard normal feature changes after {QUIET:,} quiet events: mean delay in events (share not heard in {LIVE:,}). Ours: reference of "
        f"{REFERENCE:,} rows, A = {LEVEL:,.0f}, {runs} runs; river's: per event, {others} runs (KSWIN a quarter), settings at which "
        "they alarm about as often on quiet data (last column)."
    )
    names = list(CHANGES)[2:5] if effort.quick else list(CHANGES)
    found = Table(6, "Features without labels", how, ["detector", *names, "false per 10k"])
    rows: dict[str, list[Delay]] = {}
    changes = list(CHANGES.values())[2:5] if effort.quick else list(CHANGES.values())
    for name, (within, block) in OURS.items():
        if effort.quick and block == 8:
            continue
        rows[name] = [_ours(draw, within, block, runs) for draw in changes]
        false = _ours_false(within, block, effort(10, 200), effort(5_000, 50_000))
        found.rows.append([name, *(_shown(d) for d in rows[name]), false])
        found.bounds.append(Bound(f"{name}: false alarms per 10,000", false, 1.0))
    for name, make in MATCHED.items():
        few = max(others // 4, 1) if name == "KSWIN" else others
        if effort.quick and name == "KSWIN":
            continue
        rows[name] = [_river(make, draw, few) for draw in changes]
        quiet = effort(3_000, 40_000 if name == "KSWIN" else 400_000)
        rate = rate_of(len(peers.alarms(make, generator(6, 9).normal(0, 1, quiet).tolist())), quiet / 1e4, 1)
        found.rows.append([f"river {name}, matched", *(_shown(d) for d in rows[name]), rate])
    if not effort.quick:
        found.bounds += [_against(name, rows[next(iter(OURS))], rows[name]) for name in MATCHED]
    return found


Delay = tuple[Figure, Figure]  # mean of those heard; share not heard


def _shown(delay: Delay) -> str:
    heard, missed = delay
    return f"{heard}" + (f" [{missed.value:.2f}]" if missed.value else "")


def _against(name: str, ours: list[Delay], theirs: list[Delay]) -> Bound:
    """On how many of the changes are we as fast or faster, where a change that is not heard took all events there were?"""
    took = [
        [heard.value * (1 - missed.value) + LIVE * missed.value if heard.n else LIVE for heard, missed in row] for row in (ours, theirs)
    ]
    ahead = sum(a <= b for a, b in zip(*took, strict=True))
    what = f"changes of {len(ours)} on which ours, without tolerance, in blocks of 8, is ahead of {name}"
    return Bound(what, Figure(ahead, ahead, ahead, len(ours)), len(ours), at_least=True, must=False)


def _panel(rng: np.random.Generator, within: float, runs: int) -> tuple[Panel, Floats]:
    """Each run has a reference of its own; its luck (half a standard error: promise and reference are equally long) is tolerated."""
    cuts = np.array([np.quantile(rng.normal(0, 1, REFERENCE), np.arange(1, 32) / 32) for _ in range(runs)])
    place, spread = within + 0.5 / np.sqrt(12 * REFERENCE), within + 0.5 / np.sqrt(5 * REFERENCE)
    return Panel(rank_tilt(np.full(32, 1 / 32), place, spread), runs, LEVEL), cuts


def _block(cuts: Floats, x: Floats) -> Ints:
    """int64[runs, 32] of x[runs, events]."""
    runs = len(cuts)
    cells = np.stack([np.searchsorted(c, row) for c, row in zip(cuts, x, strict=True)]) + 32 * np.arange(runs)[:, None]
    return np.bincount(cells.reshape(-1), minlength=32 * runs).reshape(runs, 32)


def _ours(draw: Draw, within: float, block: int, runs: int) -> Delay:
    rng = generator(6, block, int(100 * within))
    panel, cuts = _panel(rng, within, runs)
    at = np.full(runs, np.nan)
    for t in range(-QUIET, LIVE, block):
        x = (draw(rng, runs * block) if t >= 0 else rng.normal(0, 1, runs * block)).reshape(runs, block)
        alarm = panel.feed(_block(cuts, x), block)
        if t >= 0:
            at[alarm & np.isnan(at)] = t + block
            if not np.isnan(at).any():
                break
    return mean_of(at), share_of(int(np.isnan(at).sum()), runs)


def _ours_false(within: float, block: int, runs: int, events: int) -> Figure:
    rng = generator(6, 1, block, int(100 * within))
    panel, cuts = _panel(rng, within, runs)
    count = sum(int(panel.feed(_block(cuts, rng.normal(0, 1, (runs, block))), block).sum()) for _ in range(events // block))
    return rate_of(count, runs * events / 1e4, runs)


def _river(make: peers.Make, draw: Draw, runs: int) -> Delay:
    """It stops at the first alarm after the change: what it does later is not asked."""
    rng, at = generator(6, 2), []
    for _ in range(runs):
        detector, heard = make(), np.nan
        for x in rng.normal(0, 1, QUIET).tolist():
            detector.update(x)
        for i, x in enumerate(draw(rng, LIVE).tolist()):
            detector.update(x)
            if detector.drift_detected:
                heard = i + 1
                break
        at.append(heard)
    return mean_of(at), share_of(int(np.isnan(at).sum()), runs)
