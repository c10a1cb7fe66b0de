"""Table 2: a model learns, is frozen, and the world changes. How late is that heard, and what is said before?"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from river import tree
from river.datasets import synth
from scripts.simulations import peers
from scripts.simulations.panel import delays, rate_panel, tosses
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, mean_of, rate_of, share_of

from anchorwatch.estimators.lines import line_above, luck

LEARN, LABELS = 5_000, 2_000
Bits = NDArray[np.int64]
Make = Callable[[int], Any]


def sea(variant: int) -> Make:
    return lambda seed: synth.SEA(variant=variant, noise=0.1, seed=seed)


def led(moved: int) -> Make:
    """24 attributes, 17 of which say nothing; `moved` of the 7 others change places with them."""
    return lambda seed: synth.LEDDrift(seed=seed, noise_percentage=0.1, irrelevant_features=True, n_drift_features=moved)


class World(NamedTuple):
    before: Make
    after: Make
    ramp: int = 0  # events over which the new concept mixes in


WORLDS = {
    "SEA 0->3": World(sea(0), sea(3)),
    "LED, 3 moved": World(led(0), led(3)),
    "SEA 0->3, ramp of 2,000": World(sea(0), sea(3), 2_000),
    "SEA 0->2, harmless": World(sea(0), sea(2)),
}
OURS = {f"ours, A = {level:,.0f}, {how}": (level, block) for level in (1e4, 1e5) for block, how in ((1, "per event"), (32, "blocks of 32"))}


def table(effort: Effort) -> Table:
    seeds, events = effort(1, 5, 20), effort(1_000, 10_000)
    worlds = {name: w for name, w in WORLDS.items() if not effort.quick or name == "SEA 0->3"}
    how = (
        f"A Hoeffding tree learns {LEARN:,} rows and is frozen; its errors on {LABELS:,} labels are the reference, {events:,} more events follow "
        f"before the change and {events:,} after; {seeds} seeds. Mean delay in events, [share missed], {{false alarms per 10,000 events before}}. "
        "Ours: line without tolerance, luck of the reference by lines.luck; river's detectors see the reference first."
    )
    found = Table(2, "Frozen model", how, ["detector", *worlds])
    cells: dict[str, list[str]] = {name: [] for name in (*OURS, *peers.SERIOUS)}
    false: dict[str, int] = dict.fromkeys(OURS, 0)
    rates = []
    for world in worlds.values():
        streams = np.array([errors(world, seed, events) for seed in range(seeds)])
        rates.append((streams[:, : LABELS + events].mean(), streams[:, LABELS + events + world.ramp :].mean()))
        for name, (level, block) in OURS.items():
            alarms_before, at = _ours(streams, level, block, events)
            false[name] += alarms_before
            cells[name].append(_cell(at, rate_of(alarms_before, seeds * events / 1e4, seeds)))
        for name, make in peers.SERIOUS.items():
            told = [peers.alarms(make, row.tolist()) for row in streams]
            before = sum(int(((t >= LABELS) & (t < LABELS + events)).sum()) for t in told)
            at = np.array([peers.first_after(t, LABELS + events) for t in told])
            cells[name].append(_cell(at, rate_of(before, seeds * events / 1e4, seeds)))
    found.rows.append(["error before -> after", *(f"{a:.3f} -> {b:.3f}" for a, b in rates)])
    found.rows += [[name, *row] for name, row in cells.items()]
    for name, (level, _) in OURS.items():
        figure = rate_of(false[name], seeds * events * len(worlds) / 1e4, seeds * len(worlds))
        found.bounds.append(Bound(f"{name}: false alarms per 10,000, all streams", figure, 1e4 / level, why=WHY))
    found.notes.append("ADWIN has learnt from all quiet events when the change comes, ours from its reference alone, which does not move.")
    return found


WHY = "Two false alarms in a million quiet events are as many as this table can tell from none"


def errors(world: World, seed: int, events: int) -> Bits:
    """int64[LABELS + 2 events]: was the frozen model wrong?"""
    model, before, after = tree.HoeffdingTreeClassifier(), iter(world.before(2 * seed)), iter(world.after(2 * seed + 1))
    for x, y in islice(before, LEARN):
        model.learn_one(x, y)
    wrong = [int(model.predict_one(x) != y) for x, y in islice(before, LABELS + events)]
    mixed = _mixed(before, after, world.ramp, generator(2, seed))
    return np.array(wrong + [int(model.predict_one(x) != y) for x, y in islice(mixed, events)], np.int64)


def _mixed(before: Iterator[Any], after: Iterator[Any], ramp: int, rng: np.random.Generator) -> Iterator[Any]:
    for i in range(ramp):
        yield next(after if rng.random() < i / ramp else before)
    yield from after


def _ours(streams: Bits, level: float, block: int, events: int) -> tuple[int, NDArray[np.float64]]:
    """False alarms before the change, and the delay of each stream after it."""
    runs, k = len(streams), streams[:, :LABELS].sum(1)
    panel = rate_panel(line_above(k, LABELS, z=luck(level / LABELS)), runs, level)
    blocks = streams[:, LABELS:][:, : 2 * events // block * block].reshape(runs, -1, block).sum(2)
    n, quiet = np.full(runs, block), events // block
    false = sum(int(panel.feed(tosses(n, blocks[:, t]), block).sum()) for t in range(quiet))
    return false, delays(panel, lambda t: tosses(n, blocks[:, quiet + t]), block, blocks.shape[1] - quiet)


def _cell(at: NDArray[np.float64], false: Figure) -> str:
    missed = share_of(int(np.isnan(at).sum()), len(at)).value
    told = f" {{{false.value:.2g}}}" if false.value else ""
    return f"{mean_of(at)}" + (f" [{missed:.2f}]" if missed else "") + told
