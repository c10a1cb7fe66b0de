"""Table 11: when does an alert end after the fault did, and how often wrongly?"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scripts.simulations.panel import Floats
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, mean_of

from anchorwatch.estimators.bank import OPEN, BernoulliBank

DAY_MS = 86_400_000
N_DAYS, HEALTHY = 3_000.0, 0.05


class Case(NamedTuple):
    line: float
    fault: float
    half: float  # healed half-way: still beyond the line
    lasts_days: float  # at least
    clear_days: float


CASES = {"quality": Case(0.06, 0.12, 0.085, 2.0, 1.0), "latency": Case(0.10, 0.60, 0.30, 2 / 24, 4 / 24)}


class Played(NamedTuple):
    """Per monitor: days from the healing (or the page, if later) to `recovering` and to the all-clear; counts over the whole play."""

    recovering: Floats
    resolved: Floats
    pages: Floats
    again: Floats
    clears: Floats


def table(effort: Effort) -> Table:
    size, long = effort(10, 200), effort(15, 60)
    how = (
        f"{size} monitors in the product's bank, N / share = {N_DAYS:,.0f} d, healthy at {HEALTHY:g}. quality: line .06, fault .12 for 2 d, clear "
        "at 1 d of evidence; latency: line .10, fault .60 for 2 h, 4 h. Then healed at once, healed half-way (.085, .30), 8 % beyond the line, "
        f"exactly on the line, each for {long} d; or 6 h bad, 6 h good for 20 d. Wrong all-clears, and pages + the same alert again, per monitor."
    )
    columns = [
        "watch, events a day",
        "recovering after, d",
        "resolved after, d (p90)",
        "half: clears",
        "pages + again",
        "1.08 line: clears",
        "pages + again",
    ]
    found = Table(11, "All-clear", how, [*columns, "on the line: clears", "pages + again", "6 h / 6 h: pages + again"])
    for watch, case in CASES.items():
        if effort.quick and watch != "quality":
            continue
        for rate in (1_000,) if effort.quick else (100, 1_000, 10_000):
            fine = 60 if rate == 100 or watch == "quality" else 10
            healed = _play(case, rate, _steady(HEALTHY), 30 if watch == "quality" else 8, fine, size, case.lasts_days)
            rows = [_play(case, rate, _steady(p), long, 60, size) for p in (case.half, 1.08 * case.line, case.line)]
            flapping = _play(case, rate, _flapping(case.fault), 20, 30, size)
            resolved = _median(healed.resolved)
            ends = f"{resolved} ({np.nanquantile(healed.resolved, 0.9):.2g})"
            cells = [cell for played in rows for cell in (mean_of(played.clears), _twice(played))]
            found.rows.append([f"{watch}, {rate:,}", _median(healed.recovering), ends, *cells, _twice(flapping)])
            if rate == 1_000:
                found.bounds.append(
                    Bound(f"{watch} at 1,000 a day: median days to the all-clear", resolved, 1.0 if watch == "quality" else 0.1)
                )
            cycles = mean_of(np.maximum(rows[2].pages + rows[2].again - 1, 0))
            found.bounds.append(Bound(f"{watch} at {rate:,} a day, exactly on its line: pages after the first", cycles, 0.1))
    return found


def _steady(rate: float) -> Callable[[float], float]:
    return lambda _: rate


def _flapping(fault: float) -> Callable[[float], float]:
    """Six hours each."""
    return lambda day: fault if day * 4 % 2 < 1 else HEALTHY


def _twice(played: Played) -> str:
    return f"{played.pages.mean():.2g} + {played.again.mean():.2g}"


def _median(x: Floats) -> Figure:
    """With the interval of its ranks."""
    y = np.sort(x[np.isfinite(x)])
    if not len(y):
        return mean_of(y)
    half = 0.98 * np.sqrt(len(y))
    low, high = (int(np.clip(r, 0, len(y) - 1)) for r in (len(y) / 2 - half, len(y) / 2 + half))
    return Figure(float(np.median(y)), float(y[low]), float(y[high]), len(y))


def _play(case: Case, rate: int, after: Callable[[float], float], days: float, minutes: int, size: int, lasts: float = 0.0) -> Played:
    """A fault until it is paged and has lasted long enough; then `after` the time of play, in days."""
    rng, dt = generator(11, rate, minutes, int(1_000 * case.line), int(days), int(1_000 * after(0.0))), minutes / 1_440
    bank = BernoulliBank(
        group=np.arange(size), line=case.line, share=1.0, clear_days=case.clear_days, pages=True, phi=1.0, up=True, level_days=N_DAYS
    )
    opened, better, ended = (np.full(size, np.nan) for _ in range(3))
    count = np.zeros((3, size))
    for t in range(int(days / dt)):
        now = t * dt
        bad = np.isnan(opened) | (now < lasts)
        n = rng.poisson(rate * dt, size)
        k = rng.binomial(n, np.where(bad, case.fault, after(now)))
        was = bank.state()
        for change in bank.window(n, k, dt, int(now * DAY_MS), int((now + dt) * DAY_MS)):
            i = change.monitor
            if change.verdict == "page" and not change.relapse:
                count[int(change.again), i] += 1
                opened[i] = now + dt if np.isnan(opened[i]) else opened[i]
            elif change.verdict == "recovering" and not bad[i] and np.isnan(better[i]):
                better[i] = now + dt
            elif change.verdict == "quiet" and was[i] == OPEN:
                count[2, i] += 1
                ended[i] = now + dt if np.isnan(ended[i]) else ended[i]
    healed = np.maximum(opened, lasts)
    return Played(np.fmin(better, ended) - healed, ended - healed, count[0], count[1], count[2])
