"""Instances of a call, whichever of the two protocols it speaks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.errors import EventRejected
from anchorwatch.sources.foreign.payloads import INSTANCES_MAX, instances, paired


def tensor(shape: Any, data: Any, name: Any = "x") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": "FP32", "data": data}


@given(st.lists(st.lists(st.integers(), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_matrix_is_the_same_flat_and_nested(rows: list[list[int]]) -> None:
    flat = [value for row in rows for value in row]

    assert instances({"inputs": [tensor([len(rows), 3], rows)]}, "$") == rows
    assert instances({"inputs": [tensor([len(rows), 3], flat)]}, "$") == rows


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({"instances": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ({"predictions": [0.1]}, [0.1]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ({"score": 0.1}, [{"score": 0.1}]),
        (0.1, [0.1]),
        ({"outputs": [tensor([], [7])]}, [7]),
        ({"outputs": [tensor([1, 1, 1], [[[7]]])]}, [7]),
        ({"inputs": [tensor([2], [1, 2], None), tensor([2], [3, 4], None)]}, [{"0": 1, "1": 3}, {"0": 2, "1": 4}]),
    ],
)
def test_each_shape_of_a_payload_gives_its_instances(payload: Any, found: list[Any]) -> None:
    assert instances(payload, "$") == found


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ([], "no instance"),
        ({"instances": []}, "no instance"),
        ({"inputs": {"x": [1]}}, "no list of tensors"),
        ({"inputs": [{"name": "x", "shape": [1], "parameters": {"binary_data_size": 4}}]}, "no data as JSON"),
        ({"inputs": [tensor(None, [1])]}, "no shape"),
        ({"inputs": [tensor([-1], [1])]}, "no shape"),
        ({"inputs": [tensor([True], [1])]}, "no shape"),
        ({"inputs": [tensor([2, 2], [1, 2, 3])]}, "has 4 values, the data 3"),
        ({"inputs": [tensor([1], [1]), tensor([2], [1, 2], "y")]}, "different length"),
        ({"inputs": [tensor([0], [])]}, "no instance"),
        ([0] * (INSTANCES_MAX + 1), "10,001 instances"),
    ],
)
def test_what_gives_no_instances_says_why(payload: Any, reason: str) -> None:
    with pytest.raises(EventRejected, match=reason):
        instances(payload, "$")


def test_as_many_answers_as_instances_or_none_at_all() -> None:
    assert [document["id"] for document in paired("a", [1], [2], "$")] == ["a"]
    with pytest.raises(EventRejected, match="1 instances were asked and 2 answered"):
        list(paired("a", [1], [2, 3], "$"))
