"""What travels between services, stages and people."""

import doctest

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch import events
from anchorwatch.events import Answer, Counts, canonical, texts


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(events).failed == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"), (1.0, "1"), ("1", "1"), ("1.0", "1.0"), (True, "true"), (False, "false"), (0, "0"), (-0.0, "0"), ("", ""), ("01", "01"),
        (0.1, "0.1"), (-3.0, "-3"), (2**53 - 1, "9007199254740991"), (1e300, "1e+300"), ("Café", "Café"), ("NO", "NO"), ("null", "null"),
    ],
)  # fmt: skip
def test_a_class_has_one_text(value: Answer, text: str) -> None:
    assert canonical(value) == text


@given(st.integers(-(2**60), 2**60))
def test_an_integer_and_the_same_number_with_a_point_are_one_class(value: int) -> None:
    assert canonical(value) == canonical(float(value))


@given(st.text())
def test_text_stays_as_it_is(value: str) -> None:
    assert canonical(value) == value


@given(st.lists(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)))
def test_a_column_of_answers_is_each_answer(values: list[Answer | None]) -> None:
    assert texts(values) == [None if value is None else canonical(value) for value in values]


def test_one_and_true_are_two_classes() -> None:
    assert texts([1, True, 0, False]) == ["1", "true", "0", "false"]


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=5))
def test_counts_come_back_as_they_were_packed(rows: list[list[int]]) -> None:
    dense = np.array(rows, np.int64)
    packed: Counts = msgspec.msgpack.decode(msgspec.msgpack.encode(Counts.pack(dense)), type=Counts)
    total = np.zeros_like(dense)

    packed.add_to(total, np.arange(len(dense)))

    assert np.array_equal(total, dense)


def test_counts_of_a_segment_left_out_are_not_added() -> None:
    total = np.zeros((1, 2), np.int64)

    Counts.pack(np.array([[1, 2], [3, 4]])).add_to(total, np.array([-1, 0]))

    assert total.tolist() == [[3, 4]]
