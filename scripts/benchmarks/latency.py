"""How long from an event on the broker to the finding, and to the alert that a committed reader sees?

    scripts/bench latency [--json FILE] [--seconds N] [--canaries N] [--rate N]

The installation is the default one, under half of the load that one ingest worker gets done here (measured first, unless --rate says it). Meanwhile
canaries sing: each is a model of its own that gets two dozen predictions with a field of another type, which one window is enough to tell.
The opponent is arithmetic: an event waits for the end of its window (10 s), for the lateness (5 s), and for two cuts (1 s each).
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import confluent_kafka as ck
import msgspec
from scripts.benchmarks import load, meter, paced, subject
from scripts.benchmarks.committed import Committed
from scripts.benchmarks.contenders import UP_S_MAX
from scripts.benchmarks.load import PARTITIONS
from scripts.benchmarks.patience import Invalid, wait_until
from scripts.benchmarks.program import Program, settings
from scripts.benchmarks.subject import quantile
from scripts.benchmarks.workers import Team

from anchorwatch import contract
from anchorwatch.broker import Broker
from anchorwatch.config import Settings
from anchorwatch.runtime.drive import applied_of

CAPACITY_PREDICTIONS = 200_000
RULE = b'"InputRetyped"'
UNWRITTEN_MOST = 0.02  # of the load that was to be written; more: the machine did not even write it
BEHIND_S_MOST = 3.0  # of ingest when the load ends, two of them a cut and its commit; more: this was no half load, but all that others left
Times = dict[str, float]  # canary -> s since 1970


class Ears:
    """A thread that notes when a committed reader sees the first finding and the first alert of each canary."""

    def __init__(self, kafka: dict[str, Any], prefix: str) -> None:
        own = {"group.id": f"{prefix}ears", "isolation.level": "read_committed", "fetch.wait.max.ms": 10}
        self.reader = ck.Consumer({**kafka, **own})
        self.heard: dict[str, Times] = {f"{prefix}findings": {}, f"{prefix}alerts.events": {}}
        self.reader.assign([ck.TopicPartition(topic, p, 0) for topic in self.heard for p in range(PARTITIONS)])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="ears")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.reader.close()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            message = self.reader.poll(0.1)
            if message is None or message.error() is not None:
                continue
            now_s, value, topic = time.time(), message.value(), message.topic()
            if topic is not None and value is not None and RULE in value:
                told = msgspec.json.decode(value)
                self.heard[topic].setdefault(told["model"] if "model" in told else told["labels"]["model"], now_s)


def bound_s() -> float:
    """Window, lateness, a cut of ingest and one of judge: of the default settings."""
    default = Settings()
    return (default.window + default.lateness + 2 * default.cut) / 1000


def measure(broker: Broker, folder: Path, rate: float, seconds: float, canaries: int) -> dict[str, Any]:
    kafka, prefix = dict(broker.client), "latency."
    full = 2 * rate or Team(broker, folder, CAPACITY_PREDICTIONS).run(1)["per_second"]
    print(f"  {full / 2:,.0f} predictions/s for {seconds:g} s ...", file=sys.stderr, flush=True)
    load.lay_out(kafka, prefix)
    watched = [contract.parse(paced.CONTRACT.format(model=paced.canary(number)), "canary") for number in range(canaries)]
    load.put(kafka, prefix, [load.make(1_000, time.time_ns() // 1_000_000).applied, *map(applied_of, watched)])
    with Program(settings(kafka, prefix, folder)) as program, Ears(kafka, prefix) as ears:
        wait_until("anchorwatch is up", program.is_ready, UP_S_MAX, program.log, 0.1)
        pids = {**program.stages(), "kafka": next(node.pid or 0 for node in broker.nodes)}
        before = {part: meter.cpu_s(pid) for part, pid in pids.items()}
        sung, sent = written(kafka, prefix, full / 2, seconds, canaries)
        behind_s = check_kept_up(kafka, prefix, full / 2)
        cores = {part: (meter.cpu_s(pid) - before[part]) / seconds for part, pid in pids.items()}
        wait_until("all alerts are there", lambda: all(len(n) >= canaries for n in ears.heard.values()), 90, program.log, 0.1)
    waits = {topic.removeprefix(prefix): [ears.heard[topic][name] - at for name, at in sung.items()] for topic in ears.heard}
    return {
        "seconds": {topic: {"p50": quantile(each, 0.5), "p99": quantile(each, 0.99), "max": max(each)} for topic, each in waits.items()},
        "bound_s": bound_s(),
        "p99_over_bound": quantile(waits["alerts.events"], 0.99) / bound_s(),
        "n": len(sung),
        "predictions_per_second": sent / seconds,
        "full_load_per_second": full,
        "behind_s": behind_s,
        "cores": cores,
        "each_s": waits,
        "conditions": subject.machine(),
    }


def written(kafka: dict[str, Any], prefix: str, rate: float, seconds: float, canaries: int) -> tuple[Times, int]:
    """When each canary sang, and how many predictions were written. Raises Invalid."""
    command = [sys.executable, "-m", "scripts.benchmarks.paced", kafka["bootstrap.servers"], prefix, str(rate), str(seconds), str(canaries)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or not lines or lines[-1].get("sent", 0) < rate * seconds * (1 - UNWRITTEN_MOST):
        raise Invalid(f"the load could not be written: {lines[-1:]} of {rate * seconds:.0f}; {done.stderr[-2_000:]}")
    return {paced.canary(line["canary"]): line["at_s"] for line in lines[:-1]}, lines[-1]["sent"]


def check_kept_up(kafka: dict[str, Any], prefix: str, rate: float) -> float:
    """Seconds of load that ingest has not committed. Raises Invalid where a backlog grew: what waits in it says nothing of the way."""
    committed = Committed(kafka, f"{prefix}ingest.default", [f"{prefix}predictions"], PARTITIONS)
    behind = committed.behind() / rate
    committed.close()
    if behind > BEHIND_S_MOST:
        why = "the machine is busy with others; try again at rest, or take a lower --rate"
        raise Invalid(f"ingest was {behind:.1f} s behind when the load ended: {why}")
    return behind


def told(found: dict[str, Any]) -> str:
    shares = ", ".join(f"{part} {share:.2f}" for part, share in found["cores"].items())
    lines = ["", f"{found['n']} canaries within {found['predictions_per_second']:,.0f} predictions/s and as many outcomes; cores: {shares}"]
    lines.append(f"  ingest was {found['behind_s']:.1f} s behind at the end")
    for topic, each in found["seconds"].items():
        lines.append(f"  event to {topic:<14} p50 {each['p50']:6.2f} s, p99 {each['p99']:6.2f} s, longest {each['max']:6.2f} s")
    lines.append(f"  window + lateness + two cuts: {found['bound_s']:g} s; p99 of the alerts is {found['p99_over_bound']:.3f} of it")
    return "\n".join(lines)


def main() -> int:
    parser = subject.parser("latency", __doc__, rounds=1)
    parser.add_argument("--seconds", type=float, default=80.0, metavar="N", help="of load, the first 20 without canaries (80)")
    parser.add_argument("--canaries", type=int, default=200, metavar="N", help="models that fail once (200)")
    parser.add_argument("--rate", type=float, default=0.0, metavar="N", help="predictions a second (half of what one worker gets done)")
    asked = subject.read(parser)
    return subject.on_kafka(lambda broker, folder: measure(broker, folder, asked.rate, asked.seconds, asked.canaries), told, asked.json)


if __name__ == "__main__":
    sys.exit(main())
