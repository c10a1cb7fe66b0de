"""Every format that the product reads, seen by `init`: the disguises of tests/sources, and what model servers send beside them."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.runtime.init.topics_of_others import T
from tests.sources.disguises import DISGUISES, at, cloud_event, dumped
from tests.traffic import traffic

from anchorwatch import contract as contracts
from anchorwatch.errors import ConfigError, EventRejected
from anchorwatch.events import Headed, Role, Row, headed
from anchorwatch.runtime import init
from anchorwatch.runtime.init.opened import Side, opened
from anchorwatch.sources.foreign.wire import Wire

EVENTS = traffic(200, seed=3)
N = sum(event.role == "predictions" for event in EVENTS)
LABELLED = sum(event.role == "outcomes" for event in EVENTS)
ROLES: tuple[Role, ...] = ("predictions", "outcomes")
NOW = max(event.at_ms for event in EVENTS)


def native(role: Role, topic: str) -> Side:
    return Side(topic, tuple((e.key, e.value, i, e.at_ms) for i, e in enumerate(e for e in EVENTS if e.role == role)), 0, role)


def disguised(name: str) -> tuple[Side, Side]:
    worn = DISGUISES[name]
    rows = tuple(worn.rows("predictions", EVENTS))
    # `json` has its labels in a list: no place that anybody would guess
    theirs = tuple(worn.rows("outcomes", EVENTS)) if name == "sagemaker" else native("outcomes", "o").rows
    return Side("scored", rows, 0), Side("settled", theirs, 0, "outcomes")


@pytest.mark.parametrize("name", DISGUISES)
def test_what_init_writes_reads_every_event_of_every_format(name: str) -> None:
    made = init.write(*disguised(name), NOW, owner="t")

    assert contracts.check(made.text, "t").contract == made.contract
    assert f"Read by this contract: {N} of {N} predictions, {LABELLED} outcomes; none is refused." in made.text
    assert made.contract.source.predictions.format == {"native": "json"}.get(name, name)
    assert set(made.contract.labels.classes) == {"yes", "no"}
    assert made.times.joined == LABELLED
    assert made.times.accuracy == pytest.approx(0.9, abs=0.08), "answers and labels are those of the same events"
    if name != "sagemaker":
        assert {"amount", "age", "job"} <= set(made.contract.features)
        assert {grouping[0] for grouping in made.contract.segments.by} >= {"region", "tier"}


def test_kserves_events_need_only_what_they_do_not_say_of_themselves() -> None:
    made = init.write(*disguised("kserve"), NOW, owner="t")

    source = made.contract.source.predictions
    assert {name: place.path for name, place in source.fields.items()} == {
        "prediction": "output.label", "score": "output.p", "model": "event.inferenceservicename",
    }  # fmt: skip
    assert (made.contract.model, source.keyed) == ("loan", False)
    assert "    keyed: false                  # keys of scored are not the prediction's id" in made.text
    assert not [name for name, _ in made.proposal.missing if name in ("latency_ms", "predicted_at_ms", "traceparent")]


def served(answers: Callable[[int], Any], given: Callable[[int], Any], labels: Callable[[int], Any]) -> tuple[Side, Side]:
    """400 calls of a server behind KServe's logger, halves in turn, keyed by their id; and their labels."""
    rows: list[Row] = []
    for i in range(400):
        event = {"prediction_id": f"e-{i}"}
        halves = [
            cloud_event(event, "request", T + 1_000 * i - 20, {"instances": [given(i)]}),
            cloud_event(event, "response", T + 1_000 * i, {"predictions": [answers(i)]}),
        ]
        rows += [
            headed((f"e-{i}".encode(), value, len(rows), T + 1_000 * i), headers)
            for _, value, headers in (halves if i % 2 else halves[::-1])
        ]
    truths: Iterator[Row] = (
        (f"e-{i}".encode(), dumped({"event": f"e-{i}", "truth": labels(i), "at": at(T + 1_000 * i + 5_000)}), i, T + 1_000 * i + 5_000)
        for i in range(400)
    )
    return Side("k", tuple(rows), 0), Side("t", tuple(truths), 0, "outcomes")


