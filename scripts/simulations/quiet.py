"""Table 1: how often is there an alarm where nothing happens?"""

import numpy as np
from scripts.simulations import peers
from scripts.simulations.panel import Panel, rate_panel, tosses
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, rate_of

RATES = (0.02, 0.05, 0.10, 0.20, 0.30)


def table(effort: Effort) -> Table:
    runs, events = effort(2, 20), effort(1_000, 30_000, 100_000)
    how = f"False alarms per 10,000 events: {runs} Bernoulli streams of {events:,} events for each error; ours on their line exactly."
    found = Table(1, "False alarms at constant error", how, ["detector", *(f"error {p:g}" for p in RATES), "all"])
    for level in (1e4, 1e5):
        for block in (1, 32):
            figures = _ours(level, block, runs, events)
            name = f"ours, A = {level:,.0f}, {'per event' if block == 1 else f'blocks of {block}'}"
            found.rows.append([name, *figures])
            found.bounds.append(Bound(f"{name}, per 10,000", figures[-1], 1e4 / level))
    for name, make in (peers.SERIOUS if effort.quick else peers.SERIOUS | peers.OTHERS | peers.SLOW).items():
        few = name in peers.SLOW
        found.rows.append([f"river {name}", *_river(make, max(runs // 10, 1) if few else runs, min(events, 3_000 if few else events))])
    found.notes.append("river's detectors have their defaults; KSWIN at 300 us an event sees fewer events.")
    return found


def _ours(level: float, block: int, runs: int, events: int) -> list[Figure]:
    rng, p = generator(1, block), np.repeat(RATES, runs)
    panel: Panel = rate_panel(p, len(p), level)
    count = np.zeros(len(p), np.int64)
    for _ in range(events // block):
        count += panel.feed(tosses(np.full(len(p), block), rng.binomial(block, p)), block)
    return _figures(count.reshape(len(RATES), runs).sum(1), runs, events)


def _river(make: peers.Make, runs: int, events: int) -> list[Figure]:
    rng = generator(1, 7)
    count = [sum(len(peers.alarms(make, (rng.random(events) < p).astype(int).tolist())) for _ in range(runs)) for p in RATES]
    return _figures(np.array(count), runs, events)


def _figures(count: "np.ndarray[tuple[int], np.dtype[np.int64]]", runs: int, events: int) -> list[Figure]:
    each = [rate_of(int(c), runs * events / 1e4, runs) for c in count]
    return [*each, rate_of(int(count.sum()), len(count) * runs * events / 1e4, len(count) * runs)]
