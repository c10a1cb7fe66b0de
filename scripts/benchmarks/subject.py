"""What the subjects of scripts/bench share: options, a Kafka, the machine, how a ratio is told, the file of figures."""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from scripts.benchmarks.patience import Invalid

from anchorwatch.broker import Broker

FIRST_PORT = 29_000
PACKAGES = ("confluent-kafka", "faust-streaming", "aiokafka", "river", "msgspec", "numpy")


class Ratio(NamedTuple):
    """Of rounds that were neighbours in time: what slowed one slowed the other."""

    middle: float  # median
    low: float
    high: float

    @classmethod
    def of(cls, over: Sequence[float], under: Sequence[float]) -> "Ratio":
        each = [a / b for a, b in zip(over, under, strict=True)]
        return cls(statistics.median(each), min(each), max(each))

    def told(self, least: float = 0.0, most: float = 0.0) -> str:
        """With one of both as target, whether it is met."""
        text = f"{self.middle:.3g} ({self.low:.3g} to {self.high:.3g})"
        if least:
            return f"{text}; target at least {least:g}: {'met' if self.middle >= least else 'missed'}"
        return f"{text}; target at most {most:g}: {'met' if self.middle <= most else 'missed'}" if most else text


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many are not above: of few values, p99 is the largest.

    >>> quantile([3.0, 1.0, 2.0], 0.5), quantile([3.0, 1.0, 2.0], 0.99)
    (2.0, 3.0)
    """
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def parser(subject: str, doc: str | None, rounds: int) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=f"scripts/bench {subject}", description=(doc or "").partition("\n")[0])
    made.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    made.add_argument("--rounds", type=int, default=rounds, metavar="N", help=f"of all contenders, in turn ({rounds})")
    return made


def read(made: argparse.ArgumentParser) -> argparse.Namespace:
    arguments = made.parse_args()
    if arguments.rounds < 1 or getattr(arguments, "predictions", 1_000) < 1_000:
        made.error("--predictions must be at least 1000, --rounds at least 1")
    return arguments


def machine(**more: Any) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        **more,
    }


def on_kafka(measure: Callable[[Broker, Path], dict[str, Any]], told: Callable[[dict[str, Any]], str], file: Path | None) -> int:
    """The exit code: 1 when the run shows nothing."""
    with tempfile.TemporaryDirectory(prefix="anchorwatch-bench-") as folder, Broker(first_port=FIRST_PORT) as broker:
        try:
            found = measure(broker, Path(folder))
        except Invalid as reason:
            print(f"bench: {reason}", file=sys.stderr)
            return 1
    finish(found, told, file)
    return 0


def finish(found: dict[str, Any], told: Callable[[dict[str, Any]], str], file: Path | None) -> None:
    print(told(found))
    if file:
        file.write_text(json.dumps(found, indent=2) + "\n")
