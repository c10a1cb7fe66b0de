"""Keys of records of every format; and a whole feed through the hop: the very counts of topics that were keyed."""

import doctest
import json
import random
from typing import Any

import pytest
from tests.sources.disguises import DISGUISES
from tests.sources.foreign.test_foreign import EVENTS, TOPICS, blocks_of
from tests.traffic import T0, contract_of

from anchorwatch.contract import to_json
from anchorwatch.events import Applied, Record, Role, Row, headed
from anchorwatch.runtime import formats
from anchorwatch.sources.foreign import of_contracts, routes
from anchorwatch.sources.foreign.routes import Router
from anchorwatch.sources.native import Complaints
from anchorwatch.stages.ingest import Ingest, IngestSettings
from anchorwatch.stages.observe import partition_of
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.rekey import Rekey, RekeySettings

PAIRS: list[tuple[str, Role]] = [(name, role) for name, disguise in DISGUISES.items() for role in disguise.write]


@pytest.mark.parametrize(("name", "role"), PAIRS)
def test_every_record_goes_under_the_id_of_its_prediction(name: str, role: Role) -> None:
    worn = DISGUISES[name]
    events = [event for event in EVENTS if event.role == role]
    rows = worn.rows(role, events)

    ways = Router(role, [worn.contract]).ways(rows)

    halves = len(rows) // len(events)
    assert [way.key for way in ways] == [event.key for event in events for _ in range(halves)]
    assert all(way.passes and abs(way.at_ms - row[3]) < 1_000 for way, row in zip(ways, rows, strict=True))


def test_the_id_of_an_event_is_documented() -> None:
    assert doctest.testmod(routes).failed == 0


def test_outcomes_of_instances_go_by_the_id_of_their_event() -> None:
    contract = contract_of(source="{predictions: {topic: k, format: kserve, keyed: false}, outcomes: {topic: o, keyed: false}}")
    row: Row = (None, b'{"prediction_id": "e-1#7", "label": "yes"}', 0, T0)

    assert [way.key for way in Router("outcomes", [contract]).ways([row])] == [b"e-1"]
    assert [way.key for way in Router("outcomes", [contract_of()]).ways([row])] == [b"e-1#7"]


