"""Kill -9 at each step of a cut: state, output and position move together or not at all."""

import itertools
import random

import pytest
from confluent_kafka import Producer
from tests.engine.chain import PARTITIONS, STEPS, Chain, create, delete

from anchorwatch.engine.tail import tail


@pytest.mark.parametrize("foul", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "foul"])
def test_totals_are_exact_after_a_kill_at_each_step_of_a_cut(chain: Chain, foul: bool) -> None:
    """Ten kills, twenty with poison, 1 MB records, four codecs and aborted transactions among the rows."""
    chain.feed(1000, foul)
    dies = [f"{step}:{2 + number}:KILL" for number, step in itertools.product(range(2 if foul else 1), STEPS)]

    killed = [chain.start(stage, dies=dies) for stage in ("join", "total")]
    for worker in killed:
        worker.until(lambda w=worker: w.lives > len(dies) and w.cuts >= 2, 240)  # type: ignore[misc]
    found, expected = chain.counted()

    assert found == expected


@pytest.mark.parametrize("limit", [1_000_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_a_dead_letter_over_its_topics_limit_is_cut_off_and_says_so(chain: Chain, limit: int) -> None:
    """Raising would come back for ever. The limit is learnt when the topic refuses."""
    dead = f"{chain.prefix}dead-letters"
    delete(chain.client, dead)
    create(chain.client, {dead: PARTITIONS}, **{"max.message.bytes": str(limit)})
    noise = random.Random(1).randbytes(1_900_000)  # compressing it does not help
    plain = Producer({**chain.client, "message.max.bytes": 3_000_000})
    plain.produce(f"{chain.prefix}predictions", noise, b"key", partition=0)
    plain.produce(f"{chain.prefix}predictions", b"small", b"key", partition=1)
    plain.flush(20)
    worker = chain.start("join")
    worker.until(lambda: len(chain.records("dead-letters")) == 2)
    letters = sorted(tail(chain.client, [dead], since="beginning", until_end=True), key=lambda told: len(told.value or b""))

    assert [told.key for told in letters] == [b"key", b"key"]
    assert letters[0].value == b"small"
    assert noise.startswith(letters[1].value or b"none")
    assert len(letters[1].value or b"") > limit // 4
    assert dict(letters[1].headers)["anchorwatch.shortened"].startswith(b"1900000 bytes, sha256 ")
    assert worker.exits == []


def test_a_missing_output_topic_stops_the_task_without_loss_and_is_named(chain: Chain) -> None:
    dead = f"{chain.prefix}dead-letters"
    delete(chain.client, dead)
    plain = Producer(chain.client)
    plain.produce(f"{chain.prefix}predictions", b"poison", partition=0)
    plain.flush(20)
    worker = chain.start("join", again=False)
    worker.until(lambda: worker.exits)

    assert worker.exits == [2]
    assert f"topic {dead} does not take our records" in worker.said()
    create(chain.client, {dead: PARTITIONS})
    worker = chain.start("join")
    worker.until(lambda: len(chain.records("dead-letters")) == 1)
