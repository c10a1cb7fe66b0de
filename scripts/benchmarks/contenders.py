"""Who is measured: how each is started on a prefix of its own, when it is up, and when it has dealt with the whole load."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol, Self

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient
from scripts.benchmarks import meter
from scripts.benchmarks.patience import Invalid, wait_until
from scripts.benchmarks.program import Program, settings
from scripts.benchmarks.totals import Totals

from anchorwatch.engine.settings import FETCHING

UP_S_MAX = 90.0
QUIET_S, QUIET_SHARE = 0.6, 0.12  # up and idle: less than this share of a core for so long


class Contender(Protocol):
    name: str
    codec: str  # of the load
    sees_committed_only: bool

    def pids(self) -> dict[str, int]:
        """Process ids by part."""

    def is_up(self) -> bool: ...

    def counted(self) -> dict[str, int] | None:
        """Totals, once the whole load has been dealt with."""

    def log(self) -> str: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def wait_until_idle(contender: Contender) -> None:
    """Up, and start-up work over: what is measured from now on is the load's."""
    wait_until(f"{contender.name} is up", contender.is_up, UP_S_MAX, contender.log, 0.1)

    def idle() -> bool:
        pids = list(contender.pids().values())
        before = sum(map(meter.cpu_s, pids))
        time.sleep(QUIET_S)
        return sum(map(meter.cpu_s, pids)) - before < QUIET_S * QUIET_SHARE

    wait_until(f"{contender.name} is idle", idle, UP_S_MAX, contender.log)


class Opponent:
    """One process of opponents.py, or with a `python` of its own of opponents_quix.py."""

    def __init__(self, name: str, kafka: dict[str, Any], prefix: str, predictions: int, folder: Path, python: Path | None = None) -> None:
        self.name, self.kafka, self.prefix, self.predictions, self.python = name, kafka, prefix, predictions, python
        self.codec = "none" if name == "faust" else "lz4"  # aiokafka as it is installed has no lz4; no codec is the cheapest
        self.sees_committed_only = name != "faust"
        self.group = prefix + {"delivery": "ingest.default"}.get(name, name)
        self.file = folder / f"{prefix}log"

    def __enter__(self) -> Self:
        bootstrap = self.kafka["bootstrap.servers"]
        if self.python is None:
            how = [sys.executable, "-m", "scripts.benchmarks.opponents", self.name, bootstrap]
        else:
            settings = {"bootstrap.servers": bootstrap, **FETCHING}
            how = [str(self.python), "-m", "scripts.benchmarks.opponents_quix", self.name, json.dumps(settings)]
        with self.file.open("wb") as out:
            command = [*how, self.prefix, str(self.predictions)]
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.admin = AdminClient({**self.kafka, "log_level": 3})
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # it keeps nothing
        self.process.wait()

    def pids(self) -> dict[str, int]:
        return {self.name: self.process.pid}

    def is_up(self) -> bool:
        """Its group has settled."""
        if self.process.poll() is not None:
            raise Invalid(f"{self.name} ended with {self.process.returncode}:\n{self.log()[-4_000:]}")
        try:
            found = self.admin.list_groups(self.group, timeout=5)
        except ck.KafkaException:
            return False
        return any(known.state == "Stable" for known in found)

    def counted(self) -> dict[str, int] | None:
        for line in self.log().splitlines():
            if line.startswith("{"):
                told: dict[str, int] = json.loads(line)
                return told
        return None

    def log(self) -> str:
        return self.file.read_text(errors="replace")


class Ours:
    """`anchorwatch run`: supervisor, ingest and judge as an operator runs them, contract and reference from the topic `contracts`."""

    name, codec, sees_committed_only = "anchorwatch", "lz4", True

    def __init__(self, kafka: dict[str, Any], prefix: str, predictions: int, folder: Path) -> None:
        self.predictions = predictions
        self.program = Program(settings(kafka, prefix, folder))
        self.totals = Totals(kafka, prefix)

    def __enter__(self) -> Self:
        self.program.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.totals.close()
        self.program.end()

    def is_up(self) -> bool:
        return self.program.is_ready()

    def pids(self) -> dict[str, int]:
        return {**self.program.stages(), "supervisor": self.program.process.pid}

    def counted(self) -> dict[str, int] | None:
        return self.totals.reached(self.predictions)

    def log(self) -> str:
        return f"{self.program.log()}\n{self.totals.told()}"
