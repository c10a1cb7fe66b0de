from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch import state
from anchorwatch.errors import StateCorrupt
from anchorwatch.state import CHUNK_BYTES_MAX, MAGIC, join, pack, parts, unpack


@pytest.mark.parametrize("dtype", sorted(state.DTYPES - {"|i1"}))
def test_a_chunk_holds_arrays_of_each_kind_of_number(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)

    found = unpack(pack("x", 1, {"a": [1, None, "b"]}, {"n": array}), "x", 1)

    assert found.header == {"a": [1, None, "b"]}
    assert np.array_equal(found.arrays["n"], array)
    assert found.arrays["n"].dtype == array.dtype


def test_a_restored_array_can_be_written_to() -> None:
    found = unpack(pack("x", 1, {}, {"n": np.zeros(3)}), "x", 1)

    found.arrays["n"][0] = 1

    assert found.arrays["n"].tolist() == [1, 0, 0]


def test_an_array_that_is_not_contiguous_is_kept_in_its_own_order() -> None:
    array = np.arange(6).reshape(2, 3).T

    assert np.array_equal(unpack(pack("x", 1, {}, {"n": array}), "x", 1).arrays["n"], array)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_chunk_are_refused_never_worse(raw: bytes) -> None:
    with pytest.raises(StateCorrupt):
        unpack(raw, "x", 1)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_chunk_with_one_changed_byte_is_refused(at: int, by: int) -> None:
    raw = bytearray(pack("x", 1, {"name": "value"}, {"n": np.arange(10)}))
    raw[at % len(raw)] ^= by

    with pytest.raises(StateCorrupt):
        unpack(bytes(raw), "x", 1)


def test_a_chunk_of_another_kind_is_refused_by_both_names() -> None:
    with pytest.raises(StateCorrupt, match=r"kind 'x' stands where 'y' is expected"):
        unpack(pack("x", 1, {}), "y", 1)


def test_a_newer_chunk_asks_for_the_newer_program() -> None:
    with pytest.raises(StateCorrupt, match=r"version 3, this program reads up to 2: run the newer Anchorwatch"):
        unpack(pack("x", 3, {}), "x", 2)


def test_an_older_chunk_is_migrated_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_more(header: dict[str, Any], arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"steps": header["steps"] + 1}, arrays

    monkeypatch.setattr(state, "MIGRATIONS", {("x", 1): one_more, ("x", 2): one_more})

    assert unpack(pack("x", 1, {"steps": 0}), "x", 3).header == {"steps": 2}


def test_a_chunk_too_old_for_any_migration_is_refused() -> None:
    with pytest.raises(StateCorrupt, match="too old"):
        unpack(pack("x", 1, {}), "x", 2)


def test_objects_are_no_state() -> None:
    with pytest.raises(AssertionError, match="not plain numbers"):
        pack("x", 1, {}, {"n": np.array(["text"])})


@pytest.mark.parametrize("body", [[1, 2], ["x", 1, {}, {"n": ["O", [1], b"12345678"]}], ["x", 1, {}, {"n": ["<i8", [3], b"12345678"]}]])
def test_a_chunk_with_a_right_checksum_and_a_wrong_body_is_refused(body: list[Any]) -> None:
    import msgspec
    import xxhash

    raw = msgspec.msgpack.encode(body)

    with pytest.raises(StateCorrupt):
        unpack(MAGIC + xxhash.xxh3_64_digest(raw) + raw, "x", 1)


@given(st.binary(max_size=50), st.integers(0, 3))
def test_parts_join_to_what_was_cut(raw: bytes, before: int) -> None:
    found = parts("a:b#c", raw, before)

    assert join({key: part for key, part in found.items() if part is not None}) == {"a:b#c": raw}
    assert sum(part is None for part in found.values()) == max(before - 1, 0)


def test_a_large_chunk_is_cut_into_parts_that_fit_a_record() -> None:
    raw = bytes(range(256)) * 10_000

    found = parts("big", raw)

    assert len(found) == 3
    assert max(len(part or b"") for part in found.values()) <= CHUNK_BYTES_MAX
    assert join({key: part or b"" for key, part in found.items()})["big"] == raw


def test_surplus_parts_of_the_last_cut_are_removed() -> None:
    assert parts("a", b"x", before=3) == {b"a#0": b"\x01\0\0\0x", b"a#1": None, b"a#2": None}


def test_a_missing_part_is_refused_by_name() -> None:
    found = parts("big", bytes(2 * CHUNK_BYTES_MAX))

    with pytest.raises(StateCorrupt, match=r"'big' has parts \[0, 2\], 3 are expected"):
        join({key: part or b"" for key, part in found.items() if key != b"big#1"})


def test_a_part_that_claims_a_billion_siblings_is_refused_without_counting_them() -> None:
    """By fuzzing: one wrong byte took all memory."""
    with pytest.raises(StateCorrupt, match=r"has parts \[0\], 4294967295 are expected"):
        join({b"meta#0": b"\xff\xff\xff\xff" + b"x"})
