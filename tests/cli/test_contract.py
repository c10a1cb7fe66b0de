"""`anchorwatch contract check`: what a team sees before it commits a contract."""

import json
from pathlib import Path

import pytest

from anchorwatch.cli import launch as run

GOOD = "contract: 1\nmodel: fraud\ntask: binary\nowner: {team: risk}\nlabels: {classes: [pass, block]}\n"


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_good_contract_is_fine_and_its_defaults_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "fraud.yaml", GOOD.replace("block]", "block], explored: {arm: shadow, share: 0.01}"))

    assert run(["contract", "check", file]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "✓ fraud prod: fine"
    assert "    filled in    labels.positive = block: the second class" in lines
    assert lines[-1] == "    not judged   labels.explored of another arm than baseline is accepted, but not judged in this version"


def test_all_problems_of_all_files_are_told_and_it_leaves_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = write(tmp_path, "bad.yaml", GOOD.replace("binary", "binery") + "source: {outcomes: {format: seldon}}\n")
    good = write(tmp_path, "good.yaml", GOOD)

    assert run(["contract", "check", bad, good, str(tmp_path / "none.yaml")]) == 2
    told = capsys.readouterr()
    assert told.out.startswith("✓ fraud prod: fine\n")
    assert told.err.replace(f"{tmp_path}/", "").splitlines() == [
        "✗ task = binery: must be binary, multiclass or regression (bad.yaml:3)",
        ("✗ source.outcomes.format = seldon: not in this version; it reads native, json, kserve, oip, sagemaker: "
        "say with json and fields where each value stands (bad.yaml:6)"),
        "✗ cannot read contract none.yaml: No such file or directory; check its path and rights",
        "2 of 3 contracts with problems; nothing was changed",
    ]  # fmt: skip


def test_a_folder_means_its_contracts_and_one_model_has_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "a.yaml", GOOD)
    write(tmp_path, "b.yml", GOOD)

    assert run(["contract", "check", str(tmp_path)]) == 2
    told = capsys.readouterr().err.replace(f"{tmp_path}/", "")
    assert told.startswith("✗ model = fraud: is in a.yaml too, for the same environment; keep one (b.yml)\n")


def test_contracts_that_read_one_topic_in_two_ways_are_both_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "fraud.yaml", GOOD + "source: {predictions: {topic: scored, fields: {score: p}}}\n")
    write(tmp_path, "churn.yaml", GOOD.replace("model: fraud", "model: churn") + "source: {predictions: {topic: scored}}\n")

    codes = [run(["contract", "check", str(tmp_path)]), run(["apply", str(tmp_path), "--bootstrap", "nowhere:1"])]

    told = capsys.readouterr().err.splitlines()
    assert codes == [2, 2]
    assert told[0].startswith("✗ prod/churn and prod/fraud share scored and read it differently: source.predictions.fields.score (none; p)")
    assert told[1:] == told[:1], "apply says the same"


def test_an_empty_folder_is_not_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contract", "check", str(tmp_path)]) == 2
    assert "no contract there" in capsys.readouterr().err


def test_a_program_reads_the_same_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write(tmp_path, "good.yaml", GOOD)
    bad = write(tmp_path, "bad.yaml", "model: x\n")

    assert run(["contract", "check", "--json", good, bad]) == 2
    first, second = json.loads(capsys.readouterr().out)["contracts"]
    assert (first["model"], first["environment"], first["problems"]) == ("fraud", "prod", [])
    assert len(first["id"]) == 16
    assert second["id"] is None
    assert [problem.partition(":")[0] for problem in second["problems"]] == ["contract", "task", "owner.team"]


def test_a_detector_is_one_of_those_that_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "fraud.yaml", GOOD + "watches: {quality: {detectors: [adwin, adwn]}}\n")

    assert run(["contract", "check", file]) == 2
    assert 'watches.quality.detectors[1] = adwn: no such detector; did you mean "adwin"?' in capsys.readouterr().err
