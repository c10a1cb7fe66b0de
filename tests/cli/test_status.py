import json
import time
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from tests.conftest import Kafka
from tests.runtime.installation import Installation, until
from tests.runtime.test_status import summary

from anchorwatch.cli import launch as run


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.chdir(tmp_path)
    made = Installation(kafka.client, topic_prefix, tmp_path)
    made.create()
    return made


def test_without_a_run_there_is_no_word(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 1
    assert "fraud  prod  ? no word" in capsys.readouterr().out
    assert run(["status", "--quiet"]) == 1
    assert run(["status", "prod/fraud"]) == 1
    capsys.readouterr()
    assert run(["status", "frod"]) == 2
    assert 'frod: no such model; did you mean "fraud"?' in capsys.readouterr().err


def test_what_the_judge_said_before_it_stood_still_is_no_word(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """As when the ingest stage waits for a person: nothing is judged, nothing fires, and `watching` would be a lie."""
    said = summary()
    producer = Producer(there.kafka)
    for old_s, state in ((400, "? no word"), (200, "✓ watching")):
        producer.produce(f"{there.prefix}findings", msgspec.json.encode(said), timestamp=int((time.time() - old_s) * 1_000))
        producer.flush(30)
        run(["status"])
        assert f"fraud  prod  {state}" in capsys.readouterr().out


def test_what_went_in_is_what_the_status_says(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """2,000 predictions, each tenth label wrong: exact counts through both stages and the summary."""
    with there.run() as running:
        running.wait_ready()
        there.feed(0, 2_000)
        quiet = run(["status", "--quiet"])

        def model() -> dict[str, object]:
            capsys.readouterr()
            code = run(["status", "--json"])
            return {"code": code, **json.loads(capsys.readouterr().out)["models"][0]}

        found = until(lambda: told if (told := model())["labels"] == 2_000 else None, 30)
        told = run(["status"])

    assert (found["predictions"], found["quality"], found["state"]) == (2_000, 0.9, "learning")
    assert (quiet, found["code"], told) == (1, 0, 0)  # its port is 0, so a health check finds nobody
    assert "fraud  prod  ◌ learning  2,000 predictions" in capsys.readouterr().out
