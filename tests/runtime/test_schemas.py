"""The registry's own in-memory client and serialisers on one side, our reader on the other; and a registry that is away."""

import json
import threading
import uuid
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.examples import SMALL
from tests.runtime.installation import until

from anchorwatch.contract import parse
from anchorwatch.errors import ConfigError, EventRejected
from anchorwatch.events import Row, headed
from anchorwatch.runtime.schemas import Fetched, Registry, Unknown, fetched, of_settings
from anchorwatch.sources.foreign import Opened, Translator, of_contracts
from anchorwatch.sources.foreign.wire import HEADER, Wire
from anchorwatch.sources.native import Predictions

SCORED = {
    "type": "record", "name": "Scored", "namespace": "payments", "fields": [
        {"name": "payment_id", "type": "long"},
        {"name": "verdict", "type": {"type": "enum", "name": "Verdict", "symbols": ["pass", "block"]}},
        {"name": "p", "type": ["null", "double"], "default": None},
        {"name": "scored_at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    ],
}  # fmt: skip
READ = """source: {predictions: {topic: t, format: json, fields: {prediction_id: payment_id, prediction: verdict, score: p,
  predicted_at_ms: scored_at, features.amount: amount}}}
features: {amount: {type: number}}
"""
EVENT = {"payment_id": 4711, "verdict": "block", "p": 0.5, "scored_at": 1_800_000_000_123_000, "amount": b"'\xf6"}  # 102.30
CONTEXT = SerializationContext("t", MessageField.VALUE)


@pytest.fixture
def client() -> Any:
    return SchemaRegistryClient.new_client({"url": f"mock://{uuid.uuid4().hex}"})


def translator(registry: Registry, source: str = READ) -> Translator:
    found = of_contracts("predictions", [parse(SMALL + source, "f.yaml")], registry)
    assert found is not None
    return found


def registry_of(client: Any) -> Registry:
    return Registry(lambda ref: fetched(client, ref))


def opened(registry: Registry, *values: bytes, **headers: bytes) -> Opened:
    rows: list[Row] = [headed((b"4711", value, i, 1), list(headers.items())) for i, value in enumerate(values)]
    registry.settle(rows)
    return translator(registry).open(rows)


def events(found: Opened) -> list[dict[str, Any]]:
    assert found.refused == []
    return [json.loads(row[1] or b"") for row in found.rows]


def avro(client: Any, event: dict[str, Any], schema: dict[str, Any] = SCORED) -> bytes:
    from decimal import Decimal

    written = {**event, "amount": Decimal("102.30")} if "amount" in event else event
    raw: bytes = AvroSerializer(client, json.dumps(schema), lambda each, _: each)(written, CONTEXT)
    return raw


def test_what_the_serialiser_wrote_is_read(client: Any) -> None:
    (event,) = events(opened(registry_of(client), avro(client, EVENT)))

    assert event == {
        "prediction_id": "4711", "prediction": "block", "score": 0.5, "predicted_at_ms": 1_800_000_000_123,
        "features": {"amount": 102.3}, "model": "fraud", "environment": "prod",
    }  # fmt: skip


def test_recorded_bytes_are_read(client: Any) -> None:
    """00, id 1, long 4711, enum 1, union 1 and a double, a long, two bytes of a decimal."""
    client.register_schema("t-value", Schema(json.dumps(SCORED), "AVRO"))
    raw = bytes.fromhex("0000000001ce490202000000000000e03ff0ddddc3a8bab2060427f6")

    assert events(opened(registry_of(client), raw))[0]["features"] == {"amount": 102.3}


def test_a_header_may_carry_the_guid_or_the_id(client: Any) -> None:
    raw = avro(client, EVENT)
    guid = client.lookup_schema("t-value", Schema(json.dumps(SCORED), "AVRO")).guid
    registry = registry_of(client)

    by_guid = opened(registry, raw[5:], **{HEADER: b"\x01" + uuid.UUID(guid).bytes})
    by_id = opened(registry, raw[5:], **{HEADER: raw[:5]})

    assert events(by_guid) == events(by_id) == events(opened(registry, raw))


def test_a_schema_that_evolves_is_read_with_each_record_by_its_own(client: Any) -> None:
    newer = {**SCORED, "fields": [f for f in SCORED["fields"] if f["name"] != "p"] + [{"name": "channel", "type": "string", "default": ""}]}  # type: ignore[index]
    without = {name: value for name, value in EVENT.items() if name != "p"} | {"channel": "web"}

    old, new = events(opened(registry_of(client), avro(client, EVENT), avro(client, without, newer)))

    assert (old["score"], "score" in new, new["prediction"]) == (0.5, False, "block")


def test_schemas_that_refer_to_others_are_read(client: Any) -> None:
    client.register_schema("geo", Schema('{"type": "record", "name": "Geo", "fields": [{"name": "cc", "type": "string"}]}', "AVRO"))
    fields = '[{"name": "payment_id", "type": "string"}, {"name": "verdict", "type": "string"}, {"name": "geo", "type": "Geo"}]'
    text = f'{{"type": "record", "name": "Placed", "fields": {fields}}}'
    number = client.register_schema("placed", Schema(text, "AVRO", [SchemaReference("Geo", "geo", 1)]))
    registry = registry_of(client)
    raw = b"\0" + number.to_bytes(4, "big") + b"\x02a" + b"\x08pass" + b"\x04DE"
    rows: list[Row] = [(b"a", raw, 0, 1)]
    registry.settle(rows)

    made = translator(
        registry, "source: {predictions: {format: json, fields: {prediction: verdict, segments.cc: geo.cc}}}\nsegments: {by: [cc]}\n"
    )

    assert json.loads(made.open(rows).rows[0][1] or b"")["segments"] == {"cc": "DE"}


def test_json_with_a_schema_is_json(client: Any) -> None:
    number = client.register_schema("j", Schema('{"type": "object"}', "JSON"))
    raw = b"\0" + number.to_bytes(4, "big") + b'{"payment_id": 1, "verdict": "pass"}'

    assert events(opened(registry_of(client), raw))[0]["prediction"] == "pass"


def test_an_id_that_the_registry_does_not_know_is_refused_by_name_and_its_neighbours_are_read(client: Any) -> None:
    """C10."""
    found = opened(registry_of(client), b"\0\0\0\0\x2a\x06eu", avro(client, EVENT), b'{"payment_id": 2, "verdict": "pass"}')

    assert [(r.row, r.kind) for r in found.refused] == [(0, "schema")]
    assert "schema id 42: the registry does not know it" in found.refused[0].reason
    assert found.origin == [1, 2]


def test_a_kind_of_schema_that_nobody_here_reads_says_so(client: Any) -> None:
    number = client.register_schema("p", Schema('syntax = "proto3"; message A {}', "PROTOBUF"))
    (refused,) = opened(registry_of(client), b"\0" + number.to_bytes(4, "big") + b"\0").refused

    assert "PROTOBUF" in refused.reason


@pytest.mark.parametrize("cut", [6, 12, -1])
def test_a_payload_that_does_not_fit_is_refused(client: Any, cut: int) -> None:
    raw = avro(client, EVENT)
    found = opened(registry_of(client), raw[:cut], raw + b"\0")

    assert [refused.kind for refused in found.refused] == ["schema", "schema"]
    assert "left over" in found.refused[1].reason


SHARED = SchemaRegistryClient.new_client({"url": "mock://shared"})
GOOD = avro(SHARED, EVENT)
REGISTRY = registry_of(SHARED)
REGISTRY.settle([(None, GOOD, 0, 1)])


@given(st.binary(max_size=60), st.integers(5, len(GOOD)), st.integers(0, 8))
@settings(max_examples=300, deadline=None)
def test_whatever_the_bytes_a_row_is_read_or_refused(noise: bytes, at: int, gone: int) -> None:
    rows: list[Row] = [(b"k", GOOD[:at] + noise + GOOD[at + gone :], 0, 1), (b"k", GOOD[:5] + noise, 1, 1)]
    found = translator(REGISTRY).open(rows)
    decoded = Predictions((), "fraud").decode(found.rows)

    assert len(found.rows) + len(found.refused) == 2
    assert len(decoded.records) + len(decoded.refused) == len(found.rows)


def test_our_own_events_pass_untouched_beside_records_of_a_schema(client: Any) -> None:
    registry = registry_of(client)
    plain: Row = (b"a", b'{"prediction_id": "a", "model": "fraud", "prediction": "pass"}', 0, 1)
    made = translator(registry, "source: {predictions: {topic: t}}\n")

    assert made.open([plain]).rows[0] is plain


# a registry that is away


class Away:
    """Answers from `up` on."""

    def __init__(self) -> None:
        self.up, self.asked = threading.Event(), 0

    def fetch(self, ref: Any) -> Fetched:
        self.asked += 1
        if not self.up.is_set():
            raise ConnectionRefusedError("no registry here")
        return Fetched(lambda _: {"payment_id": 1, "verdict": "pass"})


ROW: Row = (b"1", b"\0\0\0\0\x07x", 0, 1)


def test_rows_are_held_while_the_registry_is_away_and_go_on_when_it_is_back() -> None:
    away = Away()
    registry = Registry(away.fetch)

    registry.look([ROW])
    until(lambda: registry.trouble)
    assert registry.held()
    away.up.set()
    until(lambda: not registry.held())

    assert registry.read(Wire(7, b"x")) == {"payment_id": 1, "verdict": "pass"}
    registry.close()


def test_after_patience_rows_go_on_as_dead_letters_and_the_registry_is_still_asked() -> None:
    away = Away()
    registry = Registry(away.fetch, patience=0.0)

    registry.look([ROW])
    until(lambda: registry.trouble)
    assert not registry.held()
    with pytest.raises(EventRejected, match=r"schema id 7 is not known yet.*no registry here"):
        registry.read(Wire(7, b"x"))
    away.up.set()
    until(lambda: 7 in registry.known)
    registry.close()


def test_an_unknown_id_is_asked_for_once_a_minute_at_most() -> None:
    asked: list[Any] = []

    def fetch(ref: Any) -> Fetched:
        asked.append(ref)
        raise Unknown("never heard")

    registry = Registry(fetch)
    for _ in range(3):
        registry.settle([ROW])

    assert asked == [7]
    registry.close()


def test_without_an_address_there_is_no_registry() -> None:
    assert of_settings({}) is None


def test_a_setting_that_the_client_refuses_is_the_operators() -> None:
    with pytest.raises(ConfigError, match="registry: "):
        of_settings({"url": "http://localhost:8081", "no.such.setting": "x"})
