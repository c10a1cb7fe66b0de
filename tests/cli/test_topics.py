import json
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.runtime.installation import Installation

from anchorwatch.cli import launch as run


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.chdir(tmp_path)
    return Installation(kafka.client, topic_prefix, tmp_path)


def test_topics_are_missing_then_made_then_as_they_should_be(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [run(["topics", "check"]), run(["topics", "create", "--dry-run"]), run(["topics", "check", "--json"])]
    missing = len(json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))["differences"])
    codes += [run(["topics", "create"]), run(["topics", "create", "--json"]), run(["topics", "check"])]
    told = capsys.readouterr().out

    assert codes == [1, 0, 1, 0, 0, 0]
    assert missing == 14
    assert f"{there.prefix}predictions                  2 partitions  created".replace(" ", "") in told.replace(" ", "")
    assert '"result": "kept"' in told
    assert "copies of each: " in told
    assert "✓ 14 topics are as they should be" in told


def test_another_count_of_partitions_is_an_error_that_changes_nothing(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    there.create()

    assert run(["topics", "create", "--partitions", "3"]) == 2
    assert f"{there.prefix}predictions has 2 partitions, wanted 3" in capsys.readouterr().err
    assert run(["topics", "check", "--partitions", "3"]) == 1


def test_a_feed_whose_topics_are_not_there_is_told_and_the_rest_is_made(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    with (there.folder / "contracts" / "fraud.yaml").open("a") as contract:
        contract.write(f"source: {{predictions: {{topic: {there.prefix}scored}}}}\n")

    assert run(["topics", "create"]) == 2
    assert f"✗ feed {there.prefix}scored: {there.prefix}scored: no such topic" in capsys.readouterr().err


def test_the_rights_of_a_role_are_told_as_commands_without_asking_kafka(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["topics", "acl", "client", "--user", "billing"]) == 0
    commands = capsys.readouterr().out.splitlines()[1:]
    assert "kafka-acls --add --allow-principal User:billing --operation Write --topic anchorwatch.predictions" in commands
    assert run(["topics", "acl", "sailor"]) == 2
    assert "sailor: no such role; there are ingest, judge" in capsys.readouterr().err