def test_tickets_of_another_system_become_complaints_wherever_their_fields_stand() -> None:
    """Numbered ids, seconds, and text that nobody carries on; without keys they go by the prediction's id."""
    fields = "{prediction_id: order.id, kind: ticket.category, complained_at_ms: {path: ticket.opened, unit: s}}"
    contract = contract_of(source=f"{{complaints: {{topic: tickets, format: json, keyed: false, fields: {fields}}}}}")
    ticket = {"order": {"id": 4711}, "ticket": {"category": "wrong price", "opened": T0 // 1_000, "text": "I am angry"}}
    rows: list[Row] = [(None, json.dumps(ticket).encode(), 0, T0 + 9), (None, b'{"ticket": {}}', 1, T0)]
    translator = of_contracts("complaints", [contract])
    assert translator

    opened = translator.open(rows)
    found = Complaints((), "loan").decode(opened.rows)

    (record,) = found.records
    assert (record.prediction_id, record.kind, record.model, found.at_ms.tolist()) == ("4711", "wrong price", "loan", [T0])
    assert b"angry" not in (opened.rows[0][1] or b"")
    assert [(refused.row, refused.path, refused.reason) for refused in opened.refused] == [
        (1, "$.order.id", "is missing or null (prediction_id)")
    ]
    assert [(way.key, way.at_ms) for way in Router("complaints", [contract]).ways(rows)] == [(b"4711", T0), (None, -1)]


@pytest.mark.parametrize(("name", "role"), PAIRS)
def test_whatever_the_bytes_each_row_has_one_way(name: str, role: Role) -> None:
    worn = DISGUISES[name]
    beat = b'{"heartbeat_at_ms": %d}' % (T0 + 9)
    rows: list[Row] = [(b"a", None, 0, T0), (None, b"{", 1, T0), (None, beat, 2, T0), *worn.rows(role, EVENTS)[:2], (b"", b"\xff", 9, -1)]

    ways = Router(role, [worn.contract]).ways(rows)

    assert len(ways) == len(rows)
    assert [(way.key, way.passes) for way in ways[:3]] == [(None, True), (None, True), (None, False)]
    assert ways[2].at_ms == T0 + 9


# a whole feed: unkeyed sources, several rekey tasks that lag behind each other, two ingest tasks


def rekeyed(role: Role, contract: Any, rows: list[Row], tasks: int, rng: random.Random) -> list[Record]:
    """What tasks write that take turns at random; each reads its part in order and ends with a heartbeat."""
    into = f"rekeyed.{role}"
    stages = [Rekey(t, tasks, lambda: Router(role, [contract]), RekeySettings(role, into, 2, wall=False)) for t in range(tasks)]
    parts = [[row for i, row in enumerate(rows) if i % tasks == t] for t in range(tasks)]
    for part in parts:
        part.append((None, b'{"heartbeat_at_ms": %d}' % (T0 + 60_000), 10**6, T0))
    found: list[Record] = []
    while any(parts):
        t = rng.choice([t for t in range(tasks) if parts[t]])
        n = rng.randint(1, 80)
        stages[t].take(role, parts[t][:n], 0, None)
        parts[t] = parts[t][n:]
        found += stages[t].freeze({}).records
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["json", "kserve", "native"])
def test_unequal_topics_without_keys_give_the_very_counts_of_keyed_ones(name: str, seed: int) -> None:
    """Three tasks rekey predictions, two outcomes; the topic is at its end long before the slowest of them, and nothing is late."""
    worn, rng = DISGUISES[name], random.Random(seed)
    registry = Registry(1_000)
    registry.apply(Applied(contract=to_json(worn.contract), actor="test", at_ms=0, effective_from_ms=0))
    roles: dict[str, Role] = {f"rekeyed.{role}": role for role in TOPICS.values()}
    settings = IngestSettings(
        "default", roles, "observations", 1, "dead-letters", window_ms=1_000, lateness_ms=500, wall=False, rekeyed=frozenset(roles)
    )
    ingests = [Ingest(task, 2, registry, formats.native(), settings, {}) for task in range(2)]
    queues: list[list[tuple[str, Row]]] = [[], []]
    for role in TOPICS.values():
        native: list[Row] = [(e.key, e.value, i, e.at_ms) for i, e in enumerate(e for e in EVENTS if e.role == role)]
        rows = worn.rows(role, EVENTS) if role in worn.write else native
        for record in rekeyed(role, worn.contract, rows, 3 if role == "predictions" else 2, rng):
            at = record.partition if record.partition >= 0 else partition_of((record.key or b"").decode(), 2)
            row = headed((record.key, record.value, len(queues[at]), T0 + 10**7), record.headers)
            queues[at].append((record.topic, row))
    for ingest, queue in zip(ingests, queues, strict=True):
        for topic, row in queue:
            ingest.take(topic, [row], T0)
            ingest.tick(T0, frozenset())

    blocks, tallies = blocks_of(ingests)

    plain, told = blocks_of([straight(worn, registry)])
    assert counts(blocks) == counts(plain)
    assert tallies["outcome.joined"] == told["outcome.joined"] == len([event for event in EVENTS if event.role == "predictions"])
    assert "late_prediction" not in tallies
    assert "note.misplaced_key" not in tallies


def straight(worn: Any, registry: Registry) -> Ingest:
    """The same feed, keyed."""
    settings = IngestSettings("default", TOPICS, "observations", 1, "dead-letters", window_ms=1_000, lateness_ms=500, wall=False)
    ingest = Ingest(0, 1, registry, formats.native(), settings, {})
    for role in TOPICS.values():
        native: list[Row] = [(e.key, e.value, i, e.at_ms) for i, e in enumerate(e for e in EVENTS if e.role == role)]
        ingest.take(role, worn.rows(role, EVENTS) if role in worn.write else native, T0)
        ingest.take(role, [(None, b'{"heartbeat_at_ms": %d}' % (T0 + 60_000), 9_999, T0)], T0)
    ingest.tick(T0, frozenset())
    return ingest


def counts(blocks: list[Any]) -> dict[tuple[str, str, int], int]:
    """(count, segment, symbol) -> n over all windows and tasks."""
    import numpy as np

    total: dict[tuple[str, str, int], int] = {}
    for block in blocks:
        for name, each in block.counts.items():
            at, value = np.frombuffer(each.at, "<i4").tolist(), np.frombuffer(each.value, "<i8").tolist()
            for place, n in zip(at, value, strict=True):
                key = (name, block.segments[place // each.symbols], place % each.symbols)
                total[key] = total.get(key, 0) + n
    return total
