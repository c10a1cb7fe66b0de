"""`scripts/bench throughput` on a small load: the figures are complete and the counts exact; how fast is for people to judge.

Of the other subjects only the arithmetic: they take a Kafka and minutes each.
"""

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts.benchmarks import latency, paced, quix, rebalance, restore, segments, workers
from scripts.benchmarks.environments import version_of
from scripts.benchmarks.patience import Invalid
from scripts.benchmarks.subject import Ratio, quantile
from scripts.benchmarks.workers import Look

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"app{os.pathsep}."}
SUBJECTS = ("throughput", "quix", "workers", "segments", "latency", "restore", "rebalance")


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
    assert f"{{{','.join(SUBJECTS)}}}" in done.stderr


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_subject_has_a_front_door_of_its_name(subject: str) -> None:
    module = importlib.import_module(f"scripts.benchmarks.{subject}")

    assert callable(module.main)
    assert f"scripts/bench {subject}" in (module.__doc__ or "")


@pytest.mark.parametrize("module", ["subject", "workers"])
def test_the_examples_of_the_arithmetic_hold(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"scripts.benchmarks.{module}"))

    assert found.attempted > 0
    assert found.failed == 0


def test_a_ratio_is_of_rounds_that_were_neighbours() -> None:
    """By hand: 4/2, 9/3 and 10/10."""
    ratio = Ratio.of([4.0, 9.0, 10.0], [2.0, 3.0, 10.0])

    assert ratio == Ratio(2.0, 1.0, 3.0)
    assert ratio.told(least=3) == "2 (1 to 3); target at least 3: missed"
    assert ratio.told(most=2) == "2 (1 to 3); target at most 2: met"
    assert ratio.told() == "2 (1 to 3)"


def test_a_quantile_of_few_values_is_one_of_them() -> None:
    values = [float(n) for n in range(1, 201)]

    assert quantile(values, 0.5) == 100.0
    assert quantile(values, 0.99) == 198.0
    assert quantile(values[:20], 0.99) == 20.0


def test_a_rate_is_taken_between_cuts_before_the_end_is_near() -> None:
    """1,000 events each second; the last look, at the end, and the one before any cut do not count."""
    looks = [Look(float(s), 1_000 * s, {"worker 0": 0.5 * s, "kafka": 0.25 * s, "idle": 0.0}) for s in range(11)]

    found = workers.rates(looks, 10_000)

    assert found["seconds"] == 8.0
    assert found["per_second"] == 500.0  # predictions: half of the events
    assert found["us"] == {"workers": 1_000.0, "kafka": 500.0}
    assert found["cores"] == {"worker 0": 0.5, "kafka": 0.25, "idle": 0.0}


def test_too_few_cuts_show_nothing() -> None:
    with pytest.raises(Invalid, match="take more --predictions"):
        workers.rates([Look(0.0, 0, {}), Look(1.0, 500, {}), Look(2.0, 1_000, {})], 1_000)


def test_dark_is_the_longest_gap_that_ended_after_the_fault() -> None:
    """Partition 1 stood from 12 to 19.5; the gap of 8 s before the fault is another story."""
    steps = {0: [0.0, 8.0, 9.0, 10.0, 11.5, 12.5], 1: [10.0, 11.0, 12.0, 19.5, 20.0], 2: []}

    assert rebalance.dark_s(steps, struck_s=11.0) == 7.5


def test_the_longest_wait_is_window_lateness_and_two_cuts_of_the_default_settings() -> None:
    """README's defaults: 10 s, 5 s, 1 s."""
    assert latency.bound_s() == 17.0


def test_canaries_sing_once_each_after_the_warm_up_and_the_same_ones_every_time() -> None:
    first, again = list(paced.moments(50, 72.0)), list(paced.moments(50, 72.0))

    assert first == again
    assert [number for _, number in first] == list(range(50))
    assert all(paced.WARM_S <= at <= 72.0 for at, _ in first)


def test_the_time_of_a_restore_is_read_from_the_workers_own_log() -> None:
    log = (
        "2026-11-26 01:59:20,000 INFO    ingest.default.r control.complete topics=x records=1\n"
        "2026-11-26 01:59:20,428 INFO    ingest.default.r group.assigned group=x partitions=8\n"
        "2026-11-26 01:59:20,600 INFO    ingest.default.r task.up group=x task=0 chunks=9 next={}\n"
        "2026-11-26 01:59:22,678 INFO    ingest.default.r task.up group=x task=1 chunks=9 next={}\n"
    )

    assert restore.restoring_s(log) == pytest.approx(2.25)


def test_of_segments_the_dearest_is_held_against_the_cheapest_of_its_round() -> None:
    assert segments.ratio({"a": [1.0, 2.0], "b": [1.5, 4.0], "c": [3.0, 2.0]}) == Ratio(2.5, 2.0, 3.0)


def test_names_by_zipf_are_as_frequent_as_the_law_says() -> None:
    """Of 100 names the first is 1 / H(100) = 0.1928 of all; binomial, five deviations of 100,000 draws are 0.0063."""
    names = segments.zipf(100, 100_000)

    assert names.count("c0") / len(names) == pytest.approx(0.1928, abs=0.0063)
    assert names.count("c9") / len(names) == pytest.approx(0.01928, abs=0.0022)


def test_quix_streams_stands_in_a_lock_of_its_own_and_not_in_ours() -> None:
    ours = (ROOT / "docker" / "requirements-dev.txt").read_text()

    assert re.fullmatch(r"\d+\.\d+\.\d+", version_of("quix", "quixstreams"))
    assert "quixstreams" not in ours
    assert version_of("quix", "river") in next(line for line in ours.splitlines() if line.startswith("river=="))


def test_the_verdict_on_quix_streams_names_version_and_target() -> None:
    found = {
        "us_per_prediction": {"anchorwatch": 10.0, "quix": 90.0, "quix-decode": 15.0},
        "ratios": {"quix": Ratio(9.0, 8.0, 9.5)._asdict(), "quix-decode": Ratio(1.5, 1.4, 1.6)._asdict()},
        "conditions": {"predictions": 200_000, "predictions_quix": 40_000, "quixstreams": "3.28.1"},
    }

    assert "Quix Streams 3.28.1 with one river detector and metric per segment: 9 (8 to 9.5); target at least 3: met" in quix.told(found)
