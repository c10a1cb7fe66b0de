"""How much more do two ingest workers get done than one?

    scripts/bench workers [--json FILE] [--predictions N] [--rounds N]

A filled topic is read by one worker, then by two; the rate is taken between the first cut and the last one before nine tenths of it are done, so
that start and end do not count. Kafka runs on the same cores, so beside the speed-up stand two others, of CPU alone, which does not care what else
the machine does: what these cores would give if nothing but workers and Kafka ran on them, and what they would give the workers if Kafka
were elsewhere. When all is read the judge is started, and its totals must be those that were fed.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from scripts.benchmarks import load, meter, subject
from scripts.benchmarks.committed import Committed
from scripts.benchmarks.contenders import UP_S_MAX
from scripts.benchmarks.load import PARTITIONS
from scripts.benchmarks.patience import Invalid, wait_until
from scripts.benchmarks.program import Program, settings
from scripts.benchmarks.subject import Ratio
from scripts.benchmarks.totals import Totals

from anchorwatch.broker import Broker

LEAST = 1.8  # times the rate of one
DONE = 0.9  # of the load: later some partition may be at its end
EVERY_S = 0.01
PATIENCE_S = 180


class Look(NamedTuple):
    at_s: float
    events: int  # committed
    cpu_s: dict[str, float]  # by part, and "idle" of the whole machine


class Team:
    """One Kafka, a team of ingest workers for each run, each on topics of its own."""

    def __init__(self, broker: Broker, folder: Path, predictions: int) -> None:
        self.kafka, self.broker, self.folder, self.runs = dict(broker.client), broker, folder, 0
        self.load = load.make(predictions, time.time_ns() // 1_000_000)

    def run(self, workers: int) -> dict[str, Any]:
        """Rate, and cores used by whom. Raises Invalid."""
        self.runs += 1
        prefix = f"team{self.runs}."
        print(f"  {workers} {'worker' if workers == 1 else 'workers'} ...", file=sys.stderr, flush=True)
        load.lay_out(self.kafka, prefix)
        load.apply(self.kafka, prefix, self.load)
        gate = load.Gate(self.kafka, prefix, self.load)
        gate.fill()
        file = settings(self.kafka, prefix, self.folder)
        with ExitStack() as stack:
            programs = [stack.enter_context(Program(file, "ingest", f"w{n}")) for n in range(workers)]
            log = programs[0].log
            wait_until("the workers are up", lambda: _shared(programs), UP_S_MAX, log, 0.1)
            committed = Committed(self.kafka, f"{prefix}ingest.default", [f"{prefix}predictions", f"{prefix}outcomes"], PARTITIONS)
            stack.callback(committed.close)
            looks = self._watched(programs, committed, gate.open)
            self._check(file, prefix)  # the workers stay: the last windows close in the cut after the one that commits the last record
        return rates(looks, 2 * self.load.predictions)

    def _watched(self, programs: list[Program], committed: Committed, open_gate: Callable[[], None]) -> list[Look]:
        """One look for each step forward, until all is read."""
        pids = {f"worker {n}": program.stages()["ingest"] for n, program in enumerate(programs)}
        pids |= {"kafka": next(node.pid or 0 for node in self.broker.nodes), "bench": os.getpid()}
        looks: list[Look] = []

        def done() -> bool:
            events = sum(committed.now().values())
            if not looks or events > looks[-1].events:
                cpu = {part: meter.cpu_s(pid) for part, pid in pids.items()} | {"idle": meter.idle_s()}
                looks.append(Look(time.monotonic(), events, cpu))
            return events >= 2 * self.load.predictions

        done()
        open_gate()
        wait_until("all is read", done, PATIENCE_S, programs[0].log, EVERY_S)
        return looks

    def _check(self, file: Path, prefix: str) -> None:
        totals, fed = Totals(self.kafka, prefix), self.load.predictions
        with Program(file, "judge", "j") as judge:
            found = wait_until("the judge has counted all", lambda: totals.reached(fed), PATIENCE_S, lambda: judge.log() + totals.told())
        totals.close()
        if set(found.values()) != {fed}:
            raise Invalid(f"the workers counted {found} of {fed}; this run shows nothing")


def _shared(programs: list[Program]) -> bool:
    """Each has its even part of the partitions."""
    return all(program.is_ready() and program.tasks() == PARTITIONS // len(programs) for program in programs)


def rates(looks: list[Look], events: int) -> dict[str, Any]:
    """Of predictions with their outcomes, between the first step forward and the last one before DONE."""
    steady = [look for look in looks if 0 < look.events <= DONE * events]
    if len(steady) < 3:
        raise Invalid(f"{len(steady)} cuts before nine tenths were done: too few to tell a rate; take more --predictions")
    first, last = steady[0], steady[-1]
    seconds, n = last.at_s - first.at_s, (last.events - first.events) / 2
    used = {part: last.cpu_s[part] - first.cpu_s[part] for part in first.cpu_s}
    us = {"workers": sum(s for part, s in used.items() if part.startswith("worker")) / n * 1e6, "kafka": used["kafka"] / n * 1e6}
    return {
        "per_second": n / seconds,
        "seconds": seconds,
        "predictions": n,
        "cores": {part: s / seconds for part, s in used.items()},
        "us": us,
    }


def limits(one: dict[str, float], two: dict[str, float], cores: int) -> dict[str, float]:
    """Times the rate of one worker that has a core for itself. one, two: us of CPU a prediction, of the workers and of Kafka.

    >>> limits({"workers": 9.0, "kafka": 3.0}, {"workers": 9.0, "kafka": 3.0}, 2)
    {'here': 1.5, 'kafka_elsewhere': 2.0}
    """
    here = min(2.0, cores * one["workers"] / (two["workers"] + two["kafka"]))
    return {"here": here, "kafka_elsewhere": 2 * one["workers"] / two["workers"]}


def measure(team: Team, rounds: int) -> dict[str, Any]:
    runs: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers, found in runs.items():
            found.append(team.run(workers))
    rate = {workers: [run["per_second"] for run in found] for workers, found in runs.items()}
    us = {
        workers: {part: statistics.median(run["us"][part] for run in found) for part in ("workers", "kafka")}
        for workers, found in runs.items()
    }
    return {
        "ratio": Ratio.of(rate[2], rate[1])._asdict(),
        "limits": limits(us[1], us[2], os.cpu_count() or 1),
        "us_per_prediction": us,
        "predictions_per_second": {workers: statistics.median(found) for workers, found in rate.items()},
        "cores": {
            workers: {part: statistics.median(run["cores"][part] for run in found) for part in found[0]["cores"]}
            for workers, found in runs.items()
        },
        "rounds": runs,
        "conditions": subject.machine(predictions=team.load.predictions, partitions=PARTITIONS),
    }


def told(found: dict[str, Any]) -> str:
    lines = [
        "",
        f"{found['conditions']['predictions']:,} predictions and as many outcomes on a filled topic, {found['conditions']['cores']} cores",
    ]
    for workers, rate in found["predictions_per_second"].items():
        shares = ", ".join(f"{part} {share:.2f}" for part, share in found["cores"][workers].items())
        us = found["us_per_prediction"][workers]
        lines.append(f"  {workers} worker{'s' * (workers > 1)}{rate:>12,.0f} predictions/s; cores: {shares}")
        lines.append(f"  {'':<10}{us['workers']:>12.2f} us of CPU each, and {us['kafka']:.2f} of Kafka")
    lines.append(f"  two over one: {Ratio(**found['ratio']).told(least=LEAST)}")
    here, elsewhere = found["limits"]["here"], found["limits"]["kafka_elsewhere"]
    lines.append(f"  by CPU alone: {here:.3g} on these cores with Kafka among them, {elsewhere:.3g} with Kafka elsewhere")
    return "\n".join(lines)


def main() -> int:
    parser = subject.parser("workers", __doc__, rounds=3)
    parser.add_argument("--predictions", type=int, default=500_000, metavar="N", help="each with its outcome (500000)")
    arguments = subject.read(parser)

    def measured(broker: Broker, folder: Path) -> dict[str, Any]:
        return measure(Team(broker, folder, arguments.predictions), arguments.rounds)

    return subject.on_kafka(measured, told, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
