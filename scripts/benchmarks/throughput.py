"""How many predictions does a CPU-second buy, against a bare consumer and against stock Faust with river?

    scripts/bench throughput [--json FILE] [--predictions N] [--rounds N]

All contenders read the same rows from the same Kafka in the same run. Each is started first and left to settle; then a load that was written in
one transaction is committed, and CPU time of all its processes is taken from there to the last event dealt with. Machines are noisy:
trust the ratios, not the digits.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.benchmarks import load, meter, steps
from scripts.benchmarks.contenders import Contender, Invalid, Opponent, Ours, wait_until, wait_until_idle

from anchorwatch.broker import Broker

FIRST_PORT = 29_000
FAUST_PREDICTIONS = 10_000  # stock Faust needs 200 us for each
TARGETS = {"vs_bare": 0.3, "vs_faust_river": 20.0}
PACKAGES = ("confluent-kafka", "faust-streaming", "aiokafka", "river", "msgspec", "numpy")
SLOW_S = 1 / 500  # a prediction and its outcome at the very worst


class Bench:
    """One Kafka, many runs, each on topics of its own."""

    def __init__(self, kafka: dict[str, Any], folder: Path, predictions: int) -> None:
        self.kafka, self.folder, self.runs = kafka, folder, 0
        self.load = load.make(predictions, time.time_ns() // 1_000_000)
        small = min(predictions, FAUST_PREDICTIONS)
        self.small = self.load if small == predictions else load.make(small, time.time_ns() // 1_000_000)

    def run(self, name: str) -> dict[str, Any]:
        """One contender on the load. Raises Invalid."""
        self.runs += 1
        prefix = f"bench{self.runs}."
        fed = self.small if name == "faust" else self.load
        load.lay_out(self.kafka, prefix)
        load.apply(self.kafka, prefix, fed)
        print(f"  {name} ...", file=sys.stderr, flush=True)
        contender = self._made(name, prefix, fed.predictions)
        gate = load.Gate(self.kafka, prefix, fed, contender.codec)
        if contender.sees_committed_only:
            gate.fill()  # before it starts: with nothing to come, the clock would go on, and the load be late
        with contender:
            try:
                return self._measured(contender, gate, fed)
            except ProcessLookupError as error:
                raise Invalid(f"{name}: {error}:\n{contender.log()[-4_000:]}") from error

    def _made(self, name: str, prefix: str, predictions: int) -> Contender:
        if name == "anchorwatch":
            return Ours(self.kafka, prefix, predictions, self.folder)
        return Opponent(name, self.kafka, prefix, predictions, self.folder)

    def _measured(self, contender: Contender, gate: load.Gate, fed: load.Load) -> dict[str, Any]:
        wait_until_idle(contender)
        pids = contender.pids()
        before = {part: meter.cpu_s(pid) for part, pid in pids.items()}
        began = time.monotonic()
        if not contender.sees_committed_only:
            gate.fill()
        gate.open()
        patience = 60 + fed.predictions * SLOW_S
        counted = wait_until(f"{contender.name} saw all", contender.counted, patience, contender.log)
        used = {part: meter.cpu_s(pid) - before[part] for part, pid in pids.items()}
        if wrong := {what: n for what, n in counted.items() if n != fed.predictions}:
            raise Invalid(f"{contender.name} counted {wrong} of {fed.predictions}; this run shows nothing:\n{contender.log()[-4_000:]}")
        return {
            "us": {part: seconds / fed.predictions * 1e6 for part, seconds in used.items()},
            "wall_s": time.monotonic() - began,
            "peak_bytes": {part: meter.peak_bytes(pid) for part, pid in pids.items()},
        }


def stages_us(run: dict[str, Any]) -> float:
    """Per prediction, of what works on events; the supervisor is told apart."""
    return float(sum(us for part, us in run["us"].items() if part != "supervisor"))


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
    return {
        "predictions": bench.load.predictions,
        "predictions_faust_river": bench.small.predictions,
        "bytes": bench.load.bytes,
        "predictions_per_event_second": load.RATE,
        "partitions": load.PARTITIONS,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


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
    parser = argparse.ArgumentParser(prog="scripts/bench throughput", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--predictions", type=int, default=200_000, metavar="N", help="each with its outcome (200000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of Anchorwatch and the bare consumer, in turn (3)")
    arguments = parser.parse_args()
    if arguments.predictions < 1_000 or arguments.rounds < 1:
        parser.error("--predictions must be at least 1000, --rounds at least 1")
    with tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as folder, Broker(first_port=FIRST_PORT) as broker:
        bench = Bench(dict(broker.client), Path(folder), arguments.predictions)
        try:
            found = measure(bench, arguments.rounds)
        except Invalid as reason:
            print(f"bench: {reason}", file=sys.stderr)
            return 1
        found["conditions"] = conditions(bench)
    print(told(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
