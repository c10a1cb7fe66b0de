"""Faults on purpose, many rounds: `./scripts/drive kill --rounds 20`. Exact totals of both stages each time, alerts neither lost nor doubled."""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer
from tests.integration.ground import Ground, until
from tests.integration.stream import Stream, now_ms
from tests.integration.totals import broken, exact, expected, observed
from tests.integration.workers import Worker

from anchorwatch.broker import Broker

RATE = 300  # predictions a second
FIRST_PORT = 29_400
HARMS = 6  # a round
TOGETHER_S = 3.0  # zombie and successor
DISK_MB = 300  # of the node whose disk fills


class Round(NamedTuple):
    """What a fault may touch."""

    there: Ground
    broker: Broker
    stages: list[Worker]  # ingest a, judge a
    start: Callable[[str, str], Worker]  # stage, instance
    rng: random.Random
    disk: Path | None

    def counted(self) -> int:
        return int(observed(self.there)[0]["predictions"].get("whole", 0))

    def go_on(self, n: int, patience: float = 150) -> None:
        """Until so many more were counted."""
        before = self.counted()
        until(lambda: self.counted() > before + n, patience, lambda: "\n".join(stage.said() for stage in self.stages))

    def wait(self, seconds: float) -> None:
        over = time.monotonic() + seconds
        until(lambda: time.monotonic() > over, seconds + 60)

    def wait_up_to(self, seconds: float) -> None:
        """A random moment is the very thing."""
        self.wait(self.rng.uniform(0.1, seconds))

    def ready(self) -> None:
        for stage in self.stages:
            stage.wait_ready()


# the faults, one harm each


def kill(now: Round, number: int) -> None:
    """kill -9 of one stage or of both, also in the midst of a restart."""
    now.wait_up_to(1.5)
    for victim in now.stages if number % 2 else [now.rng.choice(now.stages)]:
        victim.kill()
    if now.rng.random() < 0.7:
        now.ready()


def zombie(now: Round, number: int) -> None:
    """Stopped past its session; a successor takes its tasks and cuts; then it wakes, and both live together."""
    victim = now.stages[number % 2]
    now.wait_up_to(1.0)
    victim.process.send_signal(signal.SIGSTOP)
    try:
        with now.start(victim.stage, f"z{number}") as successor:
            until(lambda: len(successor.status.get("tasks", ())) >= 2, 90, successor.said)
            cuts = successor.status["cuts"]
            until(lambda: successor.status.get("cuts", 0) >= cuts + 4, 60, successor.said)
            victim.process.send_signal(signal.SIGCONT)
            now.wait(TOGETHER_S)
            successor.end(signal.SIGKILL)
    finally:
        victim.process.send_signal(signal.SIGCONT)
    now.go_on(200)


def crowd(now: Round, number: int) -> None:
    """A further worker joins and leaves, in order or by kill -9."""
    stage = now.stages[number % 2].stage
    with now.start(stage, f"c{number}") as guest:
        guest.wait_ready()
        now.wait_up_to(2.0)
        guest.end(signal.SIGTERM if now.rng.random() < 0.5 else signal.SIGKILL)
    now.go_on(200)


def broker(now: Round, number: int) -> None:
    """kill -9 of a node, and its restart. A single node is stopped in order: killed in the middle of a commit it may leave it undecided (F21)."""
    node = now.broker.nodes[now.rng.randrange(len(now.broker.nodes))]
    now.wait_up_to(1.5)
    node.kill() if len(now.broker.nodes) > 1 else node.stop()
    node.start()
    now.broker.wait_until_ready()
    now.go_on(600)


