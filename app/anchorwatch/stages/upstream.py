"""A topic that `rekey` tasks write: their records as they first came, and how far the slowest of them is."""

from collections.abc import Sequence
from typing import Any

import msgspec

from anchorwatch.events import Row, Rows, headed
from anchorwatch.stages.rekey import ORIGIN, Progress, headers_of

WORD = b'{"rekeyed_to_ms":'


class Upstream:
    def __init__(self) -> None:
        self.tasks = 0  # 0: none was heard of
        self.passed: dict[int, int] = {}  # task -> no event before that will come from it

    def split(self, rows: Sequence[Row]) -> tuple[Rows, list[int]]:
        """The records, with the time at which they were first written, and the place of each; what tasks tell is taken in."""
        found: list[Row] = []
        places: list[int] = []
        for i, row in enumerate(rows):
            if row[0] == b"" and (row[1] or b"").startswith(WORD):
                self._hear(row[1] or b"")
                continue
            key, value, offset, stamp = row
            headers = headers_of(row)
            written = (headers.get(ORIGIN) or b"").rpartition(b"@")[2]
            found.append(headed((key, value, offset, int(written) if written.isdigit() else stamp), headers))
            places.append(i)
        return Rows.of(found), places

    def _hear(self, value: bytes) -> None:
        try:
            word = msgspec.json.decode(value, type=Progress)
        except ValueError:
            return  # nobody of ours wrote it
        if word.tasks != self.tasks:
            self.tasks = word.tasks
            self.passed = {task: at for task, at in self.passed.items() if task < word.tasks}
        self.passed[word.task] = max(self.passed.get(word.task, -1), word.rekeyed_to_ms)

    def to_ms(self) -> int:
        """-1 before all of them were heard of."""
        return min(self.passed.values()) if self.tasks and len(self.passed) == self.tasks else -1

    def snapshot(self) -> list[Any]:
        return [self.tasks, self.passed]

    def restore(self, kept: list[Any]) -> None:
        self.tasks, self.passed = kept[0], {int(task): at for task, at in kept[1].items()}
