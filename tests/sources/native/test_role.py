"""Properties of every batch: each row is exactly one thing, the three readings agree, cuts do not matter."""

import json
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.events import Row
from anchorwatch.sources.base import Decoded, Shape
from anchorwatch.sources.native import Complaints, Decisions, Flags, Outcomes, Predictions
from anchorwatch.sources.native.careful import Remarks
from anchorwatch.sources.native.role import Role
from anchorwatch.sources.native.times import MS_END

NOON = 1_795_338_720_000
FRAUD = Shape("fraud", {"amount": "number", "country": "category", "vip": "bool"})
CHURN = Shape("churn", {"age": "number"})
ROLES: list[Role] = [
    Predictions([FRAUD], "fraud"),
    Predictions([FRAUD, CHURN]),
    Predictions(),
    Outcomes([FRAUD], "fraud"),
    Outcomes(),
    Decisions([CHURN]),
    Complaints([CHURN]),
    Flags(),
]

scalars = st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | st.text(max_size=8)
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)
edges = st.sampled_from([2**p + d for p in (31, 53, 63, 64) for d in (-1, 0)] + [-1, -(2**63) - 1, MS_END, 1e19, 1e308])
times = edges | st.integers(NOON - 10_000, NOON + 10_000) | st.sampled_from(["2026-11-22T09:12:00Z", "2026-11-22 09:12:00", "x"]) | nested
KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "prediction_id": st.sampled_from(["p-1", "p-2", "", "é" * 101, "x" * 201]) | nested,
    "model": st.sampled_from(["fraud", "churn", "nobody", "NO"]) | nested,
    "prediction": st.sampled_from(["block", 1, 1.5, True]) | nested,
    "label": st.sampled_from(["block", 1, 1.5, True]) | nested,
    "score": st.floats(0, 1) | edges | nested,
    "scores": st.dictionaries(st.text(max_size=3), st.floats(0, 1)) | nested,
    "features": st.dictionaries(st.sampled_from(["amount", "country", "vip", "age", "other"]), scalars | edges, max_size=4) | nested,
    "segments": st.dictionaries(st.sampled_from(["country", "tier"]), scalars) | nested,
    **dict.fromkeys(["predicted_at_ms", "requested_at_ms", "known_at_ms", "decided_at_ms", "changed_at_ms", "heartbeat_at_ms"], times),
    "latency_ms": st.floats(-1, 100) | nested,
    "model_version": st.sampled_from(["4", "", "x" * 70]) | nested,
    "environment": st.sampled_from(["prod", "test", ""]) | nested,
    "status": st.sampled_from([200, 404, 503.0, "500"]) | edges | nested,
    "propensity": st.sampled_from([0.01, 1, 0, 2]) | nested,
    "arm": st.sampled_from(["model", "baseline", "canary"]) | nested,
    "flag": st.fixed_dictionaries({"key": st.text(max_size=3)}, optional={"variant": scalars, "reason": scalars}) | nested,
    "traceparent": st.sampled_from([f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'0' * 32}-{'b' * 16}-01", "x" * 55]) | nested,
    "kind": st.sampled_from(["observed", "proxy", "flag", "deploy"]) | nested,
    "revision": st.integers(-1, 3) | edges | nested,
    "action": st.sampled_from(["review", "", "x" * 70]) | nested,
    "use": st.sampled_from(["followed", "x"]) | nested,
    "key": st.sampled_from(["fraud-on", ""]) | nested,
    "state": st.sampled_from(["on", "off", False]) | nested,
    "models": st.lists(st.text(max_size=3), max_size=2) | nested,
    "announced": st.booleans() | nested,
}
documents = st.fixed_dictionaries({}, optional=KNOWN)
ODD = [
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"9" * 400,
    b"9" * 4_400,
    b'"\\ud800"',
    b'"\\ud83d\\ude00"',
    b"\xff",
    b"",
    b"null",
    b"[[1]]",
    b"\0",
    b'"a":1,',
    b"{}",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """JSON in which one place became something that no writer of JSON writes."""
    raw = json.dumps(draw(documents)).encode()
    start = draw(st.integers(0, len(raw)))
    return raw[:start] + draw(st.sampled_from(ODD)) + raw[start + draw(st.integers(0, 5)) :]


values = st.one_of(
    mutated(),
    documents.map(lambda document: json.dumps(document).encode()),
    documents.map(lambda document: json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    nested.map(lambda document: json.dumps(document).encode()),
    st.binary(max_size=40),
    st.none(),
)
keys = st.none() | st.sampled_from([b"p-1", b'"p-1"', b"", b"\xff"])
stamps = st.sampled_from([NOON, NOON + 3, 0, -1])
batches = st.lists(st.tuples(keys, values, st.just(0), stamps), max_size=6)


@given(batches, st.sampled_from(ROLES))
@settings(max_examples=300, deadline=None)
def test_every_row_is_a_record_refused_a_tombstone_or_a_heartbeat(rows: list[Row], role: Role) -> None:
    found = role.decode(rows)

    kept = list(range(len(rows))) if found.rows is None else found.rows
    refused = [each.row for each in found.refused]
    tombstones = [i for i, row in enumerate(rows) if row[1] is None]
    heartbeats = set(range(len(rows))) - set(kept) - set(refused) - set(tombstones)
    assert len(kept) == len(found.records) == len(found.at_ms)
    assert kept == sorted(kept)
    assert refused == sorted(refused)
    assert not set(kept) & set(refused)
    assert found.tally.get(("", "tombstone"), 0) == len(tombstones)
    assert all(b"heartbeat_at_ms" in (rows[i][1] or b"") for i in heartbeats)
    assert (found.heartbeat_ms >= 0) == bool(heartbeats)
    assert all(each.reason and each.fix for each in found.refused)


def plain(found: Decoded) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = [msgspec.to_builtins(record) for record in found.records]
    return [record | {"at": at} for record, at in zip(records, found.at_ms.tolist(), strict=True)]


@given(batches, st.sampled_from(ROLES))
@settings(max_examples=150, deadline=None)
def test_records_do_not_depend_on_their_neighbours(rows: list[Row], role: Role) -> None:
    together = role.decode(rows)
    alone = [role.decode([row]) for row in rows]

    assert plain(together) == [record for found in alone for record in plain(found)]
    tally: dict[tuple[str, str], int] = {}
    for found in alone:
        for key, n in found.tally.items():
            tally[key] = tally.get(key, 0) + n
    assert together.tally == tally


class Careful:
    """A role whose strict and loose readings are taken away."""

    def __init__(self, role: Role) -> None:
        self.role = type(role)([FRAUD] if role.featured else [], "fraud")
        self.role._strict = self._fail  # there is no other way to the third reading alone
        self.role._loose = {}

    @staticmethod
    def _fail(_: bytes) -> Any:
        raise ValueError("taken away")


class Loose(Careful):
    def __init__(self, role: Role) -> None:
        super().__init__(role)
        self.role._loose = type(role)([FRAUD] if role.featured else [], "fraud")._loose


@given(documents, st.sampled_from([Predictions, Outcomes, Decisions, Complaints, Flags]))
@settings(max_examples=400, deadline=None)
def test_strict_loose_and_careful_reading_agree(document: dict[str, Any], kind: type[Role]) -> None:
    base = {"prediction_id": "p-1", "model": "fraud", "prediction": "a", "label": "a", "action": "a", "key": "k", "state": "on"}
    rows: list[Row] = [(b"p-1", json.dumps({**base, **document}).encode(), 0, NOON)]
    role = kind([FRAUD], "fraud")

    ways = [role.decode(rows), Loose(role).role.decode(rows), Careful(role).role.decode(rows)]

    assert plain(ways[0]) == plain(ways[1]) == plain(ways[2])
    assert ways[0].tally == ways[1].tally == ways[2].tally
    assert ways[0].refused == ways[1].refused == ways[2].refused
    assert np.array_equal(ways[0].latency_ms, ways[2].latency_ms, equal_nan=True)


def test_order_is_kept_when_every_second_record_is_odd() -> None:
    rows: list[Row] = [
        (b"k", json.dumps({"prediction_id": f"p-{i}", "prediction": "a", "latency_ms": -(i % 2)}).encode(), i, NOON) for i in range(100)
    ]
    found = Predictions([FRAUD], "fraud").decode(rows)

    assert [record.prediction_id for record in found.records] == [f"p-{i}" for i in range(100)]
    assert found.rows == list(range(100))


def test_a_decoder_remembers_nothing() -> None:
    role = Predictions([FRAUD], "fraud")
    rows: list[Row] = [(b"p-1", b'{"prediction":"a","segments":null,"features":{"amount":"x"}}', 0, NOON)]
    first = role.decode(rows)
    first.records[0].segments["country"] = "DE"
    first.records[0].features.f0 = 7.0

    assert plain(role.decode(rows))[0]["segments"] == {}
    assert Remarks().counters == []
