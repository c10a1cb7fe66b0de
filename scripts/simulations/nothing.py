"""Table 9: real rows in which nothing happens: shuffled in time, or quiet as they came."""

import csv
import gzip
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scripts.simulations.drifted import DATA
from scripts.simulations.panel import Floats, Ints
from scripts.simulations.sheet import Bound, Effort, Figure, Table, generator, rate_of

from anchorwatch.estimators.bank import BernoulliBank, TableBank
from anchorwatch.estimators.lines import clumping, line_above, luck
from anchorwatch.estimators.reference_bins import digitize, reference_bins
from anchorwatch.estimators.tables import rank_heal, rank_tilt, stack

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
A_DAY, HOURLY = 2_400, 100  # shuffled rows have no time: so many a day
SHUFFLED = {  # file: columns of numbers; columns of 0/1 as (name, value that is 1)
    "employment_ma": (
        ("AGEP", "SCHL", "MAR", "RELP", "ANC", "predicted_probability"),
        (("DIS", "1"), ("SEX", "1"), ("NATIVITY", "1"), ("label", "1")),
    ),
    "elec2": (("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"), (("label", "UP"),)),
    "bank_marketing": (("age", "campaign", "euribor3m", "nr.employed"), (("label", "yes"), ("default", "no"), ("contact", "cellular"))),
    "noaa_weather": (("feat_1", "feat_2", "feat_3", "feat_4", "feat_5"), (("label", "1"),)),
    "flights_houston_2011": (("Distance", "DayOfWeek"), (("label", "1"), ("Cancelled", "1"), ("Origin", "IAH"))),
    "hotel_bookings": (("lead_time", "adults", "adr"), (("label", "1"), ("hotel", "City Hotel"), ("deposit_type", "No Deposit"))),
}


def table(effort: Effort) -> Table:
    times = effort(1, 2, 6)
    how = (
        "Pages in the product's banks, without any tolerance but luck, one budget of a page per 30 days for each model, in equal shares; rows "
        f"shuffled {times} times (employment_ma inside each year), the first third is the reference, {A_DAY:,} rows a day. azure_vm_pg_latency as it "
        "came: 120 days of reference, quantiles times 1.25, a page per 90 days, then 364 days."
    )
    found = Table(9, "Nothing happens", how, ["stream", "monitors", "days", "false pages", "per promised one"])
    if not DATA.exists():
        found.rows.append([f"not run: no development data at ANCHORWATCH_DATA ({DATA})", "", "", "", ""])
        return found
    pages = promised = 0.0
    for name, (numbers, bits) in SHUFFLED.items():
        if effort.quick and name != "noaa_weather":
            continue
        columns = _columns(name, [*numbers, *(b for b, _ in bits), *(["year"] if name == "employment_ma" else [])])
        count, days, monitors = 0, 0.0, len(numbers) + 2 * len(bits)
        for time in range(times):
            for order in _orders(columns, generator(9, time)):
                one, lasted = _shuffled([_number(columns[c][order]) for c in numbers], [columns[c][order] == v for c, v in bits])
                count, days = count + one, days + lasted
        pages, promised = pages + count, promised + days / 30
        found.rows.append([name, monitors, round(days), count, rate_of(count, days / 30, times)])
    found.bounds.append(Bound("false pages per promised one, shuffled streams together", rate_of(int(pages), promised, times), 1.0))
    if not effort.quick:
        latency = _latency()
        found.rows.append(["azure_vm_pg_latency, quantiles x 1.25", 48, 364, int(latency.value), rate_of(int(latency.value), 364 / 90, 1)])
        found.rows.append(["the same against the plain quantiles", 48, 364, int(_latency(1.0).value), ""])
        found.bounds.append(Bound("pages on azure_vm_pg_latency in 364 days", latency, 1.0))
    return found


def _columns(name: str, columns: Sequence[str]) -> dict[str, NDArray[np.str_]]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        head = next(reader)
        places = [head.index(c) for c in columns]
        rows = [[row[i] for i in places] for row in reader]
    return {c: np.array(column) for c, column in zip(columns, zip(*rows, strict=True), strict=True)}


def _orders(columns: dict[str, NDArray[np.str_]], rng: np.random.Generator) -> list[Ints]:
    """The rows of each year by themselves, or all, in random order."""
    if "year" not in columns:
        return [rng.permutation(len(next(iter(columns.values()))))]
    return [rng.permutation(np.flatnonzero(columns["year"] == year)) for year in np.unique(columns["year"])]


def _number(column: NDArray[np.str_]) -> Floats:
    return np.array([float(x) if x else np.nan for x in column.tolist()])


