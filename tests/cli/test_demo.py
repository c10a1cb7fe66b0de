"""`anchorwatch demo`, as a newcomer types it: without a terminal, on a real Kafka."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

QUICK_S_MAX = 280


def demo(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ANCHORWATCH_"))}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(cwd)}
    return subprocess.run(
        [sys.executable, "-m", "anchorwatch", "demo", *arguments], env=environment, cwd=cwd, capture_output=True, text=True,
        timeout=QUICK_S_MAX, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_help_is_there_without_anything_heavy(tmp_path: Path) -> None:
    done = demo("--help", cwd=tmp_path)

    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--quick", "--keep", "--json"))


def test_a_file_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = demo("--quick", "--json", "no/such/folder.json", cwd=tmp_path)

    assert done.returncode == 2
    assert "there is no folder" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_four_failures_are_heard_rightly_and_nothing_else(tmp_path: Path) -> None:
    done = demo("--quick", "--json", "told.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "told.json").read_text("utf-8"))

    assert told["ok"]
    assert not told["also_fired"]
    assert [(act["by"]["alertname"], act["by"]["segment"]) for act in told["acts"]] == [
        ("InputRenamed", "whole"),
        ("LatencyOverPromise", "region=west"),
        ("QualityDrop", "region=islands"),
        ("ModelSwitchedOff", "whole"),
    ]
    assert {act["by"]["owner"] for act in told["acts"]} == {"group:default/lending-risk"}
    assert told["client"]["dropped"] == told["client"]["failed"] == 0
    steps = {span["name"].partition(" ")[0] for span in told["trace"]["prediction"]}
    assert steps == {"predict", "send", "queue", "process"}
    trace_id = told["trace"]["prediction"][0]["trace_id"]
    assert trace_id in {link["trace_id"] for span in told["trace"]["alert"] for link in span["links"]}
    assert "\x1b[" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["told.json"]  # nothing is left behind
