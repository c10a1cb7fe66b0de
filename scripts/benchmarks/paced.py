"""A steady load in real time, and canaries: at a moment each, a model of its own gets two dozen predictions whose field is of another type.

python -m scripts.benchmarks.paced BOOTSTRAP PREFIX RATE SECONDS CANARIES

A canary is one line of JSON, `canary` its number and `at_s` the wall's time right before it was written; the last line tells what was sent.
Outcomes come two seconds after their prediction. Canaries are drawn from a seed, over all but the first WARM_S seconds.
"""

import json
import random
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import confluent_kafka as ck
from scripts.benchmarks.load import MODEL, draw

TICK_S = 0.01
OUTCOME_S = 2.0
WARM_S = 20.0  # two windows
DRAWN = 5_000
BURST = 24  # of ten an exact rule speaks: also when a window ends within them
CONTRACT = """
contract: 1
model: {model}
task: binary
owner: {{team: "group:default/risk"}}
labels: {{classes: [pass, block], positive: block, delay: {{typical: 10s, late: 20s, final: 60s}}}}
features: {{amount: {{type: number}}}}
"""


def canary(number: int) -> str:
    return f"canary-{number}"


class Writer:
    def __init__(self, bootstrap: str, prefix: str) -> None:
        rng = random.Random(1)
        drawn = [draw(rng) for _ in range(DRAWN)]
        self.tails = [json.dumps({"model": MODEL, "model_version": "4", **each.body}).encode()[1:] for each in drawn]
        self.labels = [json.dumps({"model": MODEL, "label": each.label}).encode()[1:] for each in drawn]
        self.predictions, self.outcomes = f"{prefix}predictions", f"{prefix}outcomes"
        self.out = ck.Producer(
            {"bootstrap.servers": bootstrap, "linger.ms": 5, "compression.type": "lz4", "partitioner": "murmur2_random", "log_level": 3}
        )
        self.owed: deque[tuple[float, int, bytes]] = deque()  # outcomes: when due, which, the prediction's id
        self.sent = 0

    def predictions_to(self, due: int, now_s: float) -> None:
        at = b"%d" % (now_s * 1000)
        while self.sent < due:
            name = b"s-%d" % self.sent
            value = b'{"prediction_id": "%b", "predicted_at_ms": %b, %b' % (name, at, self.tails[self.sent % DRAWN])
            self.out.produce(self.predictions, value, name)
            self.owed.append((now_s + OUTCOME_S, self.sent % DRAWN, name))
            self.sent += 1

    def outcomes_to(self, now_s: float) -> None:
        at = b"%d" % (now_s * 1000)
        while self.owed and self.owed[0][0] <= now_s:
            _, drawn, name = self.owed.popleft()
            self.out.produce(self.outcomes, b'{"prediction_id": "%b", "known_at_ms": %b, %b' % (name, at, self.labels[drawn]), name)

    def sing(self, number: int) -> None:
        now_s = time.time()
        for n in range(BURST):
            name = f"c-{number}-{n}"
            value: dict[str, Any] = {
                "prediction_id": name,
                "model": canary(number),
                "predicted_at_ms": int(now_s * 1000),
                "prediction": "pass",
            }
            self.out.produce(self.predictions, json.dumps(value | {"features": {"amount": "n/a"}}).encode(), name.encode())
        print(json.dumps({"canary": number, "at_s": now_s}), flush=True)


def moments(canaries: int, seconds: float, seed: int = 1) -> Iterator[tuple[float, int]]:
    """When each sings, in order."""
    rng = random.Random(seed)
    yield from zip(sorted(rng.uniform(min(WARM_S, seconds / 2), seconds) for _ in range(canaries)), range(canaries), strict=True)


def main(bootstrap: str, prefix: str, rate: float, seconds: float, canaries: int) -> None:
    writer, singing = Writer(bootstrap, prefix), deque(moments(canaries, seconds))
    began, now = time.monotonic(), 0.0
    while now < seconds:
        now = time.monotonic() - began
        writer.predictions_to(int(now * rate), time.time())
        writer.outcomes_to(time.time())
        while singing and singing[0][0] <= now:
            writer.sing(singing.popleft()[1])
        writer.out.poll(0)
        time.sleep(max(0.0, TICK_S - (time.monotonic() - began - now)))
    print(json.dumps({"sent": writer.sent, "seconds": now}), flush=True)
    assert writer.out.flush(30) == 0, "Kafka did not take the load within 30 s"


if __name__ == "__main__":
    where, begin, per_second, how_long, how_many = sys.argv[1:]
    main(where, begin, float(per_second), float(how_long), int(how_many))
