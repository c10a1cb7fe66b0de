"""An installation that watches the loan model of tests/traffic.py on four partitions: what the tests of this folder start, break and ask."""

import json
import os
import random
import signal
import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Producer
from tests.runtime.installation import Installation, Running, until
from tests.traffic import LOAN, loan_applied

from anchorwatch.engine import topics
from anchorwatch.events import Applied, FlagChange, Heartbeat

PATIENT = LOAN.replace("silent_after: 5s", "silent_after: 1h")  # a test that waits is no silence of the model
PARTITIONS = 4  # of the sources; observations have 2, what judge writes 2
# lateness: a stalled machine must not make events late, since late ones are rightly counted elsewhere
SETTINGS = """\
kafka: {{bootstrap.servers: "{bootstrap}"}}
group: {{session.timeout.ms: 6000}}
topics: {{prefix: "{prefix}", partitions: 4, partitions_observations: 2, partitions_others: 2, replication: 1}}
clock: {clock}
window: 1s
lateness: 3s
grace: 120s
cut: 300ms
summary: 1s
fallback_owner: group:default/ml-platform
run: {{port: 0}}
"""


class Ground(Installation):
    """`more`: further settings as YAML; `otel`: variables for OpenTelemetry."""

    def __init__(self, kafka: Mapping[str, Any], prefix: str, folder: Path, *, clock: str = "wall", more: str = "") -> None:
        super().__init__(kafka, prefix, folder, contract="")
        settings = SETTINGS.format(bootstrap=self.kafka["bootstrap.servers"], prefix=prefix, clock=clock)
        (folder / "anchorwatch.yaml").write_text(settings + more)
        self.otel: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.otel}

    def prepare(self, contract: str = PATIENT, replication: int = 1) -> "Ground":
        """Topics, and the model as `apply` leaves it: contract and reference, in force for all time."""
        topics.create(self.kafka, topics.standard(self.prefix, PARTITIONS, 2, 2, feeds={"default": PARTITIONS}, replication=replication))
        applied: Applied = loan_applied(contract)
        self.write("contracts", b"prod/loan", msgspec.json.encode(applied))
        return self

    def turn(self, state: str, at_ms: int) -> None:
        """The model's feature flag."""
        change = FlagChange("loan-on", state, changed_at_ms=at_ms, actor="test")
        self.write("flags", b"prod/loan-on", msgspec.json.encode(change))

    def heartbeat(self, at_ms: int) -> None:
        """Nothing will come before that time any more: what ends a stream under `clock: events`."""
        producer = Producer(self.kafka)
        for topic, partition in product(("predictions", "outcomes"), range(PARTITIONS)):
            producer.produce(self.prefix + topic, msgspec.json.encode(Heartbeat(at_ms)), partition=partition)
        assert producer.flush(30) == 0

    def alerts(self, *words: str) -> list[dict[str, Any]]:
        """`anchorwatch alerts <words> --json`, a dict for each line."""
        done = self.command("alerts", *words, "--json")
        assert done.returncode in (0, 1), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def kill(process: int) -> None:
    """Of a stage: as the kernel's out-of-memory killer does."""
    os.kill(process, signal.SIGKILL)


def killed_in_turn(running: Running, rng: random.Random) -> None:
    """Ingest, then judge, each at a random moment; both are there again, and ready."""
    before = {name: running.stage(name) for name in ("default", "judge")}
    for stage in before.values():
        time.sleep(rng.uniform(0.1, 1.5))  # a random moment is the very thing
        kill(stage["process"])
    for name, stage in before.items():
        until(lambda name=name, stage=stage: running.stage(name)["restarts"] > stage["restarts"], what=lambda: running.words)  # type: ignore[misc]
    running.wait_ready()


__all__ = ["PARTITIONS", "PATIENT", "Ground", "kill", "killed_in_turn", "until"]
