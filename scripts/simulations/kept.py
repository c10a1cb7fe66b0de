"""Table 10: is the promise kept where lines are learnt, traffic grows, hours differ and errors clump?"""

from collections.abc import Callable

import numpy as np
from scripts.simulations.panel import Floats, Panel, rate_panel, tosses
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, rate_of

from anchorwatch.estimators.bank import BernoulliBank
from anchorwatch.estimators.lines import clumping, line_above, luck
from anchorwatch.estimators.season import CELLS, mixed_line, season_lines, season_rates
from anchorwatch.estimators.tables import rank_tilt

HOUR_MS = 3_600_000
N_DAYS = 30.0


def table(effort: Effort) -> Table:
    how = (
        "False alarms for each one that is promised; all monitors lie exactly on their line or are unchanged since their reference. Rows with "
        "`without` show what the correction is for."
    )
    found = Table(10, "The promise, under what breaks it", how, ["what", "false alarms per promised one"])

    def row(what: str, figure: Figure, limit: float | None = 1.0) -> None:
        found.rows.append([what, figure])
        if limit is not None:
            found.bounds.append(Bound(what, figure, limit))

    for labels in (300,) if effort.quick else (300, 2_000, 20_000):
        row(
            f"line learnt from {labels:,} labels, rates .002 to .5, promises 10 to 1,000 times as long",
            _learnt(labels, effort(20, 200), True),
        )
        row(f"the same without luck, {labels:,}", _learnt(labels, effort(20, 200), False), None)
    row("features against a reference of 500 rows, promise 100,000 events", _ranks(500, effort(10, 60), True))
    row("the same without luck", _ranks(500, effort(10, 60), False), None)
    for growth in (1, 20):
        pages, warnings = _fleet(growth, effort(2, 40), effort(10, 60))
        row(f"pages of a fleet of 40, 50 to 50,000 events a day, traffic x{growth} after a fifth of the time", pages)
        row(f"its warnings, x{growth}, of 10 promised", warnings)
    streams, days = effort(5, 60), effort(15, 60)
    row("errors swing by half with the hour, a line for each hour of the week from 4 weeks", _season(streams, days, True))
    row("the same without: one flat line", _season(streams, days, False), None)
    row("two segments of .05 and .20 in a mix that moves from 9:1 to 1:1, the line is the mix of theirs", _mix(streams, days, True))
    row("the same without: the line of the first mix, every stream pages once and stays open", _mix(streams, days, False), None)
    for hours in CLUMPS if not effort.quick else CLUMPS[1:2]:
        for promise, figure in _clumps(hours, effort(6, 60), effort(20, 300), True).items():
            within = hours <= 28 * 24 / 90 + 0.1
            name = f"logit of errors wanders by .3 with a memory of {hours:g} h, phi from 28 d, N / share = {promise:g} d"
            row(name, figure, 1.0 if within else None)
            if not within:
                found.notes.append(f"{name}: beyond a memory of reference / 90, which is treated as drift")
    for promise, figure in _clumps(3, effort(6, 60), effort(20, 60), False).items():
        row(f"memory of 3 h without phi, N / share = {promise:g} d", figure, None)
    return found


CLUMPS = (1 / 3, 3, 7.5, 24)
PROMISES: Floats = np.array([30.0, 300.0, 3_000.0])


def _learnt(labels: int, runs: int, lucky: bool) -> Figure:
    """The worst of 15 kinds of streams: 5 rates, 3 promises. Live stream as long as the promise."""
    worst = rate_of(0, runs, runs)
    for p in (0.002, 0.01, 0.05, 0.2, 0.5):
        rng = generator(10, labels, int(1_000 * p))
        k = rng.binomial(labels, p, runs)
        for ratio in (10, 100, 1_000):
            level, steps = float(ratio * labels), 400
            block = max(1, int(level / steps))
            line = line_above(k, labels, z=luck(ratio) if lucky else 0.0)
            panel, n = rate_panel(line, runs, level), np.full(runs, block)
            count = sum(int(panel.feed(tosses(n, rng.binomial(block, p, runs)), block).sum()) for _ in range(steps))
            worst = max(worst, rate_of(count, runs * steps * block / level, runs))
    return worst


def _ranks(rows: int, runs: int, lucky: bool) -> Figure:
    rng, level = generator(10, rows), 1e5
    edges = np.quantile(rng.random((runs, rows)), np.linspace(0, 1, 33)[1:-1], axis=1).T
    mass = np.diff(np.concatenate([np.zeros((runs, 1)), edges, np.ones((runs, 1))], axis=1))
    z = float(luck(level / rows)) if lucky else 0.0
    panel, blocks = Panel(rank_tilt(np.full(32, 1 / 32), z / np.sqrt(12 * rows), z / np.sqrt(5 * rows)), runs, level), 3_000
    count = sum(int(panel.feed(rng.multinomial(64, mass), 64).sum()) for _ in range(blocks))
    return rate_of(count, runs * blocks * 64 / level, runs)


