"""`scripts/scorecard`: the quick form holds every bound within what few runs can tell, and a broken bound fails it."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"app{os.pathsep}."}


@pytest.fixture
def sheet(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("scripts.simulations.sheet")


def scorecard(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.simulations.scorecard", *arguments]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=200, check=False)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    file = tmp_path_factory.mktemp("scorecard") / "scorecard.json"
    done = scorecard("--quick", "--jobs", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    tables: list[dict[str, Any]] = json.loads(file.read_text())["tables"]
    return tables


def test_the_quick_scorecard_makes_every_table_and_no_bound_is_broken(quick: list[dict[str, Any]]) -> None:
    assert [table["number"] for table in quick] == list(range(1, 12))
    assert all(table["rows"] for table in quick)
    bounds = [b for table in quick for b in table["bounds"] if b["must"]]
    assert len(bounds) >= 20
    assert not any(b["broken"] for b in bounds)


def test_a_table_made_alone_is_the_same(quick: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "alone.json"
    done = scorecard("--quick", "--tables", "7", "--jobs", "1", "--json", str(file))

    assert done.returncode == 0, done.stderr
    assert json.loads(file.read_text())["tables"][0]["rows"] == quick[6]["rows"]


def test_a_bound_is_broken_by_its_figure_and_in_a_quick_run_by_its_whole_interval(sheet: object) -> None:
    figure, bound = sheet.Figure, sheet.Bound  # type: ignore[attr-defined]
    unsure, sure = bound("delay", figure(1.2, 0.8, 1.6, 9), 1.0), bound("delay", figure(1.2, 1.1, 1.3, 9), 1.0)

    assert [unsure.broken(quick=True), unsure.broken(quick=False)] == [False, True]
    assert [sure.broken(quick=True), sure.broken(quick=False)] == [True, True]
    assert bound("found", figure(9.0, 8.0, 9.5, 9), 10, at_least=True).broken(quick=True)
    assert bound("nothing measured", figure(float("nan"), float("nan"), float("nan"), 0), 1.0).broken(quick=True)


def test_the_interval_of_a_count_is_the_exact_one_of_poisson(sheet: object) -> None:
    """3 events: .619 to 8.767 (Garwood's table)."""
    found = sheet.rate_of(3, 1.0, 1)  # type: ignore[attr-defined]

    assert (found.low, found.high) == pytest.approx((0.6187, 8.7673), abs=1e-3)


def test_a_table_that_does_not_exist_is_refused() -> None:
    done = scorecard("--tables", "77")

    assert done.returncode == 2
    assert "77" in done.stderr


def test_the_scorecard_that_is_committed_holds_every_table_and_no_broken_bound() -> None:
    text = (ROOT / "app" / "anchorwatch" / "estimators" / "SCORECARD.md").read_text("utf-8")

    assert [int(line.split(".")[0].removeprefix("## ")) for line in text.splitlines() if line.startswith("## ")] == list(range(1, 12))
    assert "BROKEN" not in text
    assert text.count("- held: ") >= 40
