"""One installation of Anchorwatch in a folder, on topics of its own: what the tests of whole programs start, feed and ask."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Producer

import anchorwatch
from anchorwatch.contract import parse, to_json
from anchorwatch.engine import topics
from anchorwatch.engine.tail import Told, tail
from anchorwatch.events import Applied

APP = Path(anchorwatch.__file__).parents[1]
CONTRACT = """
contract: 1
model: fraud
task: binary
owner: {team: group:default/risk-ml}
labels: {classes: [pass, block], positive: block, delay: {typical: 1s, late: 5s, final: 1m}}
features: {amount: {type: number}}
"""
SETTINGS = """
kafka: {{bootstrap.servers: "{bootstrap}"}}
topics: {{prefix: "{prefix}", partitions: 2, partitions_observations: 2, partitions_others: 2, replication: 1}}
window: 1s
lateness: 1s
grace: 20s
cut: 200ms
summary: 1s
fallback_owner: group:default/ml-platform
run: {{port: 0}}
"""


def until(done: Callable[[], object], patience: float = 60, what: Callable[[], object] = lambda: "nothing came of it") -> Any:
    """What `done` gives once that is true."""
    limit = time.monotonic() + patience
    while not (found := done()):
        assert time.monotonic() < limit, what()
        time.sleep(0.05)
    return found


class Installation:
    def __init__(self, kafka: Mapping[str, Any], prefix: str, folder: Path, *, contract: str = CONTRACT) -> None:
        self.kafka, self.prefix, self.folder = dict(kafka), prefix, folder
        (folder / "contracts").mkdir()
        if contract:
            (folder / "contracts" / "fraud.yaml").write_text(contract)
        (folder / "anchorwatch.yaml").write_text(SETTINGS.format(bootstrap=self.kafka["bootstrap.servers"], prefix=prefix))
        self.log = folder / "log"

    def create(self, **feeds: int) -> None:
        topics.create(self.kafka, topics.standard(self.prefix, 2, 2, 2, feeds={"default": 2, **feeds}, replication=1))

    def topic(self, name: str, partitions: int) -> None:
        """A topic that a contract names."""
        made = topics.Layout((topics.Topic(self.prefix + name, partitions),), 1)
        topics.create(self.kafka, made)

    # contracts

    def apply(self, contract: str) -> None:
        """As `anchorwatch apply` writes it, learning."""
        found = parse(contract, "test")
        now_ms = time.time_ns() // 1_000_000
        applied = Applied(contract=to_json(found), actor="test", at_ms=now_ms, effective_from_ms=now_ms)
        self.write("contracts", found.key.encode(), msgspec.json.encode(applied))

    def remove(self, key: str) -> None:
        self.write("contracts", key.encode(), None)

    def write(self, topic: str, key: bytes, value: bytes | None) -> None:
        producer = Producer({**self.kafka, "partitioner": "murmur2_random"})
        producer.produce(self.prefix + topic, value, key)
        assert producer.flush(30) == 0

    # programs

    def environment(self) -> dict[str, str]:
        return {**{k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "ANCHORWATCH__"))}, "PYTHONPATH": str(APP)}

    def command(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """One `anchorwatch` command, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "anchorwatch", *words],
            cwd=self.folder, env=self.environment(), input=given, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def run(self, *words: str) -> "Running":
        return Running(self, words)

    # events

    def feed(self, first: int, n: int, *, outcomes: bool = True, model: str = "fraud") -> None:
        """Predictions o-<first>.. and their outcomes; each tenth label is wrong."""
        producer = Producer({**self.kafka, "partitioner": "murmur2_random", "linger.ms": 5})
        now_ms = time.time_ns() // 1_000_000
        for i in range(first, first + n):
            answer = "block" if i % 4 == 0 else "pass"
            about = {"prediction_id": f"o-{i}", "model": model}
            prediction = {**about, "prediction": answer, "score": 0.9 if answer == "block" else 0.1, "predicted_at_ms": now_ms}
            prediction |= {"latency_ms": 20 + i % 10, "features": {"amount": float(i % 50)}}
            self._send(producer, "predictions", f"o-{i}", prediction)
            if outcomes:
                label = answer if i % 10 else {"block": "pass", "pass": "block"}[answer]
                self._send(producer, "outcomes", f"o-{i}", {**about, "label": label, "known_at_ms": now_ms + 500})
        assert producer.flush(30) == 0

    def _send(self, producer: Producer, topic: str, key: str, event: Mapping[str, Any]) -> None:
        producer.produce(self.prefix + topic, json.dumps(event).encode(), key.encode())
        producer.poll(0)

    def told(self, topic: str) -> list[Told]:
        """All committed records of a topic."""
        return list(tail(self.kafka, [self.prefix + topic], since="beginning", until_end=True))

    def told_json(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(told.value) for told in self.told(topic) if told.value]


class Running:
    """`anchorwatch run` as a process of its own."""

    def __init__(self, of: Installation, words: tuple[str, ...]) -> None:
        self.of = of
        with of.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "anchorwatch", "run", *words], cwd=of.folder, env=of.environment(), stdout=log, stderr=log
            )
        self._begins = of.log.stat().st_size

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def words(self) -> str:
        return self.of.log.read_text()[self._begins :]

    @property
    def port(self) -> int:
        for line in self.words.splitlines():
            if "run.listening" in line:
                return int(line.rpartition(":")[2])
        return 0

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; 0 while nobody listens."""
        if not self.port:
            return 0, ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self) -> dict[str, Any]:
        status, body = self.get("/readyz")
        return {**json.loads(body or "{}"), "status": status}

    def stage(self, name: str) -> dict[str, Any]:
        """`judge`, or the name of a feed."""
        for stage in self.ready().get("stages", []):
            if name in (stage["feed"], stage["stage"]):
                return dict(stage)
        return {}

    def wait_ready(self, patience: float = 60) -> dict[str, Any]:
        return dict(until(lambda: (told := self.ready())["status"] == 200 and told, patience, lambda: f"{self.ready()}\n{self.words}"))
