"""Who is measured: how each is started on a prefix of its own, when it is up, and when it has dealt with the whole load."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import confluent_kafka as ck
import msgspec
from confluent_kafka.admin import AdminClient
from scripts.benchmarks import meter
from scripts.benchmarks.load import PARTITIONS

from anchorwatch.events import Summary

UP_S_MAX = 90.0
QUIET_S, QUIET_SHARE = 0.6, 0.12  # up and idle: less than this share of a core for so long
SUMMARIES = msgspec.json.Decoder(Summary)


class Invalid(Exception):
    """The run shows nothing: what was counted is not what was fed, or somebody ended."""


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


def wait_until(what: str, done: Callable[[], Any], seconds: float, log: Callable[[], str], every: float = 0.02) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := done()):
        if time.monotonic() > deadline:
            raise Invalid(f"{what}: not within {seconds:g} s; is the machine overloaded? What was printed:\n{log()[-4_000:]}")
        time.sleep(every)
    return found


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
    """One process of opponents.py."""

    def __init__(self, name: str, kafka: dict[str, Any], prefix: str, predictions: int, folder: Path) -> None:
        self.name, self.kafka, self.prefix, self.predictions = name, kafka, prefix, predictions
        self.codec = "none" if name == "faust" else "lz4"  # aiokafka as it is installed has no lz4; no codec is the cheapest
        self.sees_committed_only = name != "faust"
        self.group = prefix + {"bare": "bare", "faust": "faust", "delivery": "ingest.default"}[name]
        self.file = folder / f"{prefix}log"

    def __enter__(self) -> Self:
        bootstrap = self.kafka["bootstrap.servers"]
        command = [sys.executable, "-m", "scripts.benchmarks.opponents", self.name, bootstrap, self.prefix, str(self.predictions)]
        with self.file.open("wb") as out:
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
        self.kafka, self.prefix, self.predictions, self.folder = kafka, prefix, predictions, folder
        self.file = folder / f"{prefix}log"
        self.totals = {"predictions": 0, "labelled": 0, "joined": 0}
        self.tallies: Counter[str] = Counter()  # of all summaries: tells why totals differ
        self.found: dict[str, int] = {}
        self.port = 0

    def __enter__(self) -> Self:
        (self.folder / "contracts").mkdir(exist_ok=True)
        settings = {
            "kafka": {"bootstrap.servers": self.kafka["bootstrap.servers"]},
            "topics": {
                "prefix": self.prefix, "partitions": PARTITIONS, "partitions_observations": PARTITIONS, "partitions_others": PARTITIONS,
                "replication": 1,
            },
            "contracts": str(self.folder / "contracts"),
            "run": {"port": 0},
            "fallback_owner": "group:default/bench",
        }  # fmt: skip
        path = self.folder / f"{self.prefix}yaml"
        path.write_text(json.dumps(settings))  # JSON is YAML
        with self.file.open("wb") as out:
            command = [sys.executable, "-m", "anchorwatch", "run", "--settings", str(path)]
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        own = {"group.id": f"{self.prefix}bench", "isolation.level": "read_committed", "fetch.wait.max.ms": 50}
        self.reader = ck.Consumer({**self.kafka, **own})
        self.reader.assign([ck.TopicPartition(f"{self.prefix}findings", p, 0) for p in range(PARTITIONS)])
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its stages leave when it does
            self.process.wait()

    def is_up(self) -> bool:
        if self.process.poll() is not None:
            raise Invalid(f"`anchorwatch run` ended with {self.process.returncode}:\n{self.log()[-4_000:]}")
        if not self.port:
            listening = re.search(r"run\.listening address=\S+:(\d+)", self.log())
            self.port = int(listening[1]) if listening else 0
        told = self._asked() if self.port else {}
        self.found = {stage["stage"]: stage["process"] for stage in told.get("stages", [])}
        return bool(told.get("ready")) and {"ingest", "judge"} <= self.found.keys()

    def _asked(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except (urllib.error.URLError, TimeoutError):  # 503: not yet
            return {}

    def pids(self) -> dict[str, int]:
        return {**self.found, "supervisor": self.process.pid}

    def counted(self) -> dict[str, int] | None:
        """From the committed summaries in `findings`, what a person would see."""
        for message in self.reader.consume(1_000, 0.02):
            value = message.value()
            if message.error() is None and value is not None and b'"summary.v1"' in value:
                summary = SUMMARIES.decode(value)
                whole = summary.segments.index("whole")
                for name, column in (("predictions", "predictions"), ("labelled", "labels")):  # of the last day: of all
                    self.totals[name] = int(summary.columns[column][whole] or 0)
                self.tallies.update(summary.tallies)  # each since the summary before
                self.totals["joined"] = self.tallies["outcome.joined"]
        return self.totals if min(self.totals.values()) >= self.predictions else None

    def log(self) -> str:
        return f"{self.file.read_text(errors='replace')}\ncounted so far: {self.totals}, tallies: {dict(self.tallies)}"
