"""Topics that are keyed by nothing of ours, with unequal numbers of partitions: kills of all that reads and writes them cost nothing."""

import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
from confluent_kafka import Producer
from tests.integration.ground import PATIENT, Ground, kill, until
from tests.integration.stream import Stream
from tests.integration.totals import broken, exact, expected
from tests.runtime.installation import Running
from tests.traffic import loan_applied

OF_OTHERS = {"predictions": "loans.scored", "outcomes": "loans.settled"}


class Keyless(Stream):
    """Of other names, and of any partition."""

    def _produce(self, producer: Producer, topic: str, key: bytes, value: bytes | None) -> None:
        del key
        while True:
            try:
                return producer.produce(self.prefix + OF_OTHERS[topic], value)
            except BufferError:
                producer.poll(0.1)


def prepared(there: Ground) -> Ground:
    names = ", ".join(f"{role}: {{topic: {there.prefix}{name}, keyed: false}}" for role, name in OF_OTHERS.items())
    there.topic("loans.scored", 3)
    there.topic("loans.settled", 2)
    assert there.command("topics", "create").returncode == 0
    contract = PATIENT.replace("source: {", f"source: {{{names}, ")
    there.write("contracts", b"prod/loan", msgspec.json.encode(loan_applied(contract)))
    done = there.command("topics", "create")  # those of the model's feed
    assert done.returncode == 0, done.stderr
    return there


def stages(running: Running) -> list[dict[str, Any]]:
    """All but judge's: one that ingests, two that rekey."""
    return [stage for stage in running.ready()["stages"] if stage["stage"] != "judge"]


def test_kills_of_whoever_rekeys_and_ingests_cost_nothing(ground: Callable[..., Ground]) -> None:
    there, rng = prepared(ground()), random.Random(1)
    with there.run() as running:
        running.wait_ready()
        stream = Keyless(there.kafka, there.prefix, rate=300)
        for number in (1, 2):
            victims = stages(running)
            assert sorted(stage["stage"] for stage in victims) == ["ingest", "rekey", "rekey"]
            for stage in victims:
                time.sleep(rng.uniform(0.0, 0.7))  # a random moment is the very thing
                kill(stage["process"])
            until(lambda number=number: [s["restarts"] for s in stages(running)] == [number] * 3, what=lambda: running.words)  # type: ignore[misc]
            running.wait_ready()
        fed = stream.end()
        found = exact(there, fed)

    assert found == expected(fed), running.words[-4_000:]
    assert "exit=70" not in running.words
    assert broken(there) == {}
