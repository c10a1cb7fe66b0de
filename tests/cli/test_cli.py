"""How commands are found and what they leave with; each command has a test of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anchorwatch import __version__, cli


def test_every_command_file_says_in_one_line_what_it_is_for() -> None:
    assert all(cli.summary(name).endswith(".") for name in cli.names())


def test_the_version_is_printed_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.launch(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_an_unknown_command_is_a_usage_error() -> None:
    assert cli.launch(["sail"]) == 2


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.launch(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in cli.names())


def test_help_imports_no_command() -> None:
    code = "import sys; from anchorwatch import cli; cli.launch(['--help']); print(*[m for m in sys.modules if m.startswith('anchorwatch.cli.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "app"}, check=True)

    assert not done.stdout.splitlines()[-1].strip()


def test_a_problem_of_the_operator_is_one_message_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "anchorwatch.yaml"
    settings.write_text("kafka: {bootstrap.servers: here:1}\nwindw: 10s\ngrase: 1s\n")

    code = cli.launch(["config", "show", "--settings", str(settings)])

    assert code == 2
    told = capsys.readouterr().err
    assert [line[:7] for line in told.splitlines()] == ["✗ windw", "✗ grase"], "each problem has its mark"
    assert "Traceback" not in told


def test_a_fault_of_ours_leaves_with_70_and_without_a_stack(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: str | None) -> None:
        raise RuntimeError("the mast broke")

    monkeypatch.setattr(cli, "build", broken)

    assert cli.launch(["status"]) == 70
    told = capsys.readouterr().err
    assert "the mast broke" in told
    assert "Traceback" not in told