def coordinator(now: Round, number: int) -> None:
    """kill -9 of the node that coordinates a group (even) or a stage's transactions (odd)."""
    stage, prefix = ("ingest.default", "judge")[number // 2 % 2], now.there.prefix
    topic, name = ("__transaction_state", f"{prefix}{stage}-a") if number % 2 else ("__consumer_offsets", f"{prefix}{stage}")
    client = Consumer({**now.broker.client, "group.id": "drive"})
    partitions = client.list_topics(topic, 30).topics[topic].partitions
    client.close()
    leader = partitions[java_hash(name) % len(partitions)].leader
    node = next(node for node in now.broker.nodes if node.name == f"node{leader}")
    node.kill()
    node.start()
    now.broker.wait_until_ready()
    now.go_on(600)


def disk(now: Round, number: int) -> None:
    """The disk of the only node fills until it ends; room is made and it starts again."""
    assert now.disk, "mounted for this drive"
    node, ballast = now.broker.nodes[0], now.disk / "ballast"
    with ballast.open("wb") as file:
        try:
            while node.is_running:
                file.write(bytes(1 << 16))
                file.flush()
        except OSError:  # full: the node has to find out
            pass
    until(lambda: not node.is_running, 120, lambda: node.last_lines())
    ballast.unlink()
    node.start()
    now.broker.wait_until_ready()
    now.go_on(600)


FAULTS: dict[str, Callable[[Round, int], None]] = {
    "kill": kill, "zombie": zombie, "crowd": crowd, "broker": broker, "coordinator": coordinator, "disk": disk,
}  # fmt: skip
HARMS_OF = {"zombie": 2, "broker": 2, "coordinator": 4, "disk": 1}
OF_KAFKA = ("broker", "coordinator", "disk")  # what Kafka holds back is late by the wall's clock, so events move it


def java_hash(text: str) -> int:
    """Java's `String.hashCode`, made positive as Kafka does."""
    found = 0
    for sign in text:
        found = (31 * found + ord(sign)) & 0xFFFFFFFF
    return found & 0x7FFFFFFF


# rounds


def one_round(name: str, kafka: Broker, number: int, seed: int, disk_of: Path | None) -> dict[str, Any]:
    began, rng = time.monotonic(), random.Random(f"{name} {seed} {number}")
    folder = Path(tempfile.mkdtemp(prefix=f"anchorwatch-{name}-"))
    with ExitStack() as stack:
        clock = "events" if name in OF_KAFKA else "wall"
        there = Ground(kafka.client, f"{name}{seed}-{number}.", folder, clock=clock).prepare(replication=len(kafka.nodes))

        def start(stage: str, instance: str) -> Worker:
            return Worker(there, stage, instance)

        stages = [stack.enter_context(start(stage, "a")) for stage in ("ingest", "judge")]
        now = Round(there, kafka, stages, start, rng, disk_of)
        now.ready()
        stream = Stream(there.kafka, there.prefix, rate=RATE, foul=True)
        now.go_on(300)
        harms = HARMS_OF.get(name, HARMS)
        for harm in range(harms):
            there.turn("off" if harm % 2 == 0 else "on", now_ms())
            FAULTS[name](now, harm)
        fed = stream.end()
        if clock == "events":
            there.heartbeat(now_ms() + 60_000)
        found = exact(there, fed, patience=120)
        letters = len({(told.partition, told.offset) for told in there.told("dead-letters")})
        wrong: dict[str, Any] = {what: (found[what], value) for what, value in expected(fed).items() if found[what] != value}
        wrong |= {"alerts": odd} if (odd := broken(there)) else {}
        wrong |= {"dead letters": (letters, stream.poison.total())} if letters != stream.poison.total() else {}
        told = {
            "drive": name, "nodes": len(kafka.nodes), "round": number, "harms": harms, "predictions": fed["predictions"]["whole"],
            "dead_letters": letters, "exits": {stage.name: stage.exits for stage in stages}, "seconds": round(time.monotonic() - began, 1),
            "wrong": wrong,
        }  # fmt: skip
    if wrong:
        print(f"  logs are kept in {folder}", flush=True)
    else:
        shutil.rmtree(folder)
    return told


@contextmanager
def small_disk(wanted: bool) -> Iterator[Path | None]:
    """A file system of its own that can be filled; needs the right to mount."""
    if not wanted:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="anchorwatch-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def drive(name: str, rounds: int, nodes: int, seed: int) -> list[dict[str, Any]]:
    told = []
    with small_disk(name == "disk") as disk_of:
        data = disk_of / "data" if disk_of else None
        with Broker(nodes=nodes, first_port=FIRST_PORT, start_s_max=120, data=data) as kafka:
            for number in range(rounds):
                told.append(found := one_round(name, kafka, number, seed, disk_of))
                verdict = "exact" if not found["wrong"] else f"WRONG {json.dumps(found['wrong'], default=str)[:2_000]}"
                exits = sum(map(len, found["exits"].values()))
                about = f"{name} on {nodes}, round {number + 1} of {rounds}: {found['harms']} faults, {exits} exits"
                events = f"{found['predictions']:,} predictions, {found['dead_letters']} dead letters, {found['seconds']:.0f} s"
                print(f"{about}, {events}: {verdict}", flush=True)
    return told


def nodes_of(name: str, asked: int | None) -> tuple[int, ...]:
    """Where it makes sense, both."""
    able = {"coordinator": (3,), "disk": (1,)}.get(name, (1, 3))
    return able if asked is None else tuple(n for n in able if n == asked)


def main() -> None:
    words = argparse.ArgumentParser(prog="scripts/drive", description=__doc__)
    words.add_argument("fault", choices=[*FAULTS, "all"])
    words.add_argument("--rounds", type=int, default=1)
    words.add_argument("--nodes", type=int, choices=(1, 3), help="else on one and on three, where both make sense")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--json", type=Path, help="every round as data")
    asked = words.parse_args()
    told = []
    for name in FAULTS if asked.fault == "all" else (asked.fault,):
        for nodes in nodes_of(name, asked.nodes):
            told += drive(name, asked.rounds, nodes, asked.seed)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1, default=str))
    bad = sum(bool(found["wrong"]) for found in told)
    harms, events = (sum(found[what] for found in told) for what in ("harms", "predictions"))
    print(f"{len(told)} rounds, {harms} faults, {events:,} predictions: {bad} wrong")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
