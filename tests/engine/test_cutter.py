"""What goes into one transaction, and what into the next. Without a broker: freezing touches none."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from anchorwatch.engine.app import nothing
from anchorwatch.engine.cutter import Cutter
from anchorwatch.engine.task import Task
from anchorwatch.engine.transaction import Cut, Transactions
from anchorwatch.events import Row
from anchorwatch.stages.report import Frozen, Report


class Heavy:
    """A stage with 30 MB to write."""

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Sequence[bytes | None] | None) -> None: ...

    def tick(self, now_ms: int, ended: frozenset[str]) -> None: ...

    def due(self) -> bool:
        return True

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        return Frozen({b"%d" % n: bytes(900_000) for n in range(33)}, [], Report())


@pytest.fixture
def cutter() -> Cutter:
    return Cutter(Transactions({"bootstrap.servers": "127.0.0.1:9"}, "t-a", "t-changelog"), 1.0, nothing, nothing)


def tasks(n: int) -> dict[int, Task]:
    found = {p: Task(p, Heavy(), {"p": 0}, "") for p in range(n)}
    for task in found.values():
        task.tick(0)
    return found


def freeze(cutter: Cutter, rest: dict[int, Task], last: bool = False) -> tuple[dict[int, Cut], set[int]]:
    return asyncio.run(cutter._freeze(rest, last))


def test_a_cut_that_grows_too_large_leaves_tasks_to_the_next(cutter: Cutter) -> None:
    """Three of 30 MB pass 64 MB; the fourth and fifth go into a transaction of their own, and come first next time."""
    rest = tasks(5)
    cuts, seen = freeze(cutter, rest)
    later, also = freeze(cutter, {p: task for p, task in rest.items() if p not in seen})

    assert (sorted(cuts), seen, sorted(later), also) == ([0, 1, 2], {0, 1, 2}, [3, 4], {3, 4})


def test_a_task_of_which_a_batch_was_broken_off_is_not_cut(cutter: Cutter) -> None:
    two = tasks(2)
    two[0].broken = True
    cuts, seen = freeze(cutter, two, last=True)

    assert (sorted(cuts), seen) == ([1], {0, 1})
    assert not any(task.open for task in two.values())


def test_a_task_where_nothing_happened_is_not_cut(cutter: Cutter) -> None:
    still = {0: Task(0, Heavy(), {"p": 0}, "")}

    assert freeze(cutter, still) == ({}, {0})


def test_a_stage_that_asks_is_cut_at_once_unless_its_agent_is_behind(cutter: Cutter) -> None:
    two = tasks(2)
    prompt = [cutter.is_time(two, waited) for waited in (0.05, 0.2)]
    for task in two.values():
        task.in_channel = 1

    assert prompt == [False, True]
    assert [cutter.is_time(two, waited) for waited in (0.2, 1.0)] == [False, True]
