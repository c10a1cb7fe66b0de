import numpy as np
from tests.traffic import contract_of

from anchorwatch.events import Block, Counts, Observation
from anchorwatch.stages import feed as feeds
from anchorwatch.stages.feed import FeedClock
from anchorwatch.stages.pile import Pile
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

LAYOUT = Layout(contract_of(), None, catalogue())
KEY = "inference.seconds"


def block(n: int) -> Block:
    dense = np.zeros((len(LAYOUT.segments), LAYOUT.counts[KEY].symbols), np.int64)
    dense[0, 5] = n
    return Block("prod", "loan", LAYOUT.contract.id, "", list(LAYOUT.segments), {KEY: Counts.pack(dense)})


def seen(task: int, window: tuple[int, int], n: int = 0, *, tasks: int = 2, spans: dict[str, tuple[int, int]] | None = None) -> Observation:
    blocks = [block(n)] if n else []
    return Observation(1, "default", task, tasks, window, window[1], spans or {}, (0, 1), blocks, {"prod/loan": {"late": n}} if n else {})


def new_pile(_: str, __: int) -> Pile:
    return Pile(LAYOUT)


def test_blocks_of_all_tasks_add_up_in_one_pile() -> None:
    clock = FeedClock("default")
    for task in (0, 1):
        assert clock.add(seen(task, (0, 10), 3 + task), new_pile)

    [(window, piles, tallies)] = clock.close(10)

    assert window == (0, 10)
    assert LAYOUT.view(piles["prod/loan"].flat, KEY)[0, 5] == 7
    assert tallies == {"prod/loan": {"late": 7}}


def test_a_window_closes_when_every_task_has_passed_it() -> None:
    clock = FeedClock("default")

    clock.passed(0, 2, 30, now_ms=0)
    alone = clock.boundary()
    clock.passed(1, 2, 20, now_ms=0)

    assert (alone, clock.boundary()) == (-1, 20)


def test_windows_close_in_the_order_of_time_whatever_the_order_in_which_they_came() -> None:
    clock = FeedClock("default")
    for window in ((20, 30), (0, 10), (10, 20), (30, 40)):
        clock.add(seen(0, window, 1), new_pile)

    assert [window for window, _, _ in clock.close(30)] == [(0, 10), (10, 20), (20, 30)]


def test_blocks_of_a_window_that_was_judged_are_late() -> None:
    clock = FeedClock("default")
    list(clock.close(10))

    assert not clock.add(seen(0, (0, 10), 1), new_pile)
    assert clock.add(seen(0, (0, 10)), new_pile), "an empty record is never late"
    assert clock.add(seen(0, (10, 20), 1), new_pile)


def test_what_a_late_task_noted_is_told_with_the_next_window() -> None:
    """Its blocks are lost to judgement, and counted so; what it refused or joined must not go without a word."""
    clock = FeedClock("default")
    list(clock.close(20))
    clock.add(seen(0, (0, 10), 3), new_pile)
    clock.add(seen(1, (20, 30), 4), new_pile)

    [(window, piles, tallies)] = clock.close(30)

    assert (window, tallies) == ((20, 30), {"prod/loan": {"late": 7}})
    assert LAYOUT.view(piles["prod/loan"].flat, KEY)[0, 5] == 4


def test_what_one_task_passed_a_grace_ago_is_overdue() -> None:
    clock = FeedClock("default")
    clock.passed(0, 2, 10, now_ms=1_000)
    clock.passed(0, 2, 20, now_ms=2_000)

    assert [clock.overdue(t) for t in (999, 1_000, 1_999, 2_000)] == [-1, 10, 10, 20]


def test_moments_of_passing_are_thinned_beyond_their_bound() -> None:
    clock = FeedClock("default")

    for i in range(feeds.PASSED_MAX + 1):
        clock.passed(0, 2, i, now_ms=i)

    assert len(clock.first_passed) == feeds.PASSED_MAX // 2
    assert clock.overdue(feeds.PASSED_MAX) in (feeds.PASSED_MAX - 1, feeds.PASSED_MAX)


def test_rows_between_two_spans_are_holes() -> None:
    clock = FeedClock("default")
    holes = [clock.note_spans(seen(0, (0, 10), spans={"predictions": span})) for span in ((0, 10), (10, 25), (30, 40), (35, 50))]

    assert holes == [0, 0, 5, 5]


def test_fewer_tasks_than_before_do_not_wait_for_those_that_left() -> None:
    clock = FeedClock("default")
    for task in range(3):
        clock.passed(task, 3, 10, now_ms=0)

    clock.passed(0, 1, 50, now_ms=0)

    assert clock.boundary() == 50


def test_a_model_without_a_contract_makes_no_pile() -> None:
    clock = FeedClock("default")

    clock.add(seen(0, (0, 10), 1), lambda _, __: None)

    assert [piles for _, piles, _ in clock.close(10)] == [{}]
