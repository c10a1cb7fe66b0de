"""How many predictions does a CPU-second buy, against a bare consumer and against stock Faust with river?

    scripts/bench throughput [--json FILE] [--predictions N] [--rounds N]

All contenders read the same rows from the same Kafka in the same run. Each is started first and left to settle; then a load that was written in
one transaction is committed, and CPU time of all its processes is taken from there to the last event dealt with. Machines are noisy:
trust the ratios, not the digits.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

from scripts.benchmarks import load, steps, subject
from scripts.benchmarks.runs import Bench, stages_us

from anchorwatch.broker import Broker

TARGETS = {"vs_bare": 0.3, "vs_faust_river": 20.0}


def ratios_of(ours: list[float], bare: list[float], faust: float) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Medians over the rounds, and the lowest and highest."""
    each = {
        "vs_bare": [b / o for o, b in zip(ours, bare, strict=True)],  # neighbours in time: what slowed one slowed the other
        "vs_faust_river": [faust / o for o in ours],
    }
    middle = {name: statistics.median(found) for name, found in each.items()}
    return middle, {name: [min(found), max(found)] for name, found in each.items()}


def measure(bench: Bench, rounds: int) -> dict[str, Any]:
    runs: dict[str, list[dict[str, Any]]] = {"bare": [], "anchorwatch": []}
    for _ in range(rounds):
        for name, found in runs.items():
            found.append(bench.run(name))
    faust, delivery = bench.run("faust"), bench.run("delivery")
    us = {name: [stages_us(run) for run in found] for name, found in runs.items()}
    faust_us = stages_us(faust)
    ratios, spread = ratios_of(us["anchorwatch"], us["bare"], faust_us)
    middle = {name: statistics.median(found) for name, found in us.items()} | {"faust_river": faust_us}
    parts = runs["anchorwatch"][0]["us"]
    peaks = {part: max(run["peak_bytes"][part] for run in runs["anchorwatch"]) for part in parts}
    peaks |= {"bare": max(run["peak_bytes"]["bare"] for run in runs["bare"]), "faust_river": faust["peak_bytes"]["faust"]}
    return {
        "ratios": ratios,
        "spread": spread,
        "predictions_per_cpu_second": {name: 1e6 / found for name, found in middle.items()},
        "us_per_prediction": {part: statistics.median(run["us"][part] for run in runs["anchorwatch"]) for part in parts} | middle,
        "steps_us": {"delivery": stages_us(delivery), **steps.measure(bench.load)},
        "peak_memory_bytes": peaks,
        "waiting": steps.waiting(),
        "rounds": us,
        "wall_s": {name: statistics.median(run["wall_s"] for run in found) for name, found in runs.items()},
    }


def conditions(bench: Bench) -> dict[str, Any]:
    return subject.machine(
        predictions=bench.load.predictions, predictions_faust_river=bench.small.predictions, bytes=bench.load.bytes,
        predictions_per_event_second=load.RATE, partitions=load.PARTITIONS,
    )  # fmt: skip


def told(found: dict[str, Any]) -> str:
    """For people."""
    lines = ["", f"{found['conditions']['predictions']:,} predictions and as many outcomes; CPU of all processes of a contender"]
    rates = found["predictions_per_cpu_second"]
    lines += [f"  {name:<14}{rate:>12,.0f} predictions per CPU-second  {1e6 / rate:>8.2f} us each" for name, rate in rates.items()]
    for name, ratio in found["ratios"].items():
        low, high = found["spread"][name]
        verdict = "met" if ratio >= TARGETS[name] else "missed"
        lines.append(f"  {name:<14}{ratio:>12.3g} ({low:.3g} to {high:.3g}); target {TARGETS[name]:g}: {verdict}")
    lines += ["", "us per prediction and its outcome, by process"]
    lines += [f"  {part:<14}{found['us_per_prediction'][part]:>12.2f}" for part in ("ingest", "judge", "supervisor")]
    lines += ["", "us by step: delivery by our engine with an empty stage, the others in one process without Kafka"]
    lines += [f"  {step:<14}{us:>12.2f}" for step, us in found["steps_us"].items()]
    lines += ["", "peak memory"]
    lines += [f"  {part:<14}{size / 1e6:>12,.0f} MB" for part, size in found["peak_memory_bytes"].items()]
    held = found["waiting"]
    lines += ["", f"{held['rows']:,} waiting predictions: {held['bytes_each']:.0f} bytes each by the count that `join.pending.max` bounds,"]
    lines += [f"  {held['resident_bytes_each']:.0f} by the growth of the process"]
    return "\n".join(lines)


def main() -> int:
    parser = subject.parser("throughput", __doc__, rounds=3)
    parser.add_argument("--predictions", type=int, default=200_000, metavar="N", help="each with its outcome (200000)")
    arguments = subject.read(parser)

    def measured(broker: Broker, folder: Path) -> dict[str, Any]:
        bench = Bench(dict(broker.client), folder, arguments.predictions)
        return measure(bench, arguments.rounds) | {"conditions": conditions(bench)}

    return subject.on_kafka(measured, told, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
