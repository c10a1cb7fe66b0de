"""Times that do not count as normal, as days under an open alert: half-open, ascending, apart from each other."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from anchorwatch.watches.base import Ints

Spans = tuple[tuple[int, int], ...]


def merged(spans: Iterable[Sequence[int]]) -> Spans:
    """In order, those that touch as one; empty ones left out."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted((int(a), int(b)) for a, b in spans if a < b):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return tuple(found)


def inside(at: Ints, spans: Spans) -> NDArray[np.bool_]:
    """bool[n]: which times lie in one of them."""
    if not spans:
        return np.zeros(len(at), np.bool_)
    edges = np.array(spans, np.int64).reshape(-1)
    found: NDArray[np.bool_] = np.searchsorted(edges, at, side="right") % 2 == 1
    return found


def overlap(begin: int, end: int, spans: Spans) -> int:
    """How much of [begin, end) they cover."""
    return sum(max(min(end, b) - max(begin, a), 0) for a, b in spans)


def gap_ms(at: Ints, spans: Spans) -> int:
    """The longest time without an event, of what counts; 0 for fewer than two."""
    if len(at) < 2:
        return 0
    times = np.sort(at)
    gaps = np.diff(times)
    for begin, end in spans:
        i = int(np.searchsorted(times, begin))
        if 0 < i < len(times):
            gaps[i - 1] -= overlap(int(times[i - 1]), int(times[i]), ((begin, end),))
    return int(gaps.max())
