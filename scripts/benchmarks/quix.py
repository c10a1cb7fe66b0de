"""How much less CPU than Quix Streams with the same river work?

    scripts/bench quix [--json FILE] [--predictions N] [--rounds N]

Quix Streams runs in an environment of its own, made at the first run, and as quick as it can be (opponents_quix.py says how), once with the
river work and once decoding alone. Measured as `throughput` is: what it does to an event is less than what all our watches do.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

from scripts.benchmarks import environments, subject
from scripts.benchmarks.runs import Bench, stages_us
from scripts.benchmarks.subject import Ratio

from anchorwatch.broker import Broker

CONTENDERS = ("anchorwatch", "quix", "quix-decode")
LEAST = 3.0  # times our rate
SMALL = 40_000  # predictions for Quix Streams: some four seconds
LINES = {"quix": "with one river detector and metric per segment", "quix-decode": "that only decodes"}


def measure(bench: Bench, rounds: int) -> dict[str, Any]:
    us: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, found in us.items():
            found.append(stages_us(bench.run(name)))
    return {
        "ratios": {name: Ratio.of(us[name], us["anchorwatch"])._asdict() for name in LINES},
        "us_per_prediction": {name: statistics.median(found) for name, found in us.items()},
        "rounds": us,
        "conditions": subject.machine(
            quixstreams=environments.version_of("quix", "quixstreams"), predictions=bench.load.predictions,
            predictions_quix=bench.small.predictions, bytes=bench.load.bytes,
        ),
    }  # fmt: skip


def told(found: dict[str, Any]) -> str:
    n = found["conditions"]["predictions"]
    lines = [
        "",
        f"{n:,} predictions and as many outcomes ({found['conditions']['predictions_quix']:,} for Quix Streams); CPU of a contender",
    ]
    lines += [f"  {name:<14}{us:>10.2f} us each" for name, us in found["us_per_prediction"].items()]
    version = found["conditions"]["quixstreams"]
    for name, what in LINES.items():
        ratio = Ratio(**found["ratios"][name])
        lines.append(f"  our rate against Quix Streams {version} {what}: {ratio.told(LEAST if name == 'quix' else 0)}")
    return "\n".join(lines)


def main() -> int:
    parser = subject.parser("quix", __doc__, rounds=3)
    parser.add_argument("--predictions", type=int, default=200_000, metavar="N", help="each with its outcome (200000)")
    arguments = subject.read(parser)

    def measured(broker: Broker, folder: Path) -> dict[str, Any]:
        return measure(Bench(dict(broker.client), folder, arguments.predictions, SMALL), arguments.rounds)

    return subject.on_kafka(measured, told, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
