"""Every worker knows contracts, flags and commands before its agents see a batch, and hears of each change after."""

import json
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.engine.chain import COMPACTING, PARTITIONS, Chain, create


def echoed(chain: Chain, key: bytes) -> list[dict[str, Any]]:
    return [json.loads(value) for (_, found), value in chain.records("echo") if found == key and value]


@pytest.fixture
def controlled(chain: Chain) -> Chain:
    """5,000 contracts, of which the last thousand stand in a transaction that is open for 2 s after the worker's start."""
    create(chain.client, {f"{chain.prefix}contracts": 1, f"{chain.prefix}flags": 1})
    create(chain.client, {f"{chain.prefix}echo": PARTITIONS})
    create(chain.client, {f"{chain.prefix}echo-changelog": PARTITIONS}, **COMPACTING)
    return chain


def test_control_topics_are_complete_before_the_first_task_begins(controlled: Chain) -> None:
    topic = f"{controlled.prefix}contracts"
    plain, late = Producer(controlled.client), Producer({**controlled.client, "transactional.id": f"{controlled.prefix}apply"})
    for n in range(4_000):
        plain.produce(topic, b"x", b"%d" % n)
    plain.flush(20)
    late.init_transactions(20)
    late.begin_transaction()
    for n in range(1_000):
        late.produce(topic, b"y", b"%d" % n)
    late.flush(20)
    plain.produce(f"{controlled.prefix}predictions", b"1", partition=0)
    plain.flush(20)
    worker = controlled.start("echo", control=["contracts", "flags"])
    worker.until(lambda: "group.assigned" in worker.said())
    before = worker.status.get("ready")
    late.commit_transaction(20)
    worker.until(
        lambda: worker.status.get("ready") and len(echoed(controlled, b"begin")) >= PARTITIONS
    )  # each task begins in a cut of its own

    assert before is not True
    assert [begin["known"] for begin in echoed(controlled, b"begin")] == [5_000] * PARTITIONS


def test_a_control_topic_that_is_missing_ends_a_worker_with_2(controlled: Chain) -> None:
    worker = controlled.start("echo", control=["contracts", "commands"], again=False)
    worker.until(lambda: worker.exits)

    assert worker.exits == [2]
    assert f"{controlled.prefix}commands: no such topic" in worker.said()
