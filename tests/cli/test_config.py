"""`anchorwatch config show`: which settings are in force, and why."""

import json
from pathlib import Path

import pytest

from anchorwatch.cli import launch as run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SASL", "hunter2")
    text = "kafka: {bootstrap.servers: file:1, sasl.password: '${SASL}'}\nwindow: 1s\n"
    (tmp_path / "anchorwatch.yaml").write_text(text)


def test_each_value_is_shown_with_its_origin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ANCHORWATCH__LATENESS", "2s")

    assert run(["config", "show", "--changed", "--bootstrap", "flag:1"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["kafka.bootstrap.servers", "flag:1", "command", "line"],
        ["kafka.sasl.password", "***", "anchorwatch.yaml:1"],
        ["window", "1s", "anchorwatch.yaml:2"],
        ["lateness", "2s", "$ANCHORWATCH__LATENESS"],
    ]


def test_defaults_are_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show"]) == 0
    out = capsys.readouterr().out
    assert "pages_per_month" in out
    assert "hunter2" not in out


def test_a_program_reads_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "--json", "--settings", "anchorwatch.yaml"]) == 0
    rows = json.loads(capsys.readouterr().out)["settings"]
    assert {"key": "window", "value": "1s", "origin": "anchorwatch.yaml:2"} in rows


def test_wrong_settings_are_told_and_it_leaves_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("anchorwatch.yaml").write_text("windw: 1s\n")

    assert run(["config", "show"]) == 2
    assert 'windw = 1s: unknown key; did you mean "window"? (anchorwatch.yaml:1)' in capsys.readouterr().err
