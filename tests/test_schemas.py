"""schemas/ is what the code says, in forms that others can read; a change that breaks them is told."""

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch import events
from anchorwatch.events import Row
from anchorwatch.sources.native import Complaints, Decisions, Flags, Outcomes, Predictions

ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "schemas"
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "schemas"))
breaks: Callable[[dict[str, Any], dict[str, Any]], list[str]] = SCRIPT["breaks"]
FILES = sorted(path.name for path in SCHEMAS.glob("*.schema.json"))

# the examples of the interfaces, as they stand there
PREDICTION: dict[str, Any] = json.loads(
    '{"prediction_id": "o-4711", "model": "fraud", "prediction": "block", "score": 0.87, "features": {"amount": 99.5},'
    ' "segments": {"country": "DE"}}'
)
OUTCOME: dict[str, Any] = {"prediction_id": "o-4711", "model": "fraud", "label": "pass"}
GOOD: dict[str, list[dict[str, Any]]] = {
    "prediction": [
        PREDICTION,
        {"prediction_id": "p", "model": "m", "status": 503},
        {"prediction_id": "p", "model": "m", "status": 503, "prediction": None},
        PREDICTION | {"predicted_at_ms": "2026-11-22T09:12:00Z", "latency_ms": 0, "unknown": [1], "score": None},
        PREDICTION | {"predicted_at_ms": 1_795_338_720_000, "prediction": False, "arm": "shadow", "flag": {"key": "k"}, "propensity": 1},
    ],
    "outcome": [OUTCOME, OUTCOME | {"label": 0, "revision": 2, "kind": "proxy", "known_at_ms": 0}],
    "decision": [{"prediction_id": "o-4711", "model": "fraud", "action": "review", "use": "overridden", "reason": "vip"}],
    "complaint": [{"prediction_id": "o-4711", "model": "fraud"}, {"prediction_id": "o-4711", "model": "fraud", "kind": "churn", "source": "crm"}],
    "flag-change": [{"key": "fraud-model-on", "state": "off", "actor": "j.doe", "models": ["fraud"]}],
    "heartbeat": [{"heartbeat_at_ms": 1_795_338_720_000}, {"heartbeat_at_ms": "2026-11-22T09:12:00Z"}],
    "command": [{"verb": "ack", "target": "prod/fraud/quality:f1/whole", "actor": "ann", "reason": "known", "at_ms": 1}],
}  # fmt: skip
BAD: dict[str, list[dict[str, Any]]] = {
    "prediction": [
        {"prediction_id": "p", "model": "m"},
        {"prediction_id": "p", "model": "m", "status": 200},
        PREDICTION | {"prediction_id": ""},
        PREDICTION | {"model": "No Name"},
        PREDICTION | {"score": 87},
        PREDICTION | {"propensity": 0},
        PREDICTION | {"arm": "canary"},
        PREDICTION | {"features": {"amount": {"value": 3}}},
    ],
    "outcome": [{"prediction_id": "p", "model": "m"}, OUTCOME | {"kind": "guess"}, OUTCOME | {"label": None}],
    "complaint": [{"model": "fraud", "kind": "churn"}, {"prediction_id": "p", "model": "m", "kind": ""}],
    "flag-change": [{"key": "k"}],
}  # fmt: skip


def schema_of(event: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{event}.v1.schema.json").read_text("utf-8"))
    return found


def is_valid(event: str, value: object) -> bool:
    return bool(jsonschema.Draft202012Validator(schema_of(event)).is_valid(value))


def test_what_is_committed_is_what_the_code_says() -> None:
    found = subprocess.run(
        [sys.executable, ROOT / "scripts" / "schemas", "--check"], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )

    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((SCHEMAS / name).read_text("utf-8")))


@pytest.mark.parametrize(("event", "value"), [(event, value) for event, values in GOOD.items() for value in values])
def test_good_events_are_valid(event: str, value: dict[str, Any]) -> None:
    jsonschema.validate(value, schema_of(event), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("event", "value"), [(event, value) for event, values in BAD.items() for value in values])
