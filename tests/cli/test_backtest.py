"""The command line over files."""

import json
from pathlib import Path

import pytest
from tests.runtime.loans import CONTRACT, Fault, T, events, lines

from anchorwatch.cli import launch as run


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    paths = {name: str(tmp_path / name) for name in ("loans.yaml", "quiet.jsonl", "calm.jsonl", "broken.jsonl")}
    (tmp_path / "loans.yaml").write_text(CONTRACT)
    (tmp_path / "quiet.jsonl").write_bytes(lines(events(2_000, T - 20_000)))
    (tmp_path / "calm.jsonl").write_bytes(lines(events(1_000, T, 2)))
    (tmp_path / "broken.jsonl").write_bytes(lines(events(3_000, T, 3, Fault(T + 10_000, wrong_in="us"))))
    return paths


def test_a_quiet_file_leaves_with_0(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["backtest", files["calm.jsonl"], "--contract", files["loans.yaml"], "--reference", files["quiet.jsonl"], "--window", "1s"])

    assert code == 0
    assert "Nothing would have been heard." in capsys.readouterr().out


def test_what_is_heard_leaves_with_1_and_is_one_json_document(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        [
            "backtest",
            files["broken.jsonl"],
            "--contract",
            files["loans.yaml"],
            "--reference",
            files["quiet.jsonl"],
            "--window",
            "1s",
            "--json",
        ]
    )

    document = json.loads(capsys.readouterr().out)
    assert code == 1
    assert [(row["heard"], row["segment"]) for row in document["heard"] if row["heard"] == "page"] == [("page", "region=us")]


def test_a_file_or_a_time_but_not_both_and_not_neither(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    codes = [run(["backtest", *words, "--contract", files["loans.yaml"]]) for words in ([], [files["calm.jsonl"], "--since", "28d"])]

    assert codes == [2, 2]
    assert capsys.readouterr().err.count("one of the two") == 2


def test_the_end_is_no_time_to_begin_at(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backtest", "--since", "end", "--contract", files["loans.yaml"], "--bootstrap", "localhost:1"]) == 2
    assert "--since end: must be a time span as 28d" in capsys.readouterr().err


def test_rows_before_a_time_can_be_the_reference(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["backtest", files["broken.jsonl"], "--contract", files["loans.yaml"], "--window", "1s", "--json"]

    code = run([*command, "--reference-until", "2027-01-15T08:00:08Z"])  # T is 08:00:00

    document = json.loads(capsys.readouterr().out)
    assert code == 1
    assert document["totals"]["predictions"] == 2_200


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--reference-until", "01/09/2018"], "--reference-until 01/09/2018: must be written as"),
        (["--reference-until", "2027-01-15", "--reference", "x.csv"], "give one"),
        (["--window", "0s"], "--window 0s: must be above 0"),
        (["--window", "5"], "--window 5: write a unit"),
        (["--pages-per-month", "0"], "--pages-per-month 0: must be above 0"),
    ],
)
def test_what_makes_no_sense_leaves_with_2(files: dict[str, str], capsys: pytest.CaptureFixture[str], more: list[str], said: str) -> None:
    code = run(["backtest", files["calm.jsonl"], "--contract", files["loans.yaml"], *more])

    assert code == 2
    assert said in capsys.readouterr().err
