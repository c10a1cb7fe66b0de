"""Rows of several topics in step, when a batch counts, and what is frozen. Pure: no Kafka."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.engine.store import HEAD, Head
from anchorwatch.engine.task import LEAD_MS, Batch, Run, Task, one_by_one
from anchorwatch.events import Row, Rows
from anchorwatch.stages.report import Frozen, Report


class Notebook:
    """A stage that writes down what it is told."""

    def __init__(self, chunks: Mapping[bytes, bytes | None] | None = None) -> None:
        self.taken: list[tuple[str, int]] = []
        self.told: list[frozenset[str]] = []
        self.spans: list[dict[str, tuple[int, int]]] = []
        self.chunks = dict(chunks or {})

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Sequence[bytes | None] | None) -> None:
        self.taken += [(topic, row[2]) for row in rows]

    def tick(self, now_ms: int, ended: frozenset[str]) -> None:
        self.told.append(ended)

    def due(self) -> bool:
        return bool(self.chunks)

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        self.spans.append(dict(spans))
        return Frozen(dict(self.chunks), [], Report())


def run(*rows: tuple[int, int], size: int = 1) -> Run:
    """rows: (offset, time in ms)."""
    return Run(Rows.of([(None, b"", offset, time_ms) for offset, time_ms in rows]), None, 0, size)


def task(stage: Notebook | None = None, **offsets: int) -> Task:
    return Task(3, stage or Notebook(), offsets or {"p": 0, "o": 0}, "")


def offsets(batches: Sequence[Batch]) -> list[tuple[str, list[int]]]:
    return [(batch.topic, [row[2] for row in batch.rows]) for batch in batches]


async def feed(batches: Sequence[Batch], broken_at: int = -1) -> None:
    """An agent that takes each batch, or raises in the middle of one."""

    async def stream() -> AsyncIterator[Batch]:
        for batch in batches:
            yield batch

    n = 0
    async for batch in one_by_one(stream()):
        if n == broken_at:
            raise ValueError("the agent's own")
        batch.take()
        n += 1


def test_a_topic_that_is_behind_holds_back_what_is_newer_in_its_sibling() -> None:
    both = task()
    both.add("p", run((0, 100), (1, 200)), end=99)
    both.add("o", run((0, 150), (1, 200 + LEAD_MS), (2, 201 + LEAD_MS)), end=99)

    assert offsets(both.in_step(0.0)) == [("p", [0, 1]), ("o", [0, 1])]


def test_a_topic_read_to_its_end_holds_nobody_back() -> None:
    both = task()
    both.add("p", run((0, 100)), end=1)
    both.add("o", run((0, 900)), end=1)

    assert offsets(both.in_step(0.0)) == [("p", [0]), ("o", [0])]


def test_a_silent_topic_holds_back_its_sibling_for_two_seconds() -> None:
    both = task()
    both.add("o", run((0, 900)), end=99)

    assert offsets(both.in_step(10.0)) == []
    assert offsets(both.in_step(11.9)) == []
    assert offsets(both.in_step(12.1)) == [("o", [0])]


def test_a_row_out_of_order_in_time_keeps_its_place() -> None:
    both = task()
    both.add("p", run((0, 200)), end=99)
    both.add("o", run((0, 100), (1, 300 + LEAD_MS), (2, 150), (3, 400 + LEAD_MS)), end=4)

    assert offsets(both.in_step(0.0)) == [("p", [0]), ("o", [0])]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("po"), st.integers(0, 3 * LEAD_MS), st.integers(1, 5), st.booleans()), max_size=20))
def test_whatever_comes_is_handed_on_once_and_in_order(steps: list[tuple[str, int, int, bool]]) -> None:
    both, handed, now = task(), list[Batch](), 0.0
    for topic, time_ms, n, at_end in steps:
        first = both.read_to[topic]
        both.add(topic, run(*((first + i, time_ms + i) for i in range(n))), end=first + n if at_end else 10_000)
        now += 1
        handed += both.in_step(now)
    for topic in "po":
        both.at_end(topic, both.read_to[topic], both.read_to[topic])
    handed += both.in_step(now)

    for topic in "po":
        assert [row[2] for batch in handed if batch.topic == topic for row in batch.rows] == list(range(both.read_to[topic]))
    assert both.held == {"p": 0, "o": 0}
    assert both.in_channel == sum(batch.size for batch in handed)


def test_a_batch_is_split_with_its_traceparents() -> None:
    whole = Run(Rows.of([(None, b"", 0, 1), (None, b"", 1, 2), (None, b"", 2, 3)]), [b"a", None, b"c"], 5, 30)

    first, rest = whole.split(1)

    assert (first.traceparents, rest.traceparents, first.size + rest.size) == ([b"a"], [None, b"c"], 30)


def test_a_batch_counts_when_its_agent_asks_for_the_next() -> None:
    one = task(p=0)
    one.add("p", run((0, 1), (4, 2)), end=5)  # offsets have gaps

    asyncio.run(feed(one.in_step(0.0)))

    assert (one.next, one.moved, one.busy, one.in_channel) == ({"p": 5}, True, 0.0, 0)


def test_a_batch_that_an_agent_broke_off_never_counts() -> None:
    one = task(p=0)
    one.add("p", run((0, 1)), end=1)
    one.add("p", run((1, 1)), end=2)

    with pytest.raises(ValueError, match="own"):
        asyncio.run(feed(one.in_step(0.0), broken_at=1))

    assert one.next == {"p": 1}


def test_batches_of_a_task_that_was_taken_away_are_skipped() -> None:
    stage = Notebook()
    one = task(stage, p=0)
    one.add("p", run((0, 1)), end=1)
    batches = one.in_step(0.0)
    one.open = False

    asyncio.run(feed(batches))

    assert stage.taken == []


def test_a_batch_that_got_lost_on_the_way_is_noticed() -> None:
    """Faust's channels drop what nobody listens to."""
    one = task(p=0)
    one.add("p", run((0, 1)), end=1)
    one.in_step(0.0)
    one.add("p", run((1, 1)), end=2)

    with pytest.raises(AssertionError, match="a batch was lost before offset 1 of p 3"):
        asyncio.run(feed(one.in_step(0.0)))


