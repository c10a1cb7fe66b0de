"""Requests and responses that are two records: each waits for the other, as state of its task.

What waits is kept as it was understood, not as bytes of the record. A half that comes twice is dropped; one that comes again after its event
was complete makes an event again, which the join knows as a duplicate. A request alone leaves `within` ms of record time later, as a failed
call; a response alone leaves by then without an event, counted. That it is so late a later record tells, a heartbeat, or the task's clock
(`overdue`); the event is the same.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from anchorwatch.sources.base import Half

HALVES_MAX = 20_000  # of one task; above: the oldest leave early
BYTES_MAX = 16_000_000  # of them; above: the same

Kept = tuple[str, int, bytes]  # side, record time in ms, the half as JSON


class Whole(NamedTuple):
    """What is complete, or will never be."""

    request: Half | None  # None: a response alone
    response: Half | None
    stamp: int  # record time of its last half; of one alone: when it was given up


class Pairs:
    def __init__(self, within_ms: int) -> None:
        self.within_ms = within_ms
        self.waiting: dict[str, Kept] = {}  # event -> its first half, the oldest first
        self.size = 0  # bytes of it

    def add(self, half: Half, stamp: int) -> tuple[list[Whole], bool]:
        """What leaves now; and whether the half is dropped, being there already."""
        there = self.waiting.get(half.id)
        if there is not None and there[0] == half.side:
            return list(self._old(stamp)), True
        found = []
        if there is None:
            raw = json.dumps(half, ensure_ascii=False).encode(errors="replace")
            self.waiting[half.id] = (half.side, stamp, raw)
            self.size += len(raw)
        else:
            other = self._take(half.id)
            request, response = (half, other) if half.side == "request" else (other, half)
            found.append(Whole(request, response, stamp))
        return [*self._old(stamp), *found], False

    def overdue(self, now_ms: int) -> list[Whole]:
        """What leaves when no record tells that it is so late: of a topic that fell silent."""
        return list(self._old(now_ms))

    def _take(self, name: str) -> Half:
        raw = self.waiting.pop(name)[2]
        self.size -= len(raw)
        return Half(*json.loads(raw))

    def _old(self, stamp: int) -> Iterator[Whole]:
        while self.waiting:
            name = next(iter(self.waiting))
            side, since, _ = self.waiting[name]
            if since + self.within_ms >= stamp and len(self.waiting) <= HALVES_MAX and self.size <= BYTES_MAX:
                return
            half = self._take(name)
            given_up = min(since + self.within_ms, max(stamp, since))
            yield Whole(half, None, given_up) if side == "request" else Whole(None, half, given_up)

    def snapshot(self) -> list[list[Any]]:
        """Plain data."""
        return [[name, *kept] for name, kept in self.waiting.items()]

    def restore(self, kept: list[list[Any]]) -> None:
        self.waiting = {name: (side, stamp, raw) for name, side, stamp, raw in kept}
        self.size = sum(len(raw) for _, _, raw in self.waiting.values())
