from typing import Any, NamedTuple

from anchorwatch.events import Record, Row
from anchorwatch.stages import dead
from anchorwatch.stages.dead import DeadLetters


class Refused(NamedTuple):
    kind: str


def made(row: Row, topic: str, partition: int, refused: Any, topic_out: str) -> Record:
    return Record(topic_out, -1, row[0], f"{topic}-{partition} {refused.kind}".encode())


def test_of_each_topic_and_kind_so_many_a_minute_are_kept() -> None:
    letters = DeadLetters(made, 3, "dead-letters")
    for at_ms in (0, 59_999, 60_000):
        for topic, kind in (("a", "field"), ("a", "malformed"), ("b", "field")):
            for _ in range(dead.PER_MINUTE + 7):
                letters.add((b"k", b"v", 0, 0), topic, Refused(kind), at_ms)

    kept = [letter.value for letter in letters.take()]
    assert len(kept) == 2 * 3 * dead.PER_MINUTE
    assert set(kept) == {b"a-3 field", b"a-3 malformed", b"b-3 field"}
    assert letters.take() == []