def test_rows_that_come_a_second_time_are_noticed() -> None:
    one = task(p=0)
    one.add("p", run((0, 1), (1, 1)), end=2)

    with pytest.raises(AssertionError, match="p 3 came again from 1, was read to 2"):
        one.add("p", run((1, 1)), end=2)


def test_a_topic_has_ended_for_its_stage_only_when_all_of_it_was_taken() -> None:
    stage = Notebook()
    one = task(stage, p=0)
    one.add("p", run((0, 1)), end=1)
    one.tick(0)
    asyncio.run(feed(one.in_step(0.0)))

    assert stage.told == [frozenset(), {"p"}]


def test_standing_before_an_undecided_transaction_is_not_the_end() -> None:
    one = task(p=5)
    one.at_end("p", 5, 8)

    assert one.taken_to_the_end() == frozenset()
    assert not one.behind()
    assert list(one.undecided_since) == ["p"]


def test_spans_of_cuts_follow_each_other_without_a_hole() -> None:
    stage = Notebook()
    one = task(stage, p=7)
    one.freeze("w 1")
    one.next["p"] = 12
    one.freeze("w 2")

    assert stage.spans == [{"p": (7, 7)}, {"p": (7, 12)}]


def test_a_cut_names_itself_and_its_place_in_chunks_and_offsets() -> None:
    one = task(Notebook({b"a": b"1"}), p=7)
    cut = one.freeze("w 1")

    assert Head.decode(cut.chunks[HEAD]) == ("w 1", {"p": 7})
    assert [(tp.topic, tp.partition, tp.offset, tp.metadata) for tp in cut.offsets] == [("p", 3, 7, "w 1")]


def test_a_refused_cut_goes_with_the_next_one() -> None:
    stage = Notebook({b"a": b"old", b"b": b"1"})
    one = task(stage, p=7)
    one.refused = one.freeze("w 1")
    stage.chunks = {b"a": b"new"}
    cut = one.freeze("w 2")

    assert (cut.chunks[b"a"], cut.chunks[b"b"], Head.decode(cut.chunks[HEAD]).stamp) == (b"new", b"1", "w 2")


@pytest.mark.parametrize(("chunks", "says"), [({b"a": bytes(900_001)}, "a stage splits at 900000"), ({HEAD: b""}, "the engine's own")])
def test_a_chunk_that_breaks_the_rules_is_a_mistake_of_the_stage(chunks: dict[bytes, bytes | None], says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        task(Notebook(chunks), p=0).freeze("w 1")


def test_what_restoring_found_out_goes_with_the_first_cut() -> None:
    report = Report()
    report.count("anchorwatch.records.lost", 5, topic="p")
    one = Task(0, Notebook(), {"p": 5}, "", report)
    labels: Any = (("topic", "p"),)

    assert one.moved
    assert one.freeze("w 1").report.counters == {("anchorwatch.records.lost", labels): 5}


def test_an_end_that_comes_with_the_last_rows_counts_although_a_marker_stands_between() -> None:
    """A transactional producer's marker is the last record: the end is told for 964, the last row stands at 962."""
    one = task(Notebook(), p=0)
    one.at_end("p", 964, 964)
    one.add("p", run((962, 1)), end=964)

    assert one.ended == {"p"}
