"""A topic that several tasks write: as far as the slowest of them."""

import msgspec
import pytest

from anchorwatch.events import Row, headed
from anchorwatch.stages.rekey import ORIGIN, Progress
from anchorwatch.stages.upstream import Upstream

T0 = 1_800_000_000_000


def word(to_ms: int, task: int, tasks: int = 2) -> Row:
    return (b"", msgspec.json.encode(Progress(to_ms, task, tasks)), 0, T0)


def test_records_have_the_time_at_which_they_were_first_written() -> None:
    made = Upstream()
    came = headed((b"k", b"v", 3, T0 + 9_000), {ORIGIN: b"a-topic-2@17@%d" % T0, "ce_id": b"x"})

    rows, places = made.split([word(T0, 0), came, headed((b"k", b"w", 4, T0), {}), headed((b"k", b"w", 5, T0), {ORIGIN: b"nonsense"})])

    assert list(rows) == [(b"k", b"v", 3, T0), (b"k", b"w", 4, T0), (b"k", b"w", 5, T0)]
    assert (places, rows.headers[0]["ce_id"]) == ([1, 2, 3], b"x")


def test_it_is_as_far_as_the_slowest_task_and_nowhere_before_all_were_heard() -> None:
    made = Upstream()
    before = made.to_ms()
    made.split([word(T0 + 5, 0)])
    one = made.to_ms()
    made.split([word(T0 + 1, 1), word(T0, 0)])

    assert (before, one, made.to_ms()) == (-1, -1, T0 + 1)


def test_partitions_that_are_added_hold_it_back_until_they_are_heard() -> None:
    made = Upstream()
    made.split([word(T0, 0), word(T0, 1), word(T0 + 5, 0, 3)])
    waiting = made.to_ms()
    made.split([word(T0 + 5, 1, 3), word(T0 + 5, 2, 3)])

    assert (waiting, made.to_ms()) == (-1, T0 + 5)


def test_it_crosses_a_restart() -> None:
    made, again = Upstream(), Upstream()
    made.split([word(T0, 0), word(T0 + 5, 1)])
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(made.snapshot())))

    assert (again.to_ms(), again.snapshot()) == (T0, made.snapshot())


@pytest.mark.parametrize("value", [b'{"rekeyed_to_ms":', b'{"rekeyed_to_ms":"x"}', b'{"rekeyed_to_ms":1}'])
def test_what_only_looks_like_a_word_of_a_task_moves_nothing(value: bytes) -> None:
    made = Upstream()

    assert made.split([(b"", value, 0, T0)])[1] == []
    assert made.to_ms() == -1
