"""Every format x every check; and what went into a disguise comes out of it."""

import doctest
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources.disguises import DISGUISES, EVENTS

from anchorwatch import sources
from anchorwatch.events import Role, Row, headed
from anchorwatch.sources import checks
from anchorwatch.sources.base import Decoded, Shape
from anchorwatch.sources.foreign import headers_of, mapper
from anchorwatch.sources.native import Outcomes, Predictions

PAIRS: list[tuple[str, Role]] = [(name, role) for name, disguise in DISGUISES.items() for role in disguise.write]
LOAN = Shape("loan", {"amount": "number", "age": "number", "job": "category"})


def test_every_format_is_disguised_here() -> None:
    assert sorted(DISGUISES) == sources.names()


@pytest.mark.parametrize("check", checks.ON_GOOD, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize(("name", "role"), PAIRS)
def test_good_rows_of_every_format_keep(name: str, role: Role, check: Any) -> None:
    disguise = DISGUISES[name]

    check(lambda: disguise.translator(role), disguise.rows(role, EVENTS))


def plain(found: Decoded, lacks: frozenset[str]) -> list[dict[str, Any]]:
    records = [msgspec.to_builtins(record) | {"at": at} for record, at in zip(found.records, found.at_ms.tolist(), strict=True)]
    return [{name: value for name, value in record.items() if name not in lacks} for record in records]


@pytest.mark.parametrize(("name", "role"), PAIRS)
def test_what_was_disguised_comes_out_again(name: str, role: Role) -> None:
    decoder = {"predictions": Predictions, "outcomes": Outcomes}[role]([LOAN], "loan")
    native: list[Row] = [(e.key, e.value, i, e.at_ms) for i, e in enumerate(e for e in EVENTS if e.role == role)]
    disguise = DISGUISES[name]

    found = decoder.decode(disguise.translator(role).open(disguise.rows(role, EVENTS)).rows)

    wanted = decoder.decode(native)
    assert plain(found, disguise.lacks) == plain(wanted, disguise.lacks)
    assert "latency_ms" in disguise.lacks or found.latency_ms.tolist() == wanted.latency_ms.tolist()


GOOD = {pair: DISGUISES[pair[0]].rows(pair[1], EVENTS) for pair in PAIRS}
ODD = [b"NaN", b"1e400", b"9" * 400, b'"\\ud800"', b"\xff", b"", b"null", b"[[1]]", b"\0", b'"a":1,', b"{}", b"true", b'"x"', b"-1"]


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, Role, list[Row]]:
    """Rows of one format in which some places became something that nobody writes."""
    name, role = draw(st.sampled_from(PAIRS))
    rows: list[Row] = []
    for row in draw(st.lists(st.sampled_from(GOOD[name, role]), max_size=6)):
        key, value, offset, stamp = row
        raw = value or b""
        start = draw(st.integers(0, len(raw)))
        broken = raw[:start] + draw(st.sampled_from(ODD)) + raw[start + draw(st.integers(0, 8)) :]
        late = stamp + draw(st.sampled_from([0, 0, 700_000]))  # beyond `pair_within`
        rows.append(headed((key, draw(st.sampled_from([raw, raw, broken, None])), offset, late), list(headers_of(row).items())))
    rows += [(b"k", value, 0, 0) for value in draw(st.lists(st.binary(max_size=30) | documents, max_size=2))]
    return name, role, rows


scalars = st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | st.text(max_size=8)
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)
words = st.sampled_from(["app", "id", "result", "verdict", "geo", "after", "app_id", "scored_at", "took_us", "amount", "heartbeat_at_ms"])
documents = st.dictionaries(words, nested | st.dictionaries(words, nested, max_size=3), max_size=5).map(lambda d: json.dumps(d).encode())


@pytest.mark.parametrize("check", checks.ON_ANY, ids=lambda check: check.__name__.removeprefix("check_"))
@settings(max_examples=200, deadline=None)
@given(case=batches())
def test_any_rows_of_every_format_keep(check: Any, case: tuple[str, Role, list[Row]]) -> None:
    name, role, rows = case

    check(lambda: DISGUISES[name].translator(role), rows)


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(mapper).failed == 0