def test_structured_events_are_those_of_binary_ones() -> None:
    """As a KafkaSink writes them: attributes and payload in one object."""
    mine, theirs = disguised("kserve")
    rows: list[Row] = []
    for row in mine.rows:
        assert isinstance(row, Headed)
        about = {name[3:]: (text or b"").decode() for name, text in row.headers.items() if name.startswith("ce_")}
        rows.append((row[0], dumped({**about, "data": json.loads(row[1] or b"")}), row[2], row[3]))

    made = init.write(Side("scored", tuple(rows), 0), theirs, NOW, owner="t")

    assert made.contract == init.write(mine, theirs, NOW, owner="t").contract


def test_several_instances_of_an_event_are_keyed_by_it_so_their_outcomes_are_written_anew() -> None:
    mine, _ = served(lambda _: "ok", lambda i: {"x": i}, lambda i: "ok" if i % 9 else "bad")
    doubled: list[Row] = []
    for row in mine.rows:
        assert isinstance(row, Headed)
        twice = {name: 2 * each for name, each in json.loads(row[1] or b"").items()}
        doubled.append(headed((row[0], dumped(twice), row[2], row[3]), list(row.headers.items())))
    truths = tuple(
        (f"e-{i}#{j}".encode(), dumped({"event": f"e-{i}#{j}", "truth": "ok" if i % 9 else "bad"}), i, T + 1_000 * i)
        for i in range(400)
        for j in (0, 1)
    )

    made = init.write(Side("k", tuple(doubled), 0), Side("t", truths, 0, "outcomes"), T)

    assert made.proposal.keyed[:2] == (True, False)
    assert made.times.joined == 800


class Book:
    """A registry that knows one schema, of JSON."""

    def read(self, wire: Wire) -> Any:
        if wire.schema != 7:
            raise EventRejected(f"schema id {wire.schema}: the registry does not know it", kind="schema")
        return json.loads(wire.payload)


def framed(side: Side, number: int = 7) -> tuple[Row, ...]:
    return tuple((row[0], b"\0" + number.to_bytes(4, "big") + (row[1] or b""), row[2], row[3]) for row in side.rows)


def test_records_of_a_registry_are_read_by_it() -> None:
    mine, theirs = disguised("json")

    made = init.write(Side("s", framed(mine), 0, schemas=Book()), Side("t", framed(theirs), 0, "outcomes", Book()), NOW)

    assert f"Read by this contract: {N} of {N} predictions, {LABELLED} outcomes; none is refused." in made.text


def test_records_of_a_registry_that_is_not_set_are_told_with_the_line_to_write() -> None:
    with pytest.raises(ConfigError, match=rf"holds 0 JSON records and {N} of another kind .*write registry: {{url: "):
        init.write(Side("s", framed(disguised("json")[0]), 0), None, NOW)
    with pytest.raises(ConfigError, match="the registry does not know it"):
        init.write(Side("s", framed(disguised("json")[0], 8), 0, schemas=Book()), None, NOW)


def test_any_rows_are_opened_without_an_error() -> None:
    rng = random.Random(5)
    odd: Sequence[bytes | None] = [
        None,
        b"",
        b"[]",
        b"{",
        b"\0\0\0\0\7",
        b"\xff" * 40,
        b'{"captureData": 7}',
        b'{"outputs": [1]}',
        b'{"specversion": 1}',
    ]
    for _ in range(200):
        rows = [headed((None, rng.choice(odd), i, T), [("ce_id", b"x"), ("ce_type", b"y")][: rng.randrange(3)]) for i in range(30)]
        for role in ROLES:
            found = opened(rows, role)
            assert len(found.events) + found.unread <= len(rows)
