import json
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.runtime.installation import CONTRACT, Installation

from anchorwatch.cli import launch as run


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.chdir(tmp_path)
    return Installation(kafka.client, topic_prefix, tmp_path, contract=CONTRACT + "reference: {last: 1d, lag: 1d}\n")


def test_missing_topics_are_a_fault_with_its_command_and_leave_with_1(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["doctor"])
    told = capsys.readouterr()

    assert code == 1
    assert f"✗ no such topic: {there.prefix}observations" in told.out
    assert "    fix: anchorwatch topics create" in told.out
    assert told.err == ""


def test_an_installation_in_order_leaves_with_0_as_json_too(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    there.create()

    assert run(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("nothing wrong was found\n")
    assert run(["doctor", "--json"]) == 0
    marks = {each["mark"] for each in json.loads(capsys.readouterr().out)["found"]}
    assert "fault" not in marks


def test_a_contract_of_a_file_is_looked_at_beside_those_in_force(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    there.create()
    (there.folder / "churn.yaml").write_text(
        CONTRACT.replace("model: fraud", "model: churn") + f"source: {{predictions: {{topic: {there.prefix}gone}}}}\n"
    )

    assert run(["doctor", "--contract", "churn.yaml"]) == 1
    assert f"✗ prod/churn: source topic {there.prefix}gone: unknown topic or partition" in capsys.readouterr().out


def test_the_rights_of_each_role_are_printed(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--acl"]) == 0
    assert f"--allow-principal User:ingest --operation Read --topic {there.prefix}predictions" in capsys.readouterr().out
    assert run(["doctor", "--acl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rights"].keys() >= {"ingest", "judge", "operator", "client", "doctor"}
