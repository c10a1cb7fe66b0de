import json
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.runtime.installation import CONTRACT, Installation, until
from tests.runtime.test_apply import rows

from anchorwatch.cli import launch as run


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.chdir(tmp_path)
    return Installation(kafka.client, topic_prefix, tmp_path)


def test_a_dry_run_with_rows_needs_no_kafka(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fraud.yaml").write_text(CONTRACT)
    code = run(["apply", str(tmp_path / "fraud.yaml"), "--reference", str(rows(tmp_path, 500)), "--dry-run", "--bootstrap", "nowhere:1"])
    told = capsys.readouterr()

    assert code == 0
    assert told.out.startswith("fraud prod   500 predictions, 500 with a label")
    assert "nothing was written" in told.err


def test_what_is_applied_reaches_both_stages_and_its_reference_is_kept(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    there.create()
    file = rows(there.folder, 1_000)
    with there.run() as running:
        running.wait_ready()
        codes = [run(["apply", "contracts", "--reference", str(file), "--reason", "first", "--actor", "ann", "--json"])]
        first = json.loads(capsys.readouterr().out)["contracts"][0]
        codes += [run(["apply", "contracts", "--json"])]
        second = json.loads(capsys.readouterr().out)["contracts"][0]
        there.feed(0, 100)
        blocks = until(lambda: [each for each in there.told("observations") if first["reference"].encode() in (each.value or b"")])
        until(lambda: [each for each in there.told_json("findings") if each["schema"] == "summary.v1" and each["state"] == "watching"])
    applied = there.told_json("contracts")

    assert codes == [0, 0]
    assert blocks
    assert second["reference"] == first["reference"]
    assert [(each["reason"], each["actor"] == "ann") for each in applied if each.get("reason")] == [("first", True)]
    assert len(applied) == 2


def test_all_problems_of_a_folder_are_told_also_of_a_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a", b"# caf\xe9"), ("b", CONTRACT.replace("binary", "binery").encode()), ("c", b"model: ")):
        (tmp_path / f"{name}.yaml").write_bytes(text)

    code = run(["apply", str(tmp_path), "--bootstrap", "nowhere:1"])

    told = capsys.readouterr().err.splitlines()
    assert code == 2
    assert "a.yaml: is not UTF-8" in told[0]
    assert any("binery" in line for line in told)
    assert {line[0] for line in told} == {"✗"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing.yaml"], "cannot read contract nothing.yaml"),
        (["contracts", "contracts"], "is there twice"),
        (["contracts/fraud.yaml", "--reference", "none.csv"], "No such file"),
        (["contracts/fraud.yaml", "--effective-from", "01/09/2026"], "--effective-from 01/09/2026"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    there: Installation, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there.create()

    assert run(["apply", *words]) == 2
    assert told in capsys.readouterr().err
    assert there.told("contracts") == []
