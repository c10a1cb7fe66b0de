"""A foreign topic through the translator, and through a whole ingest stage beside a native one."""

import json
from typing import Any

import msgspec
from tests.contract.examples import SMALL
from tests.sources.disguises import DISGUISES
from tests.traffic import T0, traffic

from anchorwatch.contract import parse, to_json
from anchorwatch.events import Applied, Block, Observation, Role, Row
from anchorwatch.runtime import formats
from anchorwatch.sources.foreign import Translator, of_contracts
from anchorwatch.stages.ingest import Ingest, IngestSettings
from anchorwatch.stages.registry import Registry

EVENTS = traffic(300, seed=4)
TOPICS: dict[str, Role] = {"predictions": "predictions", "outcomes": "outcomes"}


def translator(source: str, role: Role = "predictions") -> Translator:
    found = of_contracts(role, [parse(f"{SMALL}source: {source}", "f.yaml")])
    assert found is not None
    return found


def test_a_contract_that_says_nothing_leaves_the_fast_path_alone() -> None:
    assert of_contracts("predictions", [parse(SMALL + "source: {predictions: {topic: payments}}", "f.yaml")]) is None
    assert of_contracts("predictions", []) is None


def test_a_topic_of_two_models_has_no_model_of_its_own() -> None:
    source = "source: {predictions: {format: json, fields: {model: m, prediction: p}}}"
    two = [parse(SMALL.replace("fraud", name) + source, "f.yaml") for name in ("fraud", "churn")]

    found = [of_contracts("predictions", some) for some in (two, two[:1])]

    assert [each and (each.reading.model, each.reading.environment) for each in found] == [(None, "prod"), ("fraud", "prod")]


def test_a_refusal_names_the_record_as_it_came_and_the_path_in_it() -> None:
    made = translator("{predictions: {fields: {prediction: verdict, propensity: p.shown}}}")
    rows: list[Row] = [
        (b"a", json.dumps(document).encode(), 0, T0) for document in ({"verdict": "x", "p": {"shown": 0}}, {"verdict": "pass"})
    ]

    opened = made.open([(b"a", b"{", 0, T0), *rows])
    decoded = formats.make("predictions", [], "fraud").decode(opened.rows)

    assert [(r.row, r.path) for r in opened.refusals(decoded.refused)] == [(0, "$"), (1, "$.p.shown")]


def test_heartbeats_and_tombstones_pass_as_they_are() -> None:
    rows: list[Row] = [(b"a", b'{"heartbeat_at_ms": 5}', 0, T0), (b"a", None, 1, T0)]

    assert translator("{predictions: {format: json, fields: {prediction: p}}}").open(rows).rows == rows


def test_what_is_not_quite_json_is_counted_like_in_an_event_of_ours() -> None:
    made = translator("{predictions: {format: json, fields: {prediction: p, score: s}}}")

    opened = made.open([(b"a", b'\xef\xbb\xbf{"p": "pass", "s": NaN, "s": NaN}', 0, T0)])
    decoded = formats.make("predictions", [], "fraud").decode(opened.rows)

    assert opened.tally == {("prod/fraud", "note.bom"): 1, ("prod/fraud", "note.duplicate_key"): 1}
    assert decoded.tally["prod/fraud", "repair.not_finite:$.score"] == 1


# through the stage


def observed(disguise: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Blocks of all windows, and what was told of them; of native rows where no disguise is named."""
    worn = DISGUISES[disguise]
    contract = worn.contract
    registry = Registry(1_000)
    registry.apply(Applied(contract=to_json(contract), actor="test", at_ms=0, effective_from_ms=0))
    settings = IngestSettings("default", TOPICS, "observations", 1, "dead-letters", window_ms=1_000, lateness_ms=500, wall=False)
    ingest = Ingest(0, 1, registry, formats.native(), settings, {})
    for role in TOPICS.values():
        rows: list[Row] = [(e.key, e.value, i, e.at_ms) for i, e in enumerate(e for e in EVENTS if e.role == role)]
        ingest.take(role, worn.rows(role, EVENTS) if role in worn.write else rows, T0)
        ingest.take(role, [(None, b'{"heartbeat_at_ms": %d}' % (T0 + 60_000), 9_999, T0)], T0)
    ingest.tick(T0, frozenset())
    blocks, told = blocks_of([ingest])
    return [msgspec.to_builtins(msgspec.structs.replace(block, contract="")) for block in blocks], told


def blocks_of(ingests: list[Ingest]) -> tuple[list[Block], dict[str, int]]:
    """What the tasks observed: the blocks of all windows, and the loan model's tallies."""
    records = [record for ingest in ingests for record in ingest.freeze({}).records if record.topic == "observations"]
    found = [msgspec.msgpack.decode(record.value or b"", type=Observation) for record in records]
    told: dict[str, int] = {}
    for each in found:
        for name, n in each.tallies.get("prod/loan", {}).items():
            told[name] = told.get(name, 0) + n
    return [block for each in found for block in each.blocks], told


def test_a_disguised_stream_gives_the_very_counts_of_the_native_one() -> None:
    """Of `native` only the predictions are renamed, so its outcomes go the fast way."""
    assert observed("json") == observed("native")
    assert observed("json")[1]["outcome.joined"] == 300


def test_dead_letters_of_foreign_topics_hold_the_bytes_that_came() -> None:
    registry = Registry(1_000)
    registry.apply(Applied(contract=to_json(DISGUISES["json"].contract), actor="test", at_ms=0, effective_from_ms=0))
    settings = IngestSettings("default", TOPICS, "observations", 1, "dead-letters", window_ms=1_000, wall=False)
    ingest = Ingest(0, 1, registry, formats.native(), settings, {})
    came = b'{"app_id": 7, "after": [{"at": 1}]}'

    ingest.take("outcomes", [(b"7", came, 5, T0)], T0)
    [dead] = ingest.freeze({}).records

    assert (dead.topic, dead.key, dead.value) == ("dead-letters", b"7", came)
    assert dict(dead.headers)["anchorwatch.errors.path"] == b"$.after[0].truth"


def test_a_request_waits_for_its_response_across_a_restart() -> None:
    worn = DISGUISES["kserve"]
    registry = Registry(1_000)
    registry.apply(Applied(contract=to_json(worn.contract), actor="test", at_ms=0, effective_from_ms=0))
    settings = IngestSettings("default", TOPICS, "observations", 1, "dead-letters", window_ms=1_000, wall=False)
    request, response = worn.rows("predictions", EVENTS)[:2]
    first = Ingest(0, 1, registry, formats.native(), settings, {})

    first.take("predictions", [request], T0)
    chunks = {name: chunk for name, chunk in first.freeze({}).chunks.items() if chunk is not None}
    second = Ingest(0, 1, registry, formats.native(), settings, chunks)
    untouched = second.freeze({}).chunks  # no batch between two restarts
    third = Ingest(0, 1, registry, formats.native(), settings, {name: c for name, c in {**chunks, **untouched}.items() if c is not None})
    third.take("predictions", [response], T0)

    assert third.models["prod/loan"].waiting.n == 1
    assert third.waiting_halves() == {}
    assert third.freeze({}).chunks[b"halves#0"] is not None, "an empty one is written over the old"
