"""Records of a topic of siblings are counted once, in their own windows, whatever the cuts; a topic that stands still has passed all."""

import msgspec
import numpy as np
import pytest
from tests.traffic import LOAN, T0, contract_of

from anchorwatch.contract import Contract
from anchorwatch.events import Heartbeat, Observation, Row
from anchorwatch.runtime.drive import applied_of
from anchorwatch.stages.observe import partition_of
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.sibling_topic import MARK, SiblingSettings, SiblingTopic
from anchorwatch.watches.siblings import SIBLINGS

TOPIC = "payments.authorised"
SIDE = contract_of(LOAN.replace("silent_after: 5s", f"silent_after: 5s, siblings: [{TOPIC}]"))


def outside(contract: Contract) -> tuple[str, ...]:
    return contract.promises.alive.siblings


def stage(*, wall: bool = True, task: int = 0, tasks: int = 1, partitions: int = 2) -> SiblingTopic:
    registry = Registry(1_000)
    registry.apply(applied_of(SIDE))
    registry.apply(applied_of(contract_of(LOAN.replace("model: loan", "model: other"))))
    return SiblingTopic(task, tasks, registry, outside, SiblingSettings(TOPIC, "observations", partitions, 1_000, 500, wall))


def rows(*at_ms: int) -> list[Row]:
    return [(None, b"\x00 of any format", i, at) for i, at in enumerate(at_ms)]


def told(made: SiblingTopic) -> list[tuple[int, Observation]]:
    """(partition of observations, what stands there) of one cut."""
    return [(r.partition, msgspec.msgpack.decode(r.value or b"", type=Observation)) for r in made.freeze({}).records]


def counted(found: list[tuple[int, Observation]]) -> dict[tuple[str, int], int]:
    """(model, begin of a window) -> events."""
    sums: dict[tuple[str, int], int] = {}
    for _, observation in found:
        for block in observation.blocks:
            total = np.zeros((1, 1), np.int64)
            block.counts[SIBLINGS.key].add_to(total, np.zeros(1, np.int64))
            place = (block.model, observation.window[0])
            sums[place] = sums.get(place, 0) + int(total[0, 0])
    return sums


def test_records_are_counted_by_the_window_in_which_they_were_written_for_the_models_that_name_the_topic() -> None:
    made = stage()
    made.take(TOPIC, rows(T0, T0 + 999, T0 + 1_000), T0 + 2_000)

    found = told(made)

    assert counted(found) == {("loan", T0): 2, ("loan", T0 + 1_000): 1}
    assert {p for p, observation in found if observation.blocks} == {partition_of("prod/loan", 2)}
    assert {observation.feed for _, observation in found} == {MARK + TOPIC}


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_any_cuts_give_the_same_counts(size: int) -> None:
    at = [T0 + int(x) for x in np.random.default_rng(1).integers(0, 5_000, 500)]
    whole, cut = stage(), stage()
    whole.take(TOPIC, rows(*at), T0 + 5_000)
    sums: dict[tuple[str, int], int] = {}
    for begin in range(0, len(at), size):
        cut.take(TOPIC, rows(*at[begin : begin + size]), T0 + 5_000)
        for place, n in counted(told(cut)).items():
            sums[place] = sums.get(place, 0) + n

    assert sums == counted(told(whole))


def test_every_partition_hears_how_far_it_is_after_the_counts_and_once() -> None:
    made = stage()
    made.take(TOPIC, rows(T0, T0 + 2_700), T0 + 3_000)

    marks = [(p, o.watermark_ms) for p, o in told(made)]

    assert marks[-2:] == [(0, T0 + 2_000), (1, T0 + 2_000)]
    assert all(mark < T0 for _, mark in marks[:-2])
    assert told(made) == []
    assert not made.due()


def test_a_topic_that_is_read_to_its_end_is_as_far_as_now_and_one_that_is_not_stands_where_its_records_are() -> None:
    idle, behind = stage(), stage()
    idle.tick(T0 + 60_000, frozenset({TOPIC}))
    behind.take(TOPIC, rows(T0), T0 + 60_000)
    behind.tick(T0 + 60_000, frozenset())

    assert (idle.boundary, behind.boundary) == (T0 + 59_000, T0 - 1_000)
    assert idle.due()


def test_a_clock_far_off_counts_as_now() -> None:
    made = stage()
    made.take(TOPIC, rows(-1, T0 + 10**9), T0 + 100)

    assert counted(told(made)) == {("loan", T0): 2}
    assert made.boundary <= T0


def test_under_the_clock_of_events_a_heartbeat_ends_it_and_is_no_event() -> None:
    made = stage(wall=False)
    beat = msgspec.json.encode(Heartbeat(T0 + 9_500))
    made.take(TOPIC, [*rows(T0), (None, beat, 1, T0 + 9_500), (None, b'{"heartbeat_at_ms": "soon"}', 2, T0)], 0)
    made.tick(T0 + 10**9, frozenset({TOPIC}))

    assert made.boundary == T0 + 9_000
    assert counted(told(made)) == {("loan", T0): 1}


def test_nothing_is_told_of_models_that_do_not_name_it() -> None:
    made = stage()
    del made.registry.versions["prod/loan"]
    made.registry.changes += 1
    made.take(TOPIC, rows(T0), T0)

    assert counted(told(made)) == {}
