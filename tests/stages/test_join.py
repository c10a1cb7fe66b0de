import numpy as np

from anchorwatch.stages.join import GHOST, Added, Joined, Waiting
from anchorwatch.stages.table import PAGE

FINAL_MS = 30_000


def ids(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(numbers, np.uint64)


def predicted(waiting: Waiting, *numbers: int, at: int = 0, answer: float = 1.0, combo: int = 0) -> Added:
    n = len(numbers)
    return waiting.add(ids(*numbers), np.full(n, at), np.full(n, combo), np.full(n, answer), 0, FINAL_MS)


def labelled(waiting: Waiting, *numbers: int, label: float = 1.0, known: int = 100, revision: int = 0) -> Joined:
    n = len(numbers)
    return waiting.label(ids(*numbers), np.full(n, label), np.full(n, known), np.full(n, revision))


def row(waiting: Waiting, number: int) -> dict[str, float]:
    place = int(waiting.index.find(ids(number), waiting.first)[0]) - waiting.first
    return {name: float(waiting.columns[name][place]) for name in ("at", "answer", "label", "known", "revision", "layout")}


def test_an_outcome_joins_its_prediction() -> None:
    waiting = Waiting()
    predicted(waiting, 7)

    joined = labelled(waiting, 7)

    assert (joined.joined, joined.waiting, joined.duplicate, joined.revised) == (1, 0, 0, 0)
    assert row(waiting, 7)["label"] == 1.0


def test_an_outcome_before_its_prediction_waits_and_joins_when_it_comes() -> None:
    waiting = Waiting()

    first = labelled(waiting, 7, known=50)
    added = predicted(waiting, 7, at=60)

    assert (first.waiting, first.joined) == (1, 0)
    assert (added.joined, added.new.tolist()) == (1, [True])
    assert row(waiting, 7) == {"at": 60, "answer": 1, "label": 1, "known": 50, "revision": 0, "layout": 0}


def test_a_prediction_that_comes_again_changes_nothing() -> None:
    waiting = Waiting()
    predicted(waiting, 7, at=10)

    again = predicted(waiting, 7, at=20)

    assert (again.new.tolist(), again.conflicts, waiting.n) == ([False], 0, 1)
    assert row(waiting, 7)["at"] == 10


def test_a_copy_with_another_answer_is_a_conflict_and_the_first_stays() -> None:
    waiting = Waiting()

    both = waiting.add(ids(7, 7), np.zeros(2, np.int64), np.zeros(2, np.int64), np.array([1.0, 0.0]), 0, FINAL_MS)
    later = predicted(waiting, 7, combo=3)

    assert (both.new.tolist(), both.conflicts, later.conflicts) == ([True, False], 1, 1)
    assert row(waiting, 7)["answer"] == 1.0


def test_a_failed_call_takes_the_first_answer_of_its_retries() -> None:
    """In one batch as in many: its truth is held against that answer."""
    nothing = float("nan")
    many, one = Waiting(), Waiting()
    predicted(many, 1, answer=nothing)
    retries = [predicted(many, 1, answer=answer, combo=combo) for answer, combo in ((3.0, 5), (4.0, 5), (nothing, 5))]
    answers = np.array([nothing, 3.0, 4.0, nothing])
    at_once = one.add(ids(1, 1, 1, 1), np.zeros(4, np.int64), np.array([0, 5, 5, 5]), answers, 0, 1_000)

    assert [(added.retried, added.conflicts) for added in retries] == [(1, 0), (0, 1), (0, 1)]
    assert (at_once.new.tolist(), at_once.retried, at_once.conflicts) == ([True, False, False, False], 1, 2)
    assert [(each.columns["answer"][0], each.columns["combo"][0]) for each in (many, one)] == [(3.0, 5), (3.0, 5)]


def test_a_number_that_is_not_known_equals_itself() -> None:
    waiting = Waiting()
    predicted(waiting, 7, answer=np.nan)

    assert predicted(waiting, 7, answer=np.nan).conflicts == 0


def test_an_outcome_that_comes_again_is_a_duplicate_and_the_first_stays() -> None:
    waiting = Waiting()
    predicted(waiting, 7)
    labelled(waiting, 7, label=1.0)

    again = labelled(waiting, 7, label=0.0)

    assert (again.duplicate, again.joined) == (1, 0)
    assert row(waiting, 7)["label"] == 1.0


def test_a_larger_revision_replaces_and_a_smaller_one_is_a_duplicate() -> None:
    waiting = Waiting()
    predicted(waiting, 7)

    results = [labelled(waiting, 7, label=label, revision=revision) for label, revision in ((1.0, 0), (0.0, 2), (1.0, 1))]

    assert [(r.joined, r.revised, r.duplicate) for r in results] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert (row(waiting, 7)["label"], row(waiting, 7)["revision"]) == (0.0, 2.0)


def test_revisions_within_one_batch_count_as_if_they_came_one_by_one() -> None:
    waiting = Waiting()
    predicted(waiting, 7)

    joined = waiting.label(ids(7, 7, 7), np.array([1.0, 0.0, 1.0]), np.array([5, 6, 7]), np.array([0, 1, 1]))

    assert (joined.joined, joined.revised, joined.duplicate) == (1, 1, 1)
    assert row(waiting, 7)["label"] == 0.0


def test_a_prediction_again_after_final_is_a_new_one_without_the_old_label() -> None:
    waiting = Waiting()
    predicted(waiting, 7, at=0)
    labelled(waiting, 7)

    before, after = predicted(waiting, 7, at=FINAL_MS), predicted(waiting, 7, at=FINAL_MS + 1)

    assert (before.new.tolist(), after.new.tolist()) == ([False], [True])
    assert (row(waiting, 7)["at"], row(waiting, 7)["revision"]) == (FINAL_MS + 1, -1)


def test_a_prediction_again_after_final_is_new_within_one_batch_as_well() -> None:
    waiting, far = Waiting(), FINAL_MS + 1

    added = waiting.add(ids(7, 7, 7), np.array([0, 5, far]), np.zeros(3, np.int64), np.ones(3), 0, FINAL_MS)

    assert added.new.tolist() == [True, False, True]


def test_rows_leave_by_whole_pages_when_all_of_a_page_are_final() -> None:
    waiting = Waiting()
    predicted(waiting, *range(1, PAGE + 2), at=10)
    predicted(waiting, PAGE + 2, at=99)

    n = waiting.final_front(50)
    gone = waiting.drop_front(n)

    assert (n, len(gone["hash"]), waiting.n, waiting.first) == (PAGE, PAGE, 2, PAGE)
    assert predicted(waiting, 1).new.tolist() == [True], "what left is not remembered"
    assert predicted(waiting, PAGE + 2).new.tolist() == [False]


def test_a_page_with_one_young_row_stays() -> None:
    waiting = Waiting()
    predicted(waiting, *range(1, PAGE + 1), at=10)
    predicted(waiting, 1, at=10 + FINAL_MS + 1)

    assert waiting.final_front(50) == 0


def test_an_outcome_without_a_prediction_is_a_ghost_that_ages_by_its_own_time() -> None:
    waiting = Waiting()

    labelled(waiting, 7, known=42)

    assert (row(waiting, 7)["layout"], row(waiting, 7)["at"]) == (GHOST, 42)


def test_memory_is_told_by_row_and_slot() -> None:
    waiting = Waiting()
    empty = waiting.nbytes

    predicted(waiting, *range(1, 1001))

    assert waiting.nbytes - empty == 1000 * 54


def test_a_restored_table_has_the_same_rows_and_finds_them() -> None:
    waiting, twin = Waiting(), Waiting()
    predicted(waiting, *range(1, 100), at=5)
    image = waiting.images(waiting.changed())
    labelled(waiting, 3, 500)

    twin.restore(waiting.first, waiting.n, [image, waiting.images(waiting.changed())])

    assert twin.index.find(ids(3, 99, 500), 0).tolist() == waiting.index.find(ids(3, 99, 500), 0).tolist()
    assert all(np.array_equal(twin.column(name), waiting.column(name), equal_nan=True) for name in ("hash", "at", "label", "layout"))


def test_only_what_changed_since_the_last_cut_is_told() -> None:
    waiting = Waiting()
    predicted(waiting, 1, 2, 3)
    waiting.changed()

    labelled(waiting, 2)

    assert waiting.changed().tolist() == [1]
    assert waiting.changed().tolist() == []
