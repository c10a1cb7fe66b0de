"""Does an event cost more where a segment dimension has many values? Ten, a thousand, a hundred thousand of them.

    scripts/bench segments [--json FILE] [--predictions N] [--rounds N]

The load of `throughput` with so many countries, through both stages in one process: without Kafka, whose share is the same for all and would
flatter the ratio.
A reference lists at most 200 segments, those of 30 rows and more by volume; the rest is folded into `other`. A thousand values that are all
as frequent fill that list with single ones; of a hundred thousand such ones none is listed, and by Zipf's law the first are.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scripts.benchmarks import load, steps, subject
from scripts.benchmarks.load import Load
from scripts.benchmarks.subject import Ratio

REFERENCE_ROWS = 100_000
MOST = 1.5  # times the cheapest of them


def even(values: int) -> list[str]:
    return [f"c{n}" for n in range(values)]


def zipf(values: int, draws: int = 1_000_000, seed: int = 1) -> list[str]:
    """Names as often as Zipf's law has them: the n-th in proportion to 1/n."""
    weights = 1 / np.arange(1, values + 1)
    return [f"c{n}" for n in np.random.default_rng(seed).choice(values, draws, p=weights / weights.sum()).tolist()]


CASES: dict[str, Callable[[], list[str]]] = {
    "10 values": lambda: even(10),
    "1,000 values": lambda: even(1_000),
    "100,000 values": lambda: even(100_000),
    "100,000 by Zipf": lambda: zipf(100_000),
}


def us(loaded: Load) -> float:
    """CPU of both stages for a prediction with its outcome."""
    return steps.play(loaded) / loaded.predictions * 1e6


def measure(predictions: int, rounds: int) -> dict[str, Any]:
    now_ms = time.time_ns() // 1_000_000
    loads = {name: load.make(predictions, now_ms, countries=names(), reference_rows=REFERENCE_ROWS) for name, names in CASES.items()}
    for each in loads.values():
        us(each)  # the first run warms up caches and allocators
    found: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds):
        for n, each in loads.items():
            found[n].append(us(each))
    return {
        "us_per_prediction": {n: statistics.median(each) for n, each in found.items()},
        "ratio": ratio(found)._asdict(),
        "rounds": found,
        "segments": {n: len(each.applied.reference["segments"]) for n, each in loads.items() if each.applied.reference},
        "conditions": subject.machine(predictions=predictions),
    }


def ratio(rounds: dict[str, list[float]]) -> Ratio:
    """The dearest over the cheapest, round by round."""
    each = list(zip(*rounds.values(), strict=True))
    return Ratio.of([max(one) for one in each], [min(one) for one in each])


def told(found: dict[str, Any]) -> str:
    lines = ["", f"{found['conditions']['predictions']:,} predictions and as many outcomes, both stages in one process"]
    for n, each in found["us_per_prediction"].items():
        low, high = min(found["rounds"][n]), max(found["rounds"][n])
        lines.append(f"  {n:>15}, {found['segments'][n]:>3} listed segments {each:>8.2f} us each ({low:.2f} to {high:.2f})")
    return "\n".join([*lines, f"  dearest over cheapest: {Ratio(**found['ratio']).told(most=MOST)}"])


def main() -> int:
    parser = subject.parser("segments", __doc__, rounds=5)
    parser.add_argument("--predictions", type=int, default=100_000, metavar="N", help="each with its outcome (100000)")
    arguments = subject.read(parser)
    subject.finish(measure(arguments.predictions, arguments.rounds), told, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
