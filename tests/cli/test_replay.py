"""The command line: what backtest prints, through Kafka."""

import json
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.runtime.loans import CONTRACT, Fault, T, events, lines

from anchorwatch.cli import launch as run

APP = str(Path(__file__).parents[2] / "app")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "loans.yaml").write_text(CONTRACT)
    (tmp_path / "quiet.jsonl").write_bytes(lines(events(1_000, T - 10_000)))
    (tmp_path / "broken.jsonl").write_bytes(lines(events(2_000, T, 3, Fault(T + 5_000, renamed=True))))
    monkeypatch.setenv("PYTHONPATH", APP)
    named = [str(tmp_path / name) for name in ("broken.jsonl", "loans.yaml", "quiet.jsonl")]
    return [named[0], "--contract", named[1], "--reference", named[2], "--window", "1s", "--json"]


@pytest.mark.timeout(180)
def test_both_commands_print_the_same_findings(kafka: Kafka, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "anchorwatch.yaml"
    settings.write_text("kafka:\n" + "".join(f"  {name}: {json.dumps(value)}\n" for name, value in kafka.client.items()))
    code = run(["backtest", *files])
    here = json.loads(capsys.readouterr().out)

    again = run(["replay", *files, "--settings", str(settings)])

    there = json.loads(capsys.readouterr().out)
    assert (code, again) == (1, 1)
    assert there["findings"] == here["findings"]
    assert there["totals"] == here["totals"]


@pytest.mark.slow  # librdkafka's patience of 20 s
def test_a_kafka_that_is_away_leaves_with_3(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["replay", *files, "--bootstrap", "127.0.0.1:28989"])

    assert code == 3
    assert "is `kafka.bootstrap.servers` right and up?" in capsys.readouterr().err
