"""Table 3: how far are we from the best that any detector can do? CUSUM told both rates, at the same run length."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import spsolve
from scripts.simulations.panel import Floats, delays, rate_panel, tosses
from scripts.simulations.sheet import Bound, Effort, Figure, Table, exact, generator, mean_of

CHANGES = {0.01: (0.015, 0.03, 0.10), 0.05: (0.07, 0.10, 0.20), 0.20: (0.25, 0.35, 0.60), 0.50: (0.55, 0.65, 0.85)}
RUN_LENGTH = 1e4
QUIET = 3_000  # events before the change, for the delay in the middle of a stream
WITHOUT = 1_000  # events without an error: from then on evidence falls no further
EVENTS = 150_000  # of a stream at most, to measure a run length


def table(effort: Effort) -> Table:
    runs, grid = effort(60, 2_000, 4_000), effort(200, 3_000)
    how = (
        f"Events from the change to the alarm, per event, {runs:,} streams each. The limit is CUSUM that is told both rates, at a run length "
        f"of {RUN_LENGTH:,.0f} (solved on a grid of {grid:,} points), in its worst case, at nothing. Ours at the mark that promises that run "
        f"length, from nothing, as after a reset, and after {QUIET:,} quiet events (CUSUM too). A promise is more than kept, so the comparison at "
        "the *same* run length is at a lower mark, where ours has measured that run length as well: from nothing, and in the worst case that a "
        "stream of events can bring about, after a long stretch without a single error."
    )
    columns = [
        "line -> rate",
        "CUSUM, worst",
        "ours, from nothing",
        "ratio",
        "ratio in the middle",
        "same run length: from nothing",
        "worst stream",
    ]
    found = Table(3, "Distance to the limit", how, columns)
    ratios: dict[float, list[tuple[Figure, ...]]] = {line: [] for line in CHANGES}
    lengths: dict[float, Figure] = {}
    for line, rates in CHANGES.items():
        mark, lengths[line] = _same(line, effort(60, 1_000, 2_000), effort(40_000, EVENTS))
        for rate in rates[-1:] if effort.quick else rates:
            h = threshold(line, rate, grid)
            best, usual = run_length(line, rate, h, rate, grid), _cusum(line, rate, h, runs)
            mine = _ours(line, rate, runs)
            over = (
                _over(mine, best), _over(_ours(line, rate, runs, quiet=QUIET), usual.value), _over(_ours(line, rate, runs, mark), best),
                _over(_ours(line, rate, runs, mark, without=WITHOUT), best),
            )  # fmt: skip
            ratios[line].append(over)
            found.rows.append([f"{line:g} -> {rate:g}", exact(best), mine, *over])
    found.bounds = _bounds(ratios)
    found.notes = ["run length measured at the lower mark: " + "; ".join(f"line {line:g} {length}" for line, length in lengths.items())]
    return found


def _bounds(ratios: Mapping[float, Sequence[tuple[Figure, ...]]]) -> list[Bound]:
    thick = [over for line, each in ratios.items() if line >= 0.05 for over in each]
    nothing, middle, same, worst = (max(column) for column in zip(*thick, strict=True))
    return [
        Bound("largest ratio, from nothing, lines .05 to .5", nothing, 1.45),
        Bound("largest ratio, from nothing, line .01", max(over[0] for over in ratios[0.01]), 1.6),
        Bound("largest ratio in the middle of a stream, lines .05 to .5", middle, 1.25, must=False),
        Bound("largest ratio at the same run length, worst stream, lines .05 to .5", worst, 1.25, must=False, why=WHY),
        Bound("the same from nothing", same, 1.25, must=False, why=WHY),
    ]


WHY = (
    "Six bets share the evidence, which costs up to ln 6 nats when one of them is right, and CUSUM is told which; grids of 10 and 16 bets "
    "were tried and change it by .03 at most."
)


def _same(line: float, runs: int, events: int) -> tuple[float, Figure]:
    """The mark at which ours runs for RUN_LENGTH events on the line, which goes with the mark; and the run length measured there."""
    mark = RUN_LENGTH**2 / _length(line, RUN_LENGTH, runs, events, 0).value
    return mark, _length(line, mark, runs, events, 1)


def _length(line: float, mark: float, runs: int, events: int, turn: int) -> Figure:
    """Events on the line up to the first alarm."""
    rng, panel, one = generator(3, int(1e4 * line), 0, turn), rate_panel(line, runs, mark), np.ones(runs)
    at = delays(panel, lambda _: tosses(one, rng.random(runs) < line), 1, events)
    return mean_of(np.where(np.isnan(at), events, at))


def run_length(line: float, rate: float, h: float, p: float, grid: int) -> float:
    """Mean events of the Bernoulli CUSUM for `line` against `rate` from 0 to its threshold h, when ones come with chance p."""
    x = np.arange(grid) * h / grid
    rows, columns, chances = [], [], []
    for step, chance in ((np.log(rate / line), p), (np.log((1 - rate) / (1 - line)), 1 - p)):
        to = np.maximum(x + step, 0.0) * grid / h
        below = np.floor(to).astype(np.int64)
        for place, weight in ((below, 1 - (to - below)), (below + 1, to - below)):
            inside = place < grid
            rows.append(np.flatnonzero(inside))
            columns.append(place[inside])
            chances.append((chance * weight)[inside])
    moves = csr_matrix((np.concatenate(chances), (np.concatenate(rows), np.concatenate(columns))), shape=(grid, grid))
    return float(spsolve((identity(grid) - moves).tocsc(), np.ones(grid))[0])


def threshold(line: float, rate: float, grid: int) -> float:
    """h at which CUSUM's run length on the line is the promised one."""
    low, high = 0.1, 20.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(line, rate, middle, line, grid) < RUN_LENGTH else (low, middle)
    return high


def _ours(line: float, rate: float, runs: int, mark: float = RUN_LENGTH, quiet: int = 0, without: int = 0) -> Figure:
    """quiet: events on the line before the change; without: events before it of which none was an error."""
    rng, panel = generator(3, int(1e4 * line), int(1e4 * rate), quiet), rate_panel(line, runs, mark)
    one: Floats = np.ones(runs)
    for t in range(quiet + without):
        panel.feed(tosses(one, rng.random(runs) < line if t < quiet else np.zeros(runs)), 1)
    return mean_of(delays(panel, lambda _: tosses(one, rng.random(runs) < rate), 1, 200_000))


def _cusum(line: float, rate: float, h: float, runs: int) -> Figure:
    """Its delay after the quiet events, by simulation."""
    rng, s, at = generator(3, int(1e4 * line), int(1e4 * rate), 1), np.zeros(runs), np.full(runs, np.nan)
    up, down = np.log(rate / line), np.log((1 - rate) / (1 - line))
    for t in range(-QUIET, 200_000):
        s = np.maximum(s + np.where(rng.random(runs) < (line if t < 0 else rate), up, down), 0.0)
        alarm = s >= h
        s[alarm] = 0.0
        if t >= 0:
            at[alarm & np.isnan(at)] = t + 1
            if not np.isnan(at).any():
                break
    return mean_of(at)


def _over(mine: Figure, best: float) -> Figure:
    return Figure(mine.value / best, mine.low / best, mine.high / best, mine.n)