def _fleet(growth: int, fleets: int, days: int) -> tuple[Figure, Figure]:
    """In the product's bank, with its life: pages and warnings that are no relapse."""
    rng, size = generator(10, growth), 40 * fleets
    bank = BernoulliBank(
        group=np.arange(size), line=0.05, share=1 / 40, clear_days=1.0, pages=True, phi=1.0, up=True, level_days=N_DAYS
    )  # fmt: skip
    daily = np.tile(np.exp(np.linspace(np.log(50), np.log(50_000), 40)), fleets)
    count = {"page": 0, "warning": 0}
    for hour in range(days * 24):
        n = rng.poisson(daily / 24 * (1 + 0.8 * np.sin(2 * np.pi * hour / 24)) * (growth if hour > days * 24 / 5 else 1))
        for change in bank.window(n, rng.binomial(n, 0.05), 1 / 24, hour * HOUR_MS, (hour + 1) * HOUR_MS):
            if change.verdict in count and not change.relapse:
                count[change.verdict] += 1
    promised = fleets * days / N_DAYS
    return rate_of(count["page"], promised, fleets), rate_of(count["warning"], 10 * promised, fleets)


def _season(streams: int, days: int, by_hour: bool) -> Figure:
    rng = generator(10, 168)
    truth = 0.05 + 0.025 * np.sin(2 * np.pi * np.arange(CELLS) / 24)
    n, now = np.full((CELLS, streams), 800), np.full(streams, 200)
    k = rng.binomial(n, truth[:, None])
    flat = line_above(k.sum(0), n.sum(0), z=luck(N_DAYS / 28))
    lines = season_lines(season_rates(k, n), k.sum(0) / n.sum(0), flat) if by_hour else np.tile(flat, (CELLS, 1))
    bank = BernoulliBank(
        group=np.arange(streams), line=flat, share=1.0, clear_days=1.0, pages=True, phi=1.0, up=True, level_days=N_DAYS
    )  # fmt: skip
    count = 0
    for hour in range(days * 24):
        bank.move_lines(lines[hour % CELLS])
        k_now = rng.binomial(200, truth[hour % CELLS], streams)
        changes = bank.window(now, k_now, 1 / 24, hour * HOUR_MS, (hour + 1) * HOUR_MS)
        count += sum(c.verdict == "page" and not c.relapse for c in changes)
    return rate_of(count, streams * days / N_DAYS, streams)


def _mix(streams: int, days: int, moves: bool) -> Figure:
    """A benign change of mix: no segment errs more than before. Lines from 2,000 labels of each segment and stream."""
    rng, rates = generator(10, 50), np.array([0.05, 0.20])
    k = rng.binomial(2_000, rates, (streams, 2))
    lines = line_above(k, 2_000, z=luck(N_DAYS / 28))
    bank = BernoulliBank(
        group=np.arange(streams),
        line=mixed_line([0.9, 0.1], lines),
        share=1.0,
        clear_days=1.0,
        pages=True,
        phi=1.0,
        up=True,
        level_days=N_DAYS,
    )
    count = 0
    for hour in range(days * 24):
        n = rng.multinomial(200, [0.9, 0.1] if hour < days * 6 else [0.5, 0.5], streams)
        if moves:
            bank.move_lines(mixed_line(n / 200, lines))
        changes = bank.window(n.sum(1), rng.binomial(n, rates).sum(1), 1 / 24, hour * HOUR_MS, (hour + 1) * HOUR_MS)
        count += sum(c.verdict == "page" and not c.relapse for c in changes)
    return rate_of(count, streams * days / N_DAYS, streams)


def _clumps(hours: float, streams: int, days: int, by_phi: bool) -> dict[float, Figure]:
    """50,000 events a day at .05, tolerance .01; windows of 10 or 30 minutes; three promises side by side on the same streams."""
    rng, minutes = generator(10, int(60 * hours)), 10 if hours < 1 else 30
    step, dt = _wander(rng, hours, minutes, streams), minutes / 1_440
    n, k = (np.array(x) for x in zip(*(step() for _ in range(int(28 / dt))), strict=True))
    p = (k.sum(0) + 0.5) / (n.sum(0) + 1)
    phi = clumping(k - n * p, n * p * (1 - p))[0] if by_phi else np.ones(streams)
    z = luck(PROMISES / 28)[:, None]
    line = line_above(k.sum(0), n.sum(0), 0.01, phi, z).reshape(-1)
    panel = rate_panel(line, 3 * streams, np.repeat(PROMISES, streams), np.tile(phi, 3))
    count = np.zeros(3 * streams, np.int64)
    for _ in range(int(days / dt)):
        live, ones = step()
        count += panel.feed(tosses(np.tile(live, 3), np.tile(ones, 3)), dt)
    found = count.reshape(3, streams).sum(1)
    return {float(promise): rate_of(int(c), streams * days / promise, streams) for promise, c in zip(PROMISES, found, strict=True)}


def _wander(rng: np.random.Generator, hours: float, minutes: int, streams: int) -> Callable[[], tuple[Floats, Floats]]:
    state = rng.standard_normal(streams)
    rho = np.exp(-minutes / 60 / hours)

    def step() -> tuple[Floats, Floats]:
        nonlocal state
        n = rng.poisson(50_000 * minutes / 1_440, streams)
        k = rng.binomial(n, 1 / (1 + np.exp(np.log(19) - 0.3 * state)))
        state = rho * state + np.sqrt(1 - rho * rho) * rng.standard_normal(streams)
        return n.astype(np.float64), k.astype(np.float64)

    return step
