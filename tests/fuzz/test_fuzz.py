"""The quick form of `./scripts/fuzz`: some hundred nearly right inputs for each reader, and what once went wrong."""

import json
from itertools import islice

import msgspec
import pytest
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS
from tests.traffic import loan_applied

from anchorwatch.engine.store import Head
from anchorwatch.errors import StateRefused
from anchorwatch.stages.registry import Registry

INPUTS = {"init": 60, "restore": 60, "applied": 30, "contract": 60}  # slow ones; else 300


@pytest.mark.parametrize("name", TARGETS)
def test_nearly_right_input_is_read_or_refused_and_always_counted(name: str) -> None:
    target = TARGETS[name]()
    for raw in islice(mutated(target.seeds, seed=2), INPUTS.get(name, 300)):
        target.take(raw)


def test_an_input_is_found_again_by_its_seed_and_number() -> None:
    first, second = (list(islice(mutated([b"abc", b"0123456789"], seed=3), 200)) for _ in range(2))

    assert first == second
    assert len(set(first)) > 150


@pytest.mark.parametrize("head", [b"\x01\x00\x00\x00AWc1\xff", b"[]", b"{}", b'{"v":1,"stamp":"a","next":[]}', b"[" * 100_000])
def test_a_damaged_head_of_the_state_is_refused_by_name(head: bytes) -> None:
    with pytest.raises(StateRefused, match="`anchorwatch state restart`"):
        Head.decode(head)


@pytest.mark.parametrize("shape", [[0], [2**40], [-1, 1], ["x"], [1, 2**33]])
def test_a_reference_whose_counts_are_not_ours_is_refused_before_it_takes_memory(shape: list[object]) -> None:
    """212 GiB were asked for, once."""
    applied = json.loads(msgspec.json.encode(loan_applied()))
    key = next(iter(applied["reference"]["counts"]))
    applied["reference"]["counts"][key][0] = shape
    registry = Registry(10_000)

    assert registry.record(b"prod/loan", json.dumps(applied).encode()) == "prod/loan"
    assert "reference: cannot be read" in registry.refused["prod/loan"]
