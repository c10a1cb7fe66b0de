"""Feeds both stages of worker.py on a real Kafka, breaks them, and compares what committed readers see with what was fed."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from anchorwatch.engine.settings import CLASSIC
from anchorwatch.engine.store import HEAD, Store

HERE = Path(__file__).parent
PARTITIONS = 4
STEPS = ["frozen", "sent", "offsets sent", "committing", "committed"]
COMPACTING = {  # all the time, so that restoring meets its gaps
    "cleanup.policy": "compact",
    "segment.bytes": "1048576",
    "segment.ms": "5000",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "3000",
}
QUICK = {**CLASSIC, "session.timeout.ms": 3_000, "heartbeat.interval.ms": 500}  # of a group whose lost members shall be missed soon


def until(done: Callable[[], object], patience: float = 60, what: Callable[[], str] = lambda: "nothing came of it") -> None:
    limit = time.monotonic() + patience
    while not done():
        assert time.monotonic() < limit, what()
        time.sleep(0.05)


def create(client: Mapping[str, Any], topics: Mapping[str, int], **config: str) -> None:
    """The topics, known to every broker."""
    with AdminClient(dict(client)) as admin:
        copies = min(3, len(admin.list_topics(timeout=20).brokers))
        for done in admin.create_topics([NewTopic(name, n, copies, config=config) for name, n in topics.items()]).values():
            done.result(30)
        until(lambda: set(topics) <= set(admin.list_topics(timeout=20).topics))


def delete(client: Mapping[str, Any], prefix: str) -> None:
    with AdminClient(dict(client)) as admin:
        names = [name for name in admin.list_topics(timeout=20).topics if name.startswith(prefix)]
        for done in admin.delete_topics(names).values() if names else ():
            done.exception()


class Load(threading.Thread):
    """Predictions at an even rate, each with its outcome fifty numbers later. Foul: poison, 1 MB, every codec, aborted transactions."""

    def __init__(self, client: Mapping[str, Any], prefix: str, rate: int, foul: bool) -> None:
        super().__init__(daemon=True)
        self.prefix, self.rate, self.foul, self.stopping = prefix, rate, foul, threading.Event()
        self.fed = {"predictions": 0, "outcomes": 0, "poison": 0}
        settings = {**client, "linger.ms": 20, "message.max.bytes": 2_000_000}
        self.plain = Producer({**settings, "enable.idempotence": True})
        self.codecs = [Producer({**settings, "compression.type": codec}) for codec in ("lz4", "zstd", "gzip", "snappy")] if foul else []
        if foul:
            self.aborting = Producer({**settings, "transactional.id": f"{prefix}load"})
            self.aborting.init_transactions(30)
        self.start()

    def run(self) -> None:
        first, began = time.time_ns() // 1_000_000 * 1000, time.monotonic()
        for i in itertools.count():
            if self.stopping.is_set():
                break
            self.send("predictions", first + i)
            if i >= 50:
                self.send("outcomes", first + i - 50)
            if self.foul and i % 1000 == 0:
                self.soil(first + i)
            while i > (time.monotonic() - began) * self.rate and not self.stopping.is_set():
                self.plain.poll(0.01)
        for number in range(max(first, first + i - 50), first + i):
            self.send("outcomes", number)
        for producer in [self.plain, *self.codecs]:
            assert producer.flush(90) == 0, "the load did not get through"

    def send(self, topic: str, number: int) -> None:
        producer = self.codecs[number % 4] if self.foul and number % 3 else self.plain
        while True:
            try:
                producer.produce(self.prefix + topic, b"%d" % number, partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
        self.fed[topic] += 1

    def soil(self, number: int) -> None:
        """An aborted transaction nobody may see, a committed one, and poison; one in four of 1 MB."""
        for settle in (self.aborting.abort_transaction, self.aborting.commit_transaction):
            self.aborting.begin_transaction()
            for topic, p in itertools.product(("predictions", "outcomes"), range(PARTITIONS)):
                self.aborting.produce(self.prefix + topic, b"%d" % (number + 10**15 + p), partition=p)
            self.aborting.flush()
            settle(30)
        self.fed["predictions"] += PARTITIONS
        self.fed["outcomes"] += PARTITIONS
        poison = b"poison" * (160_000 if number // 1000 % 4 == 0 else 1)
        self.plain.produce(f"{self.prefix}predictions", poison, partition=number % PARTITIONS)
        self.fed["poison"] += 1

    def end(self) -> None:
        self.stopping.set()
        self.join()


class Worker:
    """One process under a supervisor that starts it again whenever it ends. `dies`: how, in its first lives; `flaw`: in the first."""

    def __init__(self, given: dict[str, Any], log: Path, again: bool = True) -> None:
        self.given, self.log, self.again = given, log, again
        self.name = f"{given['stage']} {given['instance']}"
        self.lives, self.exits, self.stopping = 0, list[int](), False
        self.status: dict[str, Any] = {}
        self.process = self._start()
        self.thread = threading.Thread(target=self._supervise, daemon=True)
        self.thread.start()

    def _start(self) -> subprocess.Popen[str]:
        given = {**self.given, "die": next(iter(self.given.get("dies", [])[self.lives :]), "")}
        if self.lives:
            given.pop("flaw", "")
        self.lives += 1
        self.status = {}
        path = {"PYTHONPATH": str(HERE.parents[1] / "app")}
        with self.log.open("a") as log:
            command = [sys.executable, str(HERE / "worker.py"), json.dumps(given)]
            return subprocess.Popen(command, env={**os.environ, **path}, stdout=subprocess.PIPE, stderr=log, text=True)

    def _supervise(self) -> None:
        while True:
            assert self.process.stdout
            for line in self.process.stdout:
                if line.startswith("{"):
                    self.status = json.loads(line)
            self.exits.append(self.process.wait())
            if self.stopping or not self.again:
                return
            self.process = self._start()

    @property
    def cuts(self) -> int:
        return int(self.status.get("cuts", 0))

    def until(self, done: Callable[[], object], patience: float = 60) -> None:
        until(done, patience, lambda: f"{self.name}, life {self.lives}, exits {self.exits}, status {self.status}:\n{self.said()[-4000:]}")

    def said(self) -> str:
        return self.log.read_text()

    def stopped(self) -> bool:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def send(self, how: signal.Signals) -> None:
        self.process.send_signal(how)

    def end(self, how: signal.Signals = signal.SIGKILL) -> float:
        """Seconds that it took."""
        self.stopping, began = True, time.monotonic()
        self.process.send_signal(how)
        self.thread.join(60)
        return time.monotonic() - began


@dataclass
class Chain:
    """Topics of one test, its load and its workers."""

    client: dict[str, Any]
    prefix: str
    folder: Path
    workers: list[Worker] = field(default_factory=list)
    load: Load | None = None

    def create(self) -> None:
        create(self.client, {self.prefix + topic: PARTITIONS for topic in ("predictions", "outcomes", "blocks", "dead-letters")}, **BIG)
        create(self.client, {self.prefix + topic: PARTITIONS for topic in ("join-changelog", "total-changelog")}, **COMPACTING, **BIG)

    def start(self, stage: str, instance: str = "a", again: bool = True, **given: Any) -> Worker:
        settings = {"stage": stage, "prefix": self.prefix, "instance": instance, "kafka": self.client, **given}
        worker = Worker(settings, self.folder / f"{stage}-{instance}.log", again)
        self.workers.append(worker)
        return worker

    def feed(self, rate: int = 1000, foul: bool = False) -> Load:
        self.load = Load(self.client, self.prefix, rate, foul)
        return self.load

    def end(self, worker: Worker, how: signal.Signals = signal.SIGKILL) -> float:
        self.workers.remove(worker)
        return worker.end(how)

    def close(self) -> None:
        if self.load:
            self.load.stopping.set()
        for worker in self.workers:
            worker.end()
        delete(self.client, self.prefix)

    def records(self, topic: str, partitions: int = PARTITIONS) -> list[tuple[tuple[int, bytes | None], bytes | None]]:
        """((partition, key), value) of all that a committed reader finds."""
        store = Store(self.client, "seen", self.prefix + topic, [])
        found: list[tuple[tuple[int, bytes | None], bytes | None]] = []
        for p in range(partitions):
            found += [((p, key), value) for key, value in store.read(p, store.bounds(p, store.changelog)[store.changelog])]
        return found

    def seen(self) -> dict[str, Any]:
        """Sum of all blocks, totals in the last chunks, ids still waiting, dead letters."""
        blocks = [json.loads(value or b"") for _, value in self.records("blocks")]
        totals = [json.loads(value) for (_, key), value in dict(self.records("total-changelog")).items() if key != HEAD and value]
        waiting = [json.loads(value) for (_, key), value in dict(self.records("join-changelog")).items() if key != HEAD and value]
        return {
            "blocks": [sum(b[i] for b in blocks) for i in (0, 1)],
            "totals": [sum(t[i] for t in totals) for i in (0, 1)],
            "waiting": sum(map(len, waiting)),
            "dead": len(self.records("dead-letters")),
        }

    def stands(self) -> str:
        """For a failed test: what each task of `total` has read and counted, beside what stands in its partition."""
        blocks, chunks = self.records("blocks"), dict(self.records("total-changelog"))
        return "\n".join(
            f"task {p}: head {chunks.get((p, HEAD))!r}, {sum(at == p for (at, _), _ in blocks)} blocks, segment {key!r}: counted {value!r}, "
            f"blocks sum to {[sum(json.loads(v or b'')[i] for at, v in blocks if at == (p, key)) for i in (0, 1)]}"
            for (p, key), value in sorted(chunks.items(), key=str)
            if key != HEAD
        )

    def counted(self, patience: float = 90) -> tuple[dict[str, Any], dict[str, Any]]:
        """(found, expected) once nothing moves any more."""
        assert self.load
        self.load.end()
        fed = self.load.fed
        both = [fed["predictions"], fed["outcomes"]]
        expected = {"blocks": both, "totals": both, "waiting": 0, "dead": fed["poison"]}
        limit, found = time.monotonic() + patience, self.seen()
        while found != expected and found["totals"][0] <= both[0] and time.monotonic() < limit:
            time.sleep(0.5)
            found = self.seen()
        if found != expected:
            sys.stderr.write(f"{self.stands()}\n")
        return found, expected


BIG = {"max.message.bytes": "2000000"}
