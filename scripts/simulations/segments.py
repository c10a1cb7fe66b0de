"""Table 5: 200 segments, of which ten change: who is found, who is blamed wrongly?"""

import numpy as np
from scipy import stats
from scripts.simulations.panel import rate_panel, tosses
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, mean_of

SEGMENTS, BAD, EVENTS, ONSET, LEVEL = 200, 10, 6_000, 3_000, 1e4


def table(effort: Effort) -> Table:
    how = (
        f"{SEGMENTS} segments of {EVENTS:,} events each, {BAD} of which change .10 -> .20 at event {ONSET:,}; N = {LEVEL:,.0f} events in equal "
        "shares, each segment alarms alone. Delay in events of the segment; false: other segments, or before the change, per run."
    )
    found = Table(5, "Many segments", how, ["rule", "found of 10", "mean delay", "last of the ten", "false segments per run"])
    for line, block in ((0.10, 1), (0.10, 32), (0.11, 32)):
        if effort.quick and block == 1:
            continue
        runs = effort(1, 30, 60) if block == 1 else effort(4, 200)
        hits, mean, last, false = _ours(line, block, runs)
        name = f"ours, line {line:g}, {'per event' if block == 1 else f'blocks of {block}'}"
        found.rows.append([name, hits, mean, last, false])
        found.bounds.append(Bound(f"{name}: found of 10", hits, BAD, at_least=True))
        found.bounds.append(Bound(f"{name}: false segments per run", false, 0.6))
        if block == 1:
            found.bounds.append(Bound(f"{name}: mean delay", mean, 270))
    found.rows.append(["a binomial test per window of 200, p < .05", *_windows(effort(2, 100))])
    return found


def _ours(line: float, block: int, runs: int) -> tuple[Figure, Figure, Figure, Figure]:
    rng, bad = generator(5, block, int(1_000 * line)), np.tile(np.arange(SEGMENTS) < BAD, runs)
    panel, at = rate_panel(line, len(bad), LEVEL), np.full(len(bad), np.nan)
    false = np.zeros(len(bad), np.bool_)
    n = np.full(len(bad), block)
    for t in range(0, EVENTS, block):
        changed = bad & (t >= ONSET)
        alarm = panel.feed(tosses(n, rng.binomial(block, np.where(changed, 0.20, 0.10))), block / SEGMENTS)
        at[alarm & changed & np.isnan(at)] = t + block - ONSET
        false |= alarm & ~changed
    found = at.reshape(runs, SEGMENTS)[:, :BAD]
    return _summary(found, false.reshape(runs, SEGMENTS).sum(1))


def _windows(runs: int) -> tuple[Figure, Figure, Figure, Figure]:
    """What a dashboard with a threshold per segment does: one-sided binomial test of each window of 200 events."""
    rng, bad = generator(5, 200), np.tile(np.arange(SEGMENTS) < BAD, runs)
    at, false = np.full(len(bad), np.nan), np.zeros(len(bad), np.bool_)
    for t in range(0, EVENTS, 200):
        changed = bad & (t >= ONSET)
        alarm = stats.binom.sf(rng.binomial(200, np.where(changed, 0.20, 0.10)) - 1, 200, 0.10) < 0.05
        at[alarm & changed & np.isnan(at)] = t + 200 - ONSET
        false |= alarm & ~changed
    return _summary(at.reshape(runs, SEGMENTS)[:, :BAD], false.reshape(runs, SEGMENTS).sum(1))


def _summary(at: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", false: object) -> tuple[Figure, Figure, Figure, Figure]:
    return mean_of((~np.isnan(at)).sum(1)), mean_of(at), mean_of(np.nanmax(at, 1)), mean_of(np.asarray(false))
