"""Outcomes, decisions, complaints and flag changes, batch by batch; predictions and what all have in common stand in tests/sources/test_native.py."""

import json
from typing import Any

from anchorwatch.events import Row
from anchorwatch.sources.base import Decoded, Shape
from anchorwatch.sources.native import Complaints, Decisions, Flags, Outcomes

NOON = 1_795_338_720_000  # 2026-11-22T09:12:00Z
FRAUD = Shape("fraud", {"amount": "number"})
CHURN = Shape("churn", {"age": "number"})


def row(value: dict[str, Any], key: bytes | None = b"p-1", stamp: int = NOON) -> Row:
    return key, json.dumps(value).encode(), 0, stamp


def counters(found: Decoded, owner: str = "prod/fraud") -> dict[str, int]:
    return {counter: n for (name, counter), n in found.tally.items() if name == owner}


def outcome(**more: Any) -> dict[str, Any]:
    return {"prediction_id": "p-1", "model": "fraud", "label": "pass", **more}


def test_an_outcome_has_its_defaults_and_its_time() -> None:
    rows = [row(outcome()), row(outcome(known_at_ms="2026-11-22T09:11:00Z", revision=2, kind="proxy", source="clicks", environment="test"))]
    found = Outcomes([FRAUD, CHURN]).decode(rows)

    first, second = found.records
    assert (first.model, first.label, first.revision, first.kind, first.source, first.environment) == (
        "fraud",
        "pass",
        0,
        "observed",
        "",
        "prod",
    )
    assert (second.revision, second.kind, second.source, second.environment) == (2, "proxy", "clicks", "test")
    assert found.at_ms.tolist() == [NOON, NOON - 60_000]
    assert len(found.latency_ms) == 0


def test_an_outcome_without_label_or_of_another_kind_is_refused() -> None:
    rows = [
        row({"prediction_id": "p-1", "model": "fraud"}),
        row(outcome(label=None)),
        row(outcome(kind="guess")),
        row(outcome(revision=-1)),
    ]
    found = Outcomes([FRAUD]).decode(rows)

    assert [refused.path for refused in found.refused] == ["$.label", "$.label", "$.kind"]
    assert (found.records[0].revision, counters(found)) == (0, {"note.retyped:$.revision": 1})


def test_outcomes_of_unknown_models_are_decoded_too() -> None:
    (record,) = Outcomes([FRAUD]).decode([row(outcome(model="nobody"))]).records

    assert record.model == "nobody"


def test_a_decision_needs_an_action_and_knows_three_uses() -> None:
    base = {"prediction_id": "p-1", "model": "fraud"}
    rows = [
        row({**base, "action": "review", "use": "overridden", "reason": "vip"}),
        row(base),
        row({**base, "action": "a", "use": "maybe"}),
    ]
    found = Decisions([FRAUD]).decode(rows)

    (record,) = found.records
    assert (record.action, record.use, record.reason, record.actor, record.recommended) == ("review", "overridden", "vip", "", None)
    assert [refused.path for refused in found.refused] == ["$.action", "$.use"]


def test_a_complaint_needs_no_more_than_the_prediction_that_it_is_about() -> None:
    base = {"prediction_id": "p-1", "model": "fraud"}
    texts: list[dict[str, Any]] = [
        base,
        {**base, "kind": "churn", "actor": "customer", "source": "crm"},
        {**base, "kind": 4853},
        {**base, "kind": {"text": "no"}},
    ]
    found = Complaints([FRAUD]).decode(
        [row(each) for each in texts] + [row({"model": "fraud", "kind": "x"}, key=None), row({**base, "model": "NO"})]
    )

    assert [(each.kind, each.actor, each.source) for each in found.records[:2]] == [("complaint", "", ""), ("churn", "customer", "crm")]
    assert [each.kind for each in found.records[2:]] == ["4853", "complaint"]
    assert counters(found) == {"note.retyped:$.kind": 2}
    assert [(refused.row, refused.path) for refused in found.refused] == [(4, "$.prediction_id"), (5, "$.model")]


def test_a_flag_change_is_keyed_by_environment_and_key() -> None:
    value = {"key": "fraud-model-on", "state": "off", "changed_at_ms": NOON - 5, "actor": "j.doe"}
    found = Flags().decode(
        [row(value, key=b"prod/fraud-model-on"), row(value, key=b"fraud-model-on"), row({"key": "k"}), row({**value, "state": False})]
    )

    first = found.records[0]
    assert (first.key, first.state, first.kind, first.models, first.announced, first.environment) == (
        "fraud-model-on",
        "off",
        "flag",
        None,
        False,
        "prod",
    )
    assert found.at_ms.tolist() == [NOON - 5] * 3
    assert found.records[2].state == "off"
    assert [refused.path for refused in found.refused] == ["$.state"]
    assert counters(found, "") == {"note.misplaced_key": 2, "note.retyped:$.state": 1}
