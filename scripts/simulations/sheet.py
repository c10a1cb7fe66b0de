"""What a scorecard is made of: tables of figures with their n and intervals, bounds that must hold, targets that are named when missed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

SEED = 20_261_125


class Figure(NamedTuple):
    """A measured number, its interval of 95 % and how many runs (or events, see the table) are behind it."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "-"
        if self.low == self.high:
            return short(self.value)
        return f"{short(self.value)} ({short(self.low)} to {short(self.high)})"


class Bound(NamedTuple):
    """figure <= limit (or >= with at_least). A bound that is broken fails the scorecard, a target (must=False) is told with its reason."""

    what: str
    figure: Figure
    limit: float
    at_least: bool = False
    must: bool = True
    why: str = ""  # it is not reached

    def broken(self, quick: bool) -> bool:
        """In a quick run only what lies beyond the limit with its whole interval: few runs prove little."""
        near, far = (self.figure.high, self.figure.value) if self.at_least else (self.figure.low, self.figure.value)
        seen = near if quick else far
        return bool(math.isnan(seen) or (seen < self.limit if self.at_least else seen > self.limit))


@dataclass
class Table:
    number: int
    title: str
    how: str  # streams, n, seeds, what is counted
    columns: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Effort:
    """How much is simulated: `quick` in the tests, else enough for the intervals to be narrow."""

    quick: bool
    full: bool

    def __call__(self, quick: int, usual: int, full: int | None = None) -> int:
        """full: where it is not said, as usual."""
        return quick if self.quick else usual if full is None or not self.full else full


def generator(number: int, *more: int) -> np.random.Generator:
    """Tables do not share a generator: each gives the same figures when run alone."""
    return np.random.default_rng([SEED, number, *more])


def mean_of(values: ArrayLike) -> Figure:
    """Mean of the finite values, +- 1.96 standard errors."""
    x = np.asarray(values, np.float64)
    x = x[np.isfinite(x)]
    if not len(x):
        return Figure(math.nan, math.nan, math.nan, 0)
    half = 1.96 * float(x.std(ddof=1)) / math.sqrt(len(x)) if len(x) > 1 else 0.0
    return Figure(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half, len(x))


def rate_of(count: int, unit: float, n: int) -> Figure:
    """A count over so many units (10k events, months), with the exact interval of a Poisson number."""
    low = float(stats.chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    high = float(stats.chi2.ppf(0.975, 2 * count + 2)) / 2
    return Figure(count / unit, low / unit, high / unit, n)


def share_of(hits: int, n: int) -> Figure:
    """A share with the interval of Clopper and Pearson."""
    low = float(stats.beta.ppf(0.025, hits, n - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(0.975, hits + 1, n - hits)) if hits < n else 1.0
    return Figure(hits / n if n else math.nan, low, high, n)


def exact(value: float, n: int = 1) -> Figure:
    return Figure(float(value), float(value), float(value), n)


def short(x: float) -> str:
    """Three digits at most that matter."""
    if math.isnan(x):
        return "-"
    if x == 0 or abs(x) >= 1000:
        return f"{x:,.0f}"
    return f"{x:.3g}" if abs(x) >= 0.001 else f"{x:.1e}"


def markdown(tables: Sequence[Table], quick: bool, made: str) -> str:
    lines = ["# Scorecard", "", made, ""]
    for table in tables:
        lines += [f"## {table.number}. {table.title}", "", table.how, ""]
        lines += ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
        lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
        lines += [""]
        for bound in table.bounds:
            lines.append(f"- {_verdict(bound, quick)}")
        lines += [f"- {note}" for note in table.notes]
        lines += [f"- {table.seconds:.0f} s", ""]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip("\n") + "\n"


def _cell(cell: Any) -> str:
    return short(cell) if isinstance(cell, float) else str(cell)


def _verdict(bound: Bound, quick: bool) -> str:
    sign = ">=" if bound.at_least else "<="
    said = f"{bound.what}: {bound.figure} {sign} {short(bound.limit)}, n = {bound.figure.n:,}"
    if not bound.broken(quick):
        return f"held: {said}"
    return f"**{'BROKEN' if bound.must else 'not reached'}**: {said}" + (f". {bound.why}" if bound.why else "")


def as_json(table: Table, quick: bool) -> dict[str, Any]:
    def plain(cell: Any) -> Any:
        if isinstance(cell, Figure):
            return {name: None if math.isnan(v) else v for name, v in cell._asdict().items()}
        return None if isinstance(cell, float) and math.isnan(cell) else cell

    return {
        "number": table.number,
        "title": table.title,
        "how": table.how,
        "columns": list(table.columns),
        "rows": [[plain(cell) for cell in row] for row in table.rows],
        "bounds": [{**b._asdict(), "figure": plain(b.figure), "broken": b.broken(quick)} for b in table.bounds],
        "notes": table.notes,
        "seconds": round(table.seconds, 1),
    }
