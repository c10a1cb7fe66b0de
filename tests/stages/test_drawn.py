"""The same predictions stand for a window whatever the cut, and which they are says nothing of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom
from tests.watches.test_cells import cells

from anchorwatch.events import Sample
from anchorwatch.stages.drawn import DRAWN_MAX, Drawn, drawn, joined, merged

FIELDS = 3
Codes = NDArray[np.uint8]


def some(n: int, seed: int = 1, ids: int = 1 << 63) -> tuple[NDArray[np.uint64], Codes, NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    return rng.integers(1, ids, n).astype(np.uint64), rng.integers(1, 5, (n, FIELDS)).astype(np.uint8), rng.random(n) < 0.2


def content(found: Drawn) -> list[list[object]]:
    return [found.hashes.tolist(), found.codes.tolist(), found.wrong.tolist()]


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 9), st.sampled_from([1 << 63, 2_000]))
def test_the_same_are_drawn_whatever_the_cut_and_the_order(n: int, cut: int, seed: int, ids: int) -> None:
    """Of 2,000 ids many come more than once."""
    hashes, codes, wrong = some(n, seed, ids)
    order = np.random.default_rng(seed).permutation(n)
    parts = [drawn(hashes[part], codes[part], wrong[part]) for part in (order[:cut], order[cut:])]

    assert content(merged(merged(None, parts[1]), parts[0])) == content(drawn(hashes, codes, wrong))


def test_those_of_the_smallest_hash_stand_for_all_in_its_order() -> None:
    hashes, codes, wrong = some(5_000)
    found = drawn(hashes, codes, wrong)

    assert found.hashes.tolist() == np.sort(hashes)[:DRAWN_MAX].tolist()
    assert len(joined(found, found).wrong) == 2 * DRAWN_MAX


def test_as_many_are_wrong_among_the_drawn_as_among_all() -> None:
    """Of 200 windows of 3,000, a fifth of which is wrong."""
    wrong = sum(int(drawn(*some(3_000, seed)).wrong.sum()) for seed in range(200))

    assert binom.ppf(0.0005, 200 * DRAWN_MAX, 0.2) <= wrong <= binom.ppf(0.9995, 200 * DRAWN_MAX, 0.2)


def test_what_waited_before_cells_were_kept_stands_for_nothing() -> None:
    hashes, codes, wrong = some(10)
    codes[:4] = 0

    assert len(drawn(hashes, codes, wrong).hashes) == 6


def test_a_sample_crosses_the_wire_and_one_of_other_fields_is_refused() -> None:
    found = drawn(*some(2_000))
    sample = found.pack("slices@late~1")
    back = Drawn.unpack(sample, FIELDS)
    assert back is not None

    assert content(back) == content(found)
    assert sample.of == "slices@late~1"
    assert len(sample.hashes) + len(sample.rows) == DRAWN_MAX * (8 + FIELDS + 1)
    assert Drawn.unpack(sample, FIELDS + 1) is None
    assert Drawn.unpack(Sample("x", b"", b""), FIELDS) is not None


def test_state_keeps_it_and_that_of_before_or_of_other_cells_holds_none() -> None:
    found, of = drawn(*some(100)), cells()
    back = Drawn.of_arrays("w", found.arrays("w"), of)
    assert len(of.fields) == FIELDS
    assert back is not None

    assert content(back) == content(found)
    assert Drawn.of_arrays("w", {}, of) is None
    assert Drawn.of_arrays("w", found.arrays("w"), None) is None
    assert Drawn.of_arrays("w", drawn(found.hashes, found.codes[:, :2], found.wrong).arrays("w"), of) is None
