"""How long does a worker need to restore its state, and how much memory?

    scripts/bench restore [--json FILE] [--megabytes N] [--rounds N]

An ingest worker joins so many predictions whose labels are far away that its state is of that size, in four tasks; then it leaves. A round reads the
changelog twice: a bare consumer to its end, keeping the newest value of each key, which any restore has to do at least; then the worker, from its
assignment to the last task that is up, which checks, unpacks and indexes what it read.
"""

import json
import re
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import confluent_kafka as ck
from scripts.benchmarks import load, meter, subject
from scripts.benchmarks.committed import Committed
from scripts.benchmarks.contenders import UP_S_MAX
from scripts.benchmarks.load import PARTITIONS
from scripts.benchmarks.patience import Invalid, wait_until
from scripts.benchmarks.program import Program, settings
from scripts.benchmarks.subject import Ratio

from anchorwatch import contract
from anchorwatch.broker import Broker
from anchorwatch.runtime.drive import applied_of

ROW_BYTES = 54  # of a prediction that waits, in the changelog
FILL_S_MAX = 300
CONTRACT = """
contract: 1
model: patient
task: binary
owner: {team: "group:default/risk"}
labels: {classes: [pass, block], positive: block, delay: {typical: 10d, late: 20d, final: 30d}}
"""
STAMPED = re.compile(r"^(\S+ \S+) .* (group\.assigned|task\.up) .*", re.MULTILINE)


def fill(kafka: dict[str, Any], prefix: str, predictions: int) -> None:
    """As small as predictions are: it is their number that makes the state."""
    out = ck.Producer(
        {**kafka, "linger.ms": 50, "compression.type": "lz4", "partitioner": "murmur2_random", "log_level": 3, "batch.size": 1_000_000}
    )
    topic = f"{prefix}predictions"
    for n in range(predictions):
        name = b"w-%d" % n
        value = b'{"prediction_id": "%b", "model": "patient", "predicted_at_ms": %d, "prediction": "pass"}' % (name, time.time() * 1000)
        while True:
            try:
                out.produce(topic, value, name)
                break
            except BufferError:  # librdkafka holds 100,000
                out.poll(0.05)
        if not n % 1_000:
            out.poll(0)
    assert out.flush(120) == 0, "Kafka did not take the predictions within 120 s"


def bare(kafka: dict[str, Any], changelog: str) -> dict[str, float]:
    command = [sys.executable, "-m", "scripts.benchmarks.opponents", "changelog", kafka["bootstrap.servers"], "-", "0", changelog]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Invalid(f"the bare consumer ended with {done.returncode}: {done.stderr[-2_000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return {"seconds": found.pop("microseconds") / 1e6, **found}


def ours(file: Path) -> dict[str, float]:
    began = time.monotonic()
    with Program(file, "ingest", "r") as program:
        wait_until("the worker is up", lambda: program.is_ready() and program.tasks() == PARTITIONS, UP_S_MAX, program.log)
        ready, pid = time.monotonic() - began, program.stages()["ingest"]
        return {
            "seconds": restoring_s(program.log()),
            "ready_s": ready,
            "peak": meter.peak_bytes(pid),
            "resident": meter.resident_bytes(pid),
        }


def restoring_s(log: str) -> float:
    """From the last assignment to the last task that is up, by the stamps of the log."""
    times = {what: datetime.strptime(at, "%Y-%m-%d %H:%M:%S,%f") for at, what in STAMPED.findall(log)}  # noqa: DTZ007  # two of one clock
    return (times["task.up"] - times["group.assigned"]).total_seconds()


def measure(broker: Broker, folder: Path, megabytes: float, rounds: int) -> dict[str, Any]:
    kafka, prefix = dict(broker.client), "restore."
    predictions = int(megabytes * 1e6 / ROW_BYTES)
    load.lay_out(kafka, prefix)
    load.put(kafka, prefix, [applied_of(contract.parse(CONTRACT, "benchmark"))])
    file = settings(kafka, prefix, folder)
    empty = ours(file)["peak"]
    print(f"  {predictions:,} predictions that wait ...", file=sys.stderr, flush=True)
    with Program(file, "ingest", "r") as program:
        wait_until("the worker is up", lambda: program.is_ready() and program.tasks() == PARTITIONS, UP_S_MAX, program.log)
        committed = Committed(kafka, f"{prefix}ingest.default", [f"{prefix}predictions"], PARTITIONS)
        fill(kafka, prefix, predictions)
        wait_until("all are joined", lambda: sum(committed.now().values()) >= predictions, FILL_S_MAX, program.log, 0.2)
        committed.close()
    runs: dict[str, list[dict[str, float]]] = {"bare": [], "ours": []}
    for _ in range(rounds):
        print("  a round ...", file=sys.stderr, flush=True)
        runs["bare"].append(bare(kafka, f"{prefix}ingest.default-changelog"))
        runs["ours"].append(ours(file))
    return {
        "predictions": predictions,
        **figures(runs),
        "empty_peak": empty,
        "rounds": runs,
        "conditions": subject.machine(partitions=PARTITIONS),
    }


def figures(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Medians over the rounds; the ratio is of seconds, ours over bare."""
    middle = {name: {what: statistics.median(run[what] for run in each) for what in each[0]} for name, each in runs.items()}
    seconds = {name: [run["seconds"] for run in each] for name, each in runs.items()}
    return {**middle, "ratio": Ratio.of(seconds["ours"], seconds["bare"])._asdict()}


def told(found: dict[str, Any]) -> str:
    bare, ours = found["bare"], found["ours"]
    live = bare["live"] / 1e6
    lines = [
        "",
        f"{live:,.0f} MB of state in {bare['chunks']:,.0f} chunks, {found['predictions']:,} waiting predictions; {bare['read'] / 1e6:,.0f} MB read",
    ]
    for name, each in (("bare consumer", bare), ("anchorwatch", ours)):
        lines.append(f"  {name:<14}{each['seconds']:>8.2f} s{live / each['seconds']:>10,.0f} MB/s{each['peak'] / 1e6:>10,.0f} MB peak")
    lines.append(f"  ours over bare, seconds: {Ratio(**found['ratio']).told()}")
    lines.append(
        f"  from the start of the program until it is ready {ours['ready_s']:.1f} s; peak of an empty one {found['empty_peak'] / 1e6:,.0f} MB"
    )
    return "\n".join(lines)


def main() -> int:
    parser = subject.parser("restore", __doc__, rounds=3)
    parser.add_argument("--megabytes", type=float, default=200.0, metavar="N", help="of state (200)")
    asked = subject.read(parser)
    return subject.on_kafka(lambda broker, folder: measure(broker, folder, asked.megabytes, asked.rounds), told, asked.json)


if __name__ == "__main__":
    sys.exit(main())
