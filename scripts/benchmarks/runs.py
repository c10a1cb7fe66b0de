"""One Kafka and many runs on it: a contender is started and settles, the load is committed, CPU and time go to the last event dealt with."""

import sys
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks import environments, load, meter
from scripts.benchmarks.contenders import Contender, Opponent, Ours, wait_until_idle
from scripts.benchmarks.patience import Invalid, wait_until

QUIX = ("quix", "quix-decode")
SLOW = ("faust", "quix", "quix-decode")  # 60 to 300 us for each prediction
SMALL = 10_000  # predictions for them, as a rule
SLOW_S = 1 / 500  # a prediction and its outcome at the very worst


class Bench:
    """One Kafka, many runs, each on topics of its own."""

    def __init__(self, kafka: dict[str, Any], folder: Path, predictions: int, small: int = SMALL) -> None:
        self.kafka, self.folder, self.runs = kafka, folder, 0
        self.load = load.make(predictions, time.time_ns() // 1_000_000)
        small = min(predictions, small)
        self.small = self.load if small == predictions else load.make(small, time.time_ns() // 1_000_000)

    def run(self, name: str) -> dict[str, Any]:
        """One contender on the load. Raises Invalid."""
        self.runs += 1
        prefix = f"bench{self.runs}."
        fed = self.small if name in SLOW else self.load
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
        python = environments.python_of("quix") if name in QUIX else None
        return Opponent(name, self.kafka, prefix, predictions, self.folder, python)

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
