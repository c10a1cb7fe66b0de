"""The first of each id; that stories of decisions and complaints come out exact is in test_decided.py and test_complained.py."""

import numpy as np
from numpy.typing import NDArray

from anchorwatch.stages.reactions import Firsts


def ids(first: int, last: int) -> NDArray[np.uint64]:
    return np.arange(first, last + 1, dtype=np.uint64)


def columns(n: int, at: int, *, met: int = 1) -> dict[str, NDArray[np.int64]]:
    return {"at": np.full(n, at), "met": np.full(n, met)}


def test_the_first_of_an_id_stays_until_it_is_final() -> None:
    held = Firsts()
    held.take(ids(1, 3), columns(3, 100, met=0), 50)

    early = held.take(ids(2, 4), columns(3, 150), 50)
    late = held.take(ids(2, 4), columns(3, 151), 50)

    assert (early[0].tolist(), early[1]) == ([False, False, True], 0)
    assert (late[0].tolist(), late[1]) == ([True, True, False], 2)  # two lives ended that had met nobody
    assert held.early == 1


def test_of_several_in_one_batch_the_first_is_taken() -> None:
    held = Firsts()

    taken, _ = held.take(np.array([7, 8, 7, 7], np.uint64), {"at": np.array([5, 5, 6, 90]), "met": np.zeros(4, np.int64)}, 50)

    assert taken.tolist() == [True, True, False, True]  # the last one came when the first was final
    assert held.column("at").tolist() == [90, 5]


def test_the_table_is_bounded_in_bytes() -> None:
    held = Firsts()
    for i in range(20):
        held.take(ids(1_000 * i + 1, 1_000 * (i + 1)), columns(1_000, i, met=0), 10)

    assert held.early == held.n == 20_000
    held.drop(15_000)
    assert (held.early, held.n) == (5_000, 5_000)
    assert held.meet(ids(15_001, 15_100)) == 100
    assert held.meet(ids(15_001, 15_100)) == 0
