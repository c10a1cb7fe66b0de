"""A topic of siblings that no feed reads, with another number of partitions: counted once whatever is killed, and nobody waits for it."""

import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import Producer
from tests.integration.ground import PATIENT, Ground, kill, until
from tests.runtime.installation import Running
from tests.traffic import loan_applied

from anchorwatch.engine.tail import tail
from anchorwatch.events import Observation
from anchorwatch.stages.sibling_topic import MARK
from anchorwatch.watches.siblings import SIBLINGS

PARTITIONS, N = 3, 4_000


def prepared(there: Ground) -> Ground:
    assert there.command("topics", "create").returncode == 0
    there.topic("paid", PARTITIONS)
    there.topic("idle", 1)
    contract = PATIENT.replace("silent_after: 1h", f"silent_after: 1h, siblings: [{there.prefix}paid, {there.prefix}idle]")
    there.write("contracts", b"prod/loan", msgspec.json.encode(loan_applied(contract)))
    done = there.command("topics", "create")  # changelogs of what counts them
    assert done.returncode == 0, done.stderr
    return there


def counter(running: Running) -> dict[str, Any]:
    """What counts the busy topic."""
    return next(stage for stage in running.ready()["stages"] if stage["stage"] == "siblings" and stage["feed"].endswith("paid"))


def produce(producer: Producer, there: Ground, n: int) -> None:
    for i in range(n):
        producer.produce(f"{there.prefix}paid", b"\x00 not ours to read", partition=i % PARTITIONS)
    assert producer.flush(30) == 0


def observed(there: Ground, topic: str) -> tuple[int, int]:
    """(events of siblings in all blocks of the topic, the lowest watermark that all its tasks have told)."""
    total, marks = np.zeros((1, 1), np.int64), dict[int, int]()
    for told in tail(there.kafka, [f"{there.prefix}observations"], since="beginning", until_end=True):
        observation = msgspec.msgpack.decode(told.value or b"", type=Observation)
        if observation.feed == f"{MARK}{there.prefix}{topic}":
            for block in observation.blocks:
                block.counts[SIBLINGS.key].add_to(total, np.zeros(1, np.int64))
            marks[observation.task] = max(marks.get(observation.task, -1), observation.watermark_ms)
    return int(total[0, 0]), min(marks.values(), default=-1)


def test_kills_of_whoever_counts_siblings_cost_nothing_and_an_idle_topic_holds_up_nobody(ground: Callable[..., Ground]) -> None:
    there, rng = prepared(ground()), random.Random(1)
    with there.run() as running:
        running.wait_ready()
        producer = Producer({**there.kafka, "linger.ms": 5})
        for number in range(1, 4):
            produce(producer, there, N // 4)
            time.sleep(rng.uniform(0.0, 0.7))  # a random moment is the very thing
            kill(counter(running)["process"])
            until(lambda number=number: counter(running)["restarts"] == number, what=lambda: running.words)  # type: ignore[misc]
            running.wait_ready()
        produce(producer, there, N // 4)
        until(lambda: observed(there, "paid")[0] >= N, what=lambda: f"{observed(there, 'paid')}\n{running.words}")
        now_ms = time.time_ns() // 1_000_000
        until(lambda: min(observed(there, topic)[1] for topic in ("paid", "idle")) >= now_ms, what=lambda: running.words)

        def judged() -> bool:
            """Summaries of the model go on by the wall, though the idle topic never held a record."""
            return any(summary.get("at_ms", 0) >= now_ms for summary in there.told_json("findings"))

        until(judged, what=lambda: running.words)

    assert observed(there, "paid")[0] == N
    assert "exit=70" not in running.words
