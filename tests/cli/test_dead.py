import json
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.conftest import Kafka
from tests.runtime.installation import Installation

from anchorwatch.cli import launch as run
from anchorwatch.sources.base import Refused, dead_letter


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Three dead letters of predictions-1, one of them with its value cut."""
    monkeypatch.chdir(tmp_path)
    made = Installation(kafka.client, topic_prefix, tmp_path)
    made.create()
    out = Producer(made.kafka)
    for i, (path, value) in enumerate((("$.score", b'{"n": 0}'), ("$.score", b'{"n": 1}'), ("$.model", b"x" * 950_000))):
        refused = Refused(0, "field", path, "is wrong", "mend it")
        record = dead_letter((b"k-%d" % i, value, 100 + i, 0), f"{topic_prefix}predictions", 1, refused, f"{topic_prefix}dead-letters")
        out.produce(record.topic, record.value, record.key, 0, headers=list(record.headers))
    assert out.flush(30) == 0
    return made


def test_reasons_are_listed_with_their_remedy_and_leave_with_1(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dead", "ls"]) == 1
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"2 × {there.prefix}predictions  field $.score: is wrong, newest 0@1",
        "    fix: mend it",
    ]
    assert run(["dead", "ls", "--kind", "schema"]) == 0
    assert run(["dead", "ls", "--json"]) == 1
    assert [each["retriable"] for each in json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))["reasons"]] == [2, 0]


def test_one_letter_is_shown_with_its_record_and_where_it_came_from(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dead", "show", "0@1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["value"], told["key"], told["origin"]) == ({"n": 1}, "k-1", f"{there.prefix}predictions 1@101")
    assert run(["dead", "show", "0@77"]) == 2


def test_retry_says_beforehand_what_it_will_do_and_then_does_it(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dead", "retry"]) == 0
    said = capsys.readouterr().out
    before = there.told("predictions")
    assert run(["dead", "retry", "--yes"]) == 0
    done = capsys.readouterr().out

    assert f"would be sent again: 2 to {there.prefix}predictions" in said
    assert "left out: 1" in said
    assert before == []
    assert f"✓ sent again: 2 to {there.prefix}predictions" in done
    assert [(told.partition, told.key, told.value) for told in there.told("predictions")] == [
        (1, b"k-0", b'{"n": 0}'),
        (1, b"k-1", b'{"n": 1}'),
    ]
    assert there.told("predictions")[0].headers == (("anchorwatch.retried.from", f"{there.prefix}predictions-1@100".encode()),)
    assert "without the headers they came with: 2" in done  # nothing ever stood at 100


def refuse(there: Installation, offset: int) -> None:
    """As ingest does of predictions-0, without a look at its headers."""
    refused = Refused(0, "field", "$.score", "is wrong", "mend it")
    record = dead_letter((b"k", b"{}", offset, 0), f"{there.prefix}predictions", 0, refused, f"{there.prefix}dead-letters")
    out = Producer(there.kafka)
    out.produce(record.topic, record.value, record.key, 1, headers=list(record.headers))
    assert out.flush(30) == 0


def test_headers_and_first_place_survive_a_second_retry(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    out = Producer(there.kafka)
    several: list[list[tuple[str, str | bytes | None]]] = [
        [("other", b"x")],
        [("traceparent", b"00-a"), ("tenant", b"eu"), ("traceparent", b"00-b")],
    ]
    for headers in several:
        out.produce(f"{there.prefix}predictions", b"{}", b"k", 0, headers=headers)
        assert out.flush(30) == 0
    refuse(there, 1)
    assert run(["dead", "retry", "1@0", "--yes"]) == 0
    [copy] = [told for told in there.told("predictions") if told.offset > 1]
    refuse(there, copy.offset)
    assert run(["dead", "retry", "1@1", "--yes"]) == 0
    assert run(["dead", "show", "1@1", "--json"]) == 0

    told = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    last = there.told("predictions")[-1]
    first = f"{there.prefix}predictions-0@1"
    assert dict(copy.headers) == dict(last.headers) == {"traceparent": b"00-b", "tenant": b"eu", "anchorwatch.retried.from": first.encode()}
    assert len(last.headers) == 3
    assert (told["origin"], told["first"]) == (f"{there.prefix}predictions 0@{copy.offset}", first)
