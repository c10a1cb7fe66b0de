"""A row of the table: what a stream should show, and how it is looked up in what was told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.realdata.reading import ms

from anchorwatch.events import Finding
from anchorwatch.runtime.backtest import Told
from anchorwatch.runtime.report_table import Row, rows_of


@dataclass(frozen=True)
class Shown:
    """The words of one row of the table, and whether it is what was expected; None: this version, or this run, cannot tell."""

    met: bool | None
    words: str


@dataclass(frozen=True)
class Claim:
    """`of`: the runs that are looked at, where it is not the stream's own one."""

    stream: str
    expected: str
    look: Callable[..., Shown]
    of: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        return self.of or (self.stream,)


def day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def heard(found: Told, *, kind: str = "", name: str = "", since: str = "", until: str = "") -> list[Row]:
    """What made a sound."""
    begin, end = ms(since) if since else 0, ms(until) if until else 1 << 62
    return [r for r in rows_of(found) if kind in ("", r.heard) and name in ("", r.name) and begin <= r.at_ms < end]


def exact(found: Told, name: str, since: str, until: str) -> list[Finding]:
    """Exact findings that opened in windows which end after `since` and by `until`."""
    return [f for f in found.findings if f.verdict == "exact" and f.name == name and ms(since) < f.window[1] <= ms(until)]


def told_of(rows: list[Row]) -> str:
    """A few of them, in words."""
    words = [f"{day(r.at_ms)} {r.name} {r.subject} on {r.segment}" for r in rows[:4]]
    return "; ".join([*words, *([f"{len(rows) - 4} more"] if len(rows) > 4 else [])]) or "none"


def unjudged(words: str) -> Callable[[Told], Shown]:
    return lambda _: Shown(None, words)