def test_bad_events_are_not(event: str, value: dict[str, Any]) -> None:
    assert not is_valid(event, value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 500)
    | st.floats(-1, 2)
    | st.sampled_from(["", "a", "model", "followed", "flag", "observed"])
)
ROLES = {"prediction": Predictions(), "outcome": Outcomes(), "decision": Decisions(), "complaint": Complaints(), "flag-change": Flags()}


@given(st.data(), st.sampled_from(sorted(ROLES)))
def test_whatever_the_schema_allows_the_decoder_takes_as_it_is(data: st.DataObject, event: str) -> None:
    """Nothing repaired or refused: times aside, whose meaning no schema can say."""
    base = {"prediction_id": "p", "model": "m", "prediction": "a", "label": "a", "action": "a", "key": "k", "state": "on"}
    names = [name for name in schema_of(event)["properties"] if not name.endswith("_at_ms")]
    value = {name: base[name] for name in base if name in names} | data.draw(st.dictionaries(st.sampled_from(names), scalars))
    if not is_valid(event, value):
        return
    rows: list[Row] = [(b"p", json.dumps(value).encode(), 0, 0)]

    found = ROLES[event].decode(rows)

    assert (len(found.records), found.refused) == (1, [])
    assert not [counter for _, counter in found.tally if counter.startswith("repair.")]


def test_a_field_removed_or_newly_needed_breaks_readers_or_writers() -> None:
    old = schema_of("outcome")
    without = {**old, "properties": {name: each for name, each in old["properties"].items() if name != "source"}}
    needed = {**old, "required": [*old["required"], "revision"]}
    fewer = {**old, "properties": {**old["properties"], "kind": {"enum": ["observed"]}}}
    narrower = {**old, "properties": {**old["properties"], "label": {"type": "string"}}}
    wider = {**old, "properties": {**old["properties"], "new": {"type": "string"}}}

    assert breaks(old, without) == ["$.source was removed"]
    assert breaks(old, needed) == ["$.revision is newly needed"]
    assert breaks(old, fewer) == ["$.kind may no longer be null", "$.kind may no longer be the word proxy"]
    assert breaks(old, narrower) == ["$.label may no longer be boolean, number"]
    assert breaks(old, wider) == breaks(old, old) == []


def test_asyncapi_names_every_event_and_its_files_are_there() -> None:
    api = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text("utf-8"))
    payloads = {
        name: message["payload"]["schema"]["$ref"] for name, message in api["components"]["messages"].items() if "payload" in message
    }

    assert api["asyncapi"] == "3.1.0"
    assert "isolation.level=read_committed" in api["info"]["description"]
    assert {f"./{name}" for name in FILES if ".v1." in name} == set(payloads.values())
    assert all(channel["bindings"]["kafka"]["bindingVersion"] == "0.5.0" for channel in api["channels"].values())
    for operation in api["operations"].values():
        assert operation["channel"]["$ref"].rpartition("/")[2] in api["channels"]
    for channel in api["channels"].values():
        assert {each["$ref"].rpartition("/")[2] for each in channel["messages"].values()} <= api["components"]["messages"].keys()


def test_what_judge_writes_is_valid() -> None:
    finding = events.Finding(
        "fraud", "prod", (0, 10_000), "watermark", "quality", "f1", "whole", "page", "down", 410.0, 30.0, None, 0.74, 0.61, (0.57, 0.65),
        1180, 0, "e_sr", "c", "r", "QualityDrop", "critical", "f1 fell",
    )  # fmt: skip
    summary = events.Summary("fraud", "prod", 0, "watching", ["whole"], {"f1": [None]}, {"f1": "no labels"}, {}, "risk-ml")

    for event, value in (("finding", finding), ("summary", summary)):
        jsonschema.validate(msgspec.json.decode(msgspec.json.encode(value)), schema_of(event), cls=jsonschema.Draft202012Validator)
