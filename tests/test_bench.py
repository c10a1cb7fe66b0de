"""`scripts/bench throughput` on a small load: the figures are complete and the counts exact; how fast is for people to judge."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"app{os.pathsep}."}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.benchmarks.throughput", *arguments]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.slow
def test_a_small_run_gives_both_ratios_and_all_figures(tmp_path: Path) -> None:
    """Exit 0 says that every contender counted what was fed: predictions, joins and labels."""
    file = tmp_path / "bench.json"

    done = bench("--predictions", "4000", "--rounds", "1", "--json", str(file))

    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert set(found["ratios"]) == {"vs_bare", "vs_faust_river"}
    assert all(ratio > 0 for ratio in found["ratios"].values())
    assert {"delivery", "decode", "columns", "count", "join", "freeze", "judge"} <= found["steps_us"].keys()
    assert {"ingest", "judge", "supervisor", "bare", "faust_river"} == set(found["peak_memory_bytes"])
    assert found["waiting"]["rows"] == 1_000_000
    assert 54 < found["waiting"]["bytes_each"] < 200
    assert "vs_bare" in done.stdout


def test_a_load_too_small_to_measure_is_refused() -> None:
    done = bench("--predictions", "10")

    assert done.returncode == 2
    assert "at least 1000" in done.stderr


def test_without_a_subject_it_says_what_can_be_measured() -> None:
    done = subprocess.run(["./scripts/bench"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert "throughput" in done.stderr
