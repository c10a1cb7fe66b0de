"""What is written is read back: by the contract's own reader, whatever stands in the topics."""

import doctest
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runtime.init import topics_of_others as topics
from tests.runtime.init.topics_of_others import N, T, side

from anchorwatch import contract as contracts
from anchorwatch.contract.reading import read
from anchorwatch.runtime import init
from anchorwatch.runtime.init import text
from anchorwatch.runtime.init.opened import Side
from anchorwatch.runtime.init.proposal import propose
from anchorwatch.runtime.init.times import Times

NOW = T + N * 1_000


def test_text_is_quoted_as_documented() -> None:
    assert doctest.testmod(text).failed == 0


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_is_read_back_as_it_was(value: str) -> None:
    """Country NO, code 01321, quotes, line ends, control characters (field case C07)."""
    tree, _, problems = read(f"x: {text.text(value)}\n", "t")

    assert problems == []
    assert str(tree["x"]) == value


@pytest.mark.parametrize("make", [topics.native, topics.flat, topics.nested, topics.houses])
def test_what_was_written_passes_the_check(make: Callable[[], tuple[Side, Side | None]]) -> None:
    made = init.write(*make(), NOW, owner="group:default/risk")

    checked = contracts.check(made.text, "t")

    assert checked.contract == made.contract
    assert checked.contract.owner.team == "group:default/risk"


def test_hostile_names_and_values_stay_inside_their_places() -> None:
    """A field called `x: {`, classes `yes` and `no`, values with line ends: each comes back as it is."""
    odd = ["x: {", "#", "a\nb", "NO", "- y", "f[0]", "'", '"', "ß.é", "z z"]
    events = [(f"k{i}", {"id": f"k{i}", "verdict": ["yes", "no"][i % 2], **dict.fromkeys(odd, f"v\n{i % 3}")}, T + i) for i in range(N)]

    made = init.write(side("log", events), None, NOW)

    assert set(made.contract.features) == {*odd} - {"a\nb", '"'}  # of which no path can be written
    assert made.contract.labels.classes == ("no", "yes")
    assert json.dumps(made.contract.as_json())


def test_what_only_a_person_knows_is_a_comment() -> None:
    made = init.write(*topics.nested(), NOW)

    assert '"group:default/nobody-yet"          # write who is woken' in made.text
    assert "# Also on this topic: churn-us 25%" in made.text
    assert "#   no topic of outcomes named" in made.text
    assert made.contract.promises.latency.inference_p99 is None


def test_keys_that_are_not_the_id_are_written_as_this_version_reads_them() -> None:
    found = propose(*topics.flat())

    assert "    keyed: false" in text.contract(found, Times(), "o", owner_named=True, rekeys=True)
    assert "    # keyed: false" in text.contract(found, Times(), "o", owner_named=True, rekeys=False)
