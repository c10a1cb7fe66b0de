"""One trace as text: who did what for how long, a bar a span. Pure."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

WIDTH = 36  # of the bars
NAME_MAX = 38
PARTIAL = " ▏▎▍▌▋▊▉"


class Spanned(Protocol):
    """What is drawn: telemetry/endpoint.py's spans, or alike. Times in ms."""

    @property
    def name(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def parent_id(self) -> str: ...
    @property
    def start_ms(self) -> float: ...
    @property
    def end_ms(self) -> float: ...
    @property
    def service(self) -> str: ...


class Bar(NamedTuple):
    depth: int
    name: str
    service: str
    after_ms: float  # of the first span's start
    took_ms: float
    drawn: str


def waterfall(spans: Sequence[Spanned], width: int = WIDTH) -> list[Bar]:
    """A parent before its children, siblings by start; spans whose parent has not come stand at the left."""
    if not spans:
        return []
    begin, end = min(span.start_ms for span in spans), max(span.end_ms for span in spans)
    scale = width / max(end - begin, 1e-6)
    ids = {span.span_id for span in spans}
    children: dict[str, list[Spanned]] = {}
    for span in sorted(spans, key=lambda span: (span.start_ms, -span.end_ms)):
        children.setdefault(span.parent_id if span.parent_id in ids and span.parent_id != span.span_id else "", []).append(span)
    bars: list[Bar] = []
    drawn: set[str] = set()
    waiting = [(0, span) for span in reversed(children.get("", []))]
    while waiting:
        depth, span = waiting.pop()
        if span.span_id in drawn:  # sent twice
            continue
        drawn.add(span.span_id)
        after, took = span.start_ms - begin, max(span.end_ms - span.start_ms, 0.0)
        bars.append(Bar(depth, span.name, span.service, after, took, bar(after * scale, took * scale, width)))
        waiting += [(depth + 1, child) for child in reversed(children.get(span.span_id, []))]
    return bars


def bar(start: float, length: float, width: int) -> str:
    """In cells; a span of no length is one thin line.

    >>> bar(1, 2.5, 6), bar(5.9, 0, 6)
    (' ██▌  ', '     ▏')
    """
    first = min(int(start), width - 1)
    cells = min(length, width - first)
    full, rest = int(cells), int((cells - int(cells)) * 8)
    drawn = "█" * full + (PARTIAL[rest] if rest else "")
    return (" " * first + (drawn or "▏")).ljust(width)[:width]


def duration(ms: float) -> str:
    """For people.

    >>> duration(0.24), duration(12.34), duration(1900)
    ('0.2 ms', '12 ms', '1.9 s')
    """
    if ms >= 1_000:
        return f"{ms / 1000:.1f} s"
    return f"{ms:.0f} ms" if ms >= 9.95 else f"{ms:.1f} ms"


def lines(spans: Sequence[Spanned], width: int = WIDTH) -> list[str]:
    """For terminals of 100 columns."""
    told = []
    for one in waterfall(spans, width):
        name = f"{'  ' * one.depth}{one.name}"
        name = name if len(name) <= NAME_MAX else name[: NAME_MAX - 1] + "…"
        told.append(f"{name:<{NAME_MAX}} {one.drawn} {duration(one.took_ms):>7}  {one.service}")
    return told
