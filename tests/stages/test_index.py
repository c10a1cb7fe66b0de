"""The hash table against a dict."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.stages.index import Index


@given(st.lists(st.lists(st.integers(1, 400), max_size=80), max_size=8), st.integers(0, 200), st.sampled_from([4096, 4096 + (1 << 41)]))
def test_the_index_finds_what_a_dict_finds(batches: list[list[int]], first: int, spread: int) -> None:
    """All want the same slot; with the larger spread they go on from there in steps of their own."""
    index, known, n = Index(1 << 12), dict[int, int](), 0
    for batch in batches:
        fresh = sorted({key for key in batch if key not in known})
        index.put(np.array([key * spread + 1 for key in fresh], np.uint64), np.arange(n, n + len(fresh)))
        known |= {key: n + i for i, key in enumerate(fresh)}
        n += len(fresh)

    found = index.find(np.array([key * spread + 1 for key in range(1, 401)], np.uint64), first)

    assert found.tolist() == [known[key] if known.get(key, -1) >= first else -1 for key in range(1, 401)]
    assert index.used == len(known)


def test_a_key_that_is_there_takes_its_new_row() -> None:
    """Of an id whose row has left the key stays behind."""
    index, key = Index(1 << 12), np.array([7], np.uint64)
    index.put(key, np.array([3]))

    index.put(key, np.array([9]))

    assert (index.find(key, 0).tolist(), index.used) == ([9], 1)
