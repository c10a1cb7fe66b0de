"""Which refused records become dead letters? So many a minute of one topic and kind; the rest is counted alone."""

from collections.abc import Callable
from typing import Any

from anchorwatch.events import Record, Row

PER_MINUTE = 100  # of one topic and kind that are kept


class DeadLetters:
    def __init__(self, made: Callable[[Row, str, int, Any, str], Record], task: int, topic_out: str) -> None:
        """made: (row, topic, partition, refused, topic out) -> the letter."""
        self.made, self.task, self.topic_out = made, task, topic_out
        self.letters: list[Record] = []  # for the next cut
        self._minute = -1
        self._kept: dict[tuple[str, str], int] = {}  # of this minute

    def add(self, row: Row, topic: str, refused: Any, now_ms: int) -> None:
        if now_ms // 60_000 != self._minute:
            self._minute, self._kept = now_ms // 60_000, {}
        place = (topic, refused.kind)
        kept = self._kept[place] = self._kept.get(place, 0) + 1
        if kept <= PER_MINUTE:
            self.letters.append(self.made(row, topic, self.task, refused, self.topic_out))

    def take(self) -> list[Record]:
        letters, self.letters = self.letters, []
        return letters