def _shuffled(numbers: Sequence[Floats], bits: Sequence[NDArray[np.bool_]]) -> tuple[int, float]:
    """Pages, and days of the live part."""
    n = len(numbers[0])
    split = n // 3 // HOURLY * HOURLY
    hours, size = (n - split) // HOURLY, len(numbers) + len(bits)
    z = float(luck(30 * size / (split / A_DAY)))
    bins = [reference_bins(x[:split][np.isfinite(x[:split])]) for x in numbers]
    width = max(len(b.mass) for b in bins)
    within = [(z / np.sqrt(12 * b.n), z / np.sqrt(5 * b.n)) for b in bins]
    tables = np.stack([np.pad(rank_tilt(b.mass, *w), ((0, 0), (0, width - len(b.mass)))) for b, w in zip(bins, within, strict=True)])
    shape = {"share": 1 / size, "clear_days": 1.0, "pages": True, "phi": 1.0, "level_days": 30.0}
    ranks = TableBank(tables=tables, heal=stack([rank_heal(b.mass, *w) for b, w in zip(bins, within, strict=True)]), **shape)
    k = np.array([b[:split].sum() for b in bits])
    lines = np.stack([line_above(k, split, z=z), line_above(split - k, split, z=z)], axis=1).reshape(-1)
    rates = BernoulliBank(group=np.repeat(np.arange(len(bits)), 2), line=lines, up=np.tile([True, False], len(bits)), **shape)
    cells = [_hourly(digitize(x[split:], b.edges), width, hours) for x, b in zip(numbers, bins, strict=True)]
    ones = np.stack([b[split : split + hours * HOURLY].reshape(hours, HOURLY).sum(1) for b in bits])
    count = 0
    for t in range(hours):
        when = (1 / 24, t * HOUR_MS, (t + 1) * HOUR_MS)
        both = np.stack([ones[:, t], HOURLY - ones[:, t]], axis=1).reshape(-1)
        changes = ranks.window(np.stack([c[t] for c in cells]), *when) + rates.window(np.full(2 * len(bits), HOURLY), both, *when)
        count += sum(c.verdict == "page" and not c.relapse for c in changes)
    return count, hours / 24


def _hourly(cells: Ints, width: int, hours: int) -> Ints:
    """int64[hours, width]; missing values are left out."""
    cells, hour = cells[: hours * HOURLY], np.arange(hours * HOURLY) // HOURLY
    seen = cells >= 0
    return np.bincount((hour * width + cells)[seen], minlength=hours * width).reshape(hours, width)


def _latency(times: float = 1.25) -> Figure:
    """Pages of 16 kinds of machines by three quantiles each, in blocks of six hours; lines as in the watch `latency`."""
    columns = _columns("azure_vm_pg_latency", ["ts", "mode", "lifespan", "region", "sku", "latency_ms"])
    at = np.array(columns["ts"], "datetime64[ms]").astype(np.int64)
    latency = _number(columns["latency_ms"])
    kinds_of = zip(*(columns[x] for x in ("mode", "lifespan", "region", "sku")), strict=True)
    _, kind = np.unique(["|".join(parts) for parts in kinds_of], return_inverse=True)
    block = (at - at.min()) // (DAY_MS // 4)
    kinds, first_live, blocks = int(kind.max()) + 1, 120 * 4, (120 + 364) * 4
    past = block < first_live
    n: Floats = np.zeros((blocks, kinds, 3))
    over: Floats = np.zeros((blocks, kinds, 3))
    for i in range(kinds):
        mine = (kind == i) & (block < blocks)
        for j, q in enumerate((0.5, 0.9, 0.99)):
            bound = times * np.quantile(latency[mine & past], q)
            n[:, i, j] = np.bincount(block[mine], minlength=blocks)
            over[:, i, j] = np.bincount(block[mine & (latency > bound)], minlength=blocks)
    n, over = (a.reshape(blocks, 3 * kinds) for a in (n, over))
    k, all_ = over[:first_live].sum(0), n[:first_live].sum(0)
    p = (k + 0.5) / (all_ + 1)
    phi = clumping(over[:first_live] - n[:first_live] * p, n[:first_live] * p * (1 - p))[0]
    size = len(k)
    line = np.maximum(np.tile([0.5, 0.1, 0.01], kinds), line_above(k, all_, 0.0, phi, luck(90 * size / 120)))
    bank = BernoulliBank(
        group=np.arange(size), line=line, share=1 / size, clear_days=4 / 24, pages=True, phi=phi, up=True, level_days=90.0
    )  # fmt: skip
    count = 0
    for t in range(first_live, blocks):
        changes = bank.window(n[t], over[t], 0.25, t * DAY_MS // 4, (t + 1) * DAY_MS // 4)
        count += sum(c.verdict == "page" and not c.relapse for c in changes)
    return Figure(count, count, count, 1)
