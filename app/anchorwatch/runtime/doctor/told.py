"""What a check says: one line what, one line how to mend it."""

from typing import Literal, NamedTuple

Mark = Literal["fine", "fault", "note", "unseen"]
SIGNS: dict[Mark, str] = {"fine": "✓", "fault": "✗", "note": "•", "unseen": "?"}


class Told(NamedTuple):
    """fine: looked at, nothing found. fault: will go wrong or does. note: worth knowing, nothing is wrong. unseen: could not be looked at."""

    mark: Mark
    check: str  # its name, for programs
    what: str
    fix: str = ""


def fine(check: str, what: str) -> Told:
    return Told("fine", check, what)


def fault(check: str, what: str, fix: str) -> Told:
    return Told("fault", check, what, fix)


def note(check: str, what: str, fix: str) -> Told:
    return Told("note", check, what, fix)


def unseen(check: str, what: str, fix: str) -> Told:
    return Told("unseen", check, what, fix)


def span(ms: float) -> str:
    """A time span for people, in its largest fitting unit: 90 s, 6 h, 28 d.

    >>> [span(ms) for ms in (12, 90_000, 21_600_000, 2_419_200_000, 5_400_000)]
    ['12 ms', '90 s', '6 h', '28 d', '90 min']
    """
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if ms >= 2 * size:
            return f"{ms / size:.3g} {unit}"
    return f"{ms / 1000:.3g} s" if ms >= 1_000 else f"{ms:.3g} ms"


def weight(n: float) -> str:
    """Bytes for people.

    >>> [weight(n) for n in (512, 2_048, 3_400_000_000)]
    ['512 B', '2.05 kB', '3.4 GB']
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n:.0f} B"


def several(names: list[str], most: int = 4) -> str:
    """The first few by name, the rest by number."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
