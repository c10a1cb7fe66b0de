"""How far is a feed, and which windows wait? Watermarks of its ingest tasks, and the piles of windows that are not judged yet."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from anchorwatch.events import Observation
from anchorwatch.stages.handover import OffsetLog
from anchorwatch.stages.pile import Pile

PASSED_MAX = 10_000  # moments remembered at which some task passed a window; above: every second one

Window = tuple[int, int]
Tallies = dict[str, dict[str, int]]
NewPile = Callable[[str, int], Pile | None]


class FeedClock:
    def __init__(self, name: str) -> None:
        self.name = name
        self.tasks = 0
        self.watermarks: dict[int, int] = {}
        self.closed_ms = -1
        self.piles: dict[Window, dict[str, Pile]] = {}
        self.tallies: dict[Window, Tallies] = {}
        self.first_passed: list[tuple[int, int]] = []  # (watermark, when it was first reached by any task), both rising
        self.read: dict[str, int] = {}  # "<task>/<topic>" -> offset after the last one counted
        self.offsets = OffsetLog()

    def note_spans(self, observation: Observation) -> int:
        """How many rows lie in no span: must stay 0."""
        holes = 0
        for topic, (begin, end) in observation.spans.items():
            place = f"{observation.task}/{topic}"
            known = self.read.get(place)
            if known is not None and begin != known:
                holes += abs(begin - known)
            self.read[place] = end
            self.offsets.note(topic, observation.task, observation.watermark_ms, begin, end)
        return holes

    def add(self, observation: Observation, new_pile: NewPile) -> bool:
        """False: the window is judged already: its blocks are only counted, its tallies (refused, joined, ...) are told with the next one."""
        window, late = observation.window, observation.window[1] <= self.closed_ms
        if late:
            if not observation.tallies:
                return not observation.blocks
            window = (self.closed_ms, self.closed_ms + window[1] - window[0])
        piles = self.piles.setdefault(window, {})
        for block in () if late else observation.blocks:
            key = f"{block.environment}/{block.model}"
            pile = piles.get(key)
            if pile is None:
                made = new_pile(key, window[0])
                if made is None:
                    continue
                pile = piles[key] = made
            pile.add(block)
        tallies = self.tallies.setdefault(window, {})
        for key, table in observation.tallies.items():
            mine = tallies.setdefault(key, {})
            for name, n in table.items():
                mine[name] = mine.get(name, 0) + n
        return not (late and observation.blocks)

    def passed(self, task: int, tasks: int, watermark_ms: int, now_ms: int) -> None:
        if tasks != self.tasks:
            self.tasks = tasks
            self.watermarks = {t: w for t, w in self.watermarks.items() if t < tasks}
        self.watermarks[task] = max(self.watermarks.get(task, -1), watermark_ms)
        if not self.first_passed or watermark_ms > self.first_passed[-1][0]:
            self.first_passed.append((watermark_ms, now_ms))
            if len(self.first_passed) > PASSED_MAX:
                self.first_passed = self.first_passed[1::2]

    def boundary(self) -> int:
        """What every task has passed; -1 before all were heard of."""
        return min(self.watermarks.values()) if len(self.watermarks) == self.tasks and self.tasks else -1

    def overdue(self, before_ms: int) -> int:
        """What some task had passed by then: judged without the others."""
        late = [watermark for watermark, when in self.first_passed if when <= before_ms]
        return late[-1] if late else -1

    def close(self, boundary: int, also: Iterable[Window] = ()) -> Iterator[tuple[Window, dict[str, Pile], Tallies]]:
        """The windows that end by `boundary`, in the order of time; `also` where nothing of ours came."""
        self.closed_ms = boundary
        self.first_passed = [(watermark, when) for watermark, when in self.first_passed if watermark > boundary]
        for window in sorted(w for w in {*self.piles, *also} if w[1] <= boundary):
            yield window, self.piles.pop(window, {}), self.tallies.pop(window, {})

    def header(self) -> dict[str, Any]:
        return {
            "tasks": self.tasks, "watermarks": self.watermarks, "closed_ms": self.closed_ms, "read": self.read,
            "first_passed": self.first_passed[-100:], "offsets": self.offsets.snapshot(),
        }  # fmt: skip
