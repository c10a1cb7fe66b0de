"""One thread and the group: workers come and go, stop and wake, share a name; nothing is lost or counted twice."""

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]
from tests.engine.chain import COMPACTING, PARTITIONS, QUICK, STEPS, Chain, Worker, create, delete

from anchorwatch.broker import Broker
from anchorwatch.engine.tail import Told, tail

ZOMBIE = {"transaction.timeout.ms": 4_000}  # how long readers wait for one that was stopped inside a transaction


def cutting(worker: Worker, more: int = 2) -> None:
    mark, life = worker.cuts, worker.lives
    worker.until(lambda: worker.cuts >= (mark + more if worker.lives == life else more), 120)


@pytest.mark.parametrize(
    "step", ["offsets sent", *(pytest.param(step, marks=pytest.mark.slow) for step in STEPS if step != "offsets sent")]
)
def test_a_zombie_that_wakes_up_changes_nothing(chain: Chain, step: str) -> None:
    """Stopped inside a cut past its session; a successor goes on; then both live."""
    chain.feed(500)
    kafka = {**chain.client, **ZOMBIE}
    groups = {**QUICK, "group.instance.id": "first"}
    chain.start("total")
    first = chain.start("join", "first", kafka=kafka, group_settings=groups, dies=[f"{step}:3:STOP"])
    first.until(first.stopped)
    second = chain.start("join", "second", kafka=kafka, group_settings={**QUICK, "group.instance.id": "second"})
    second.until(lambda: len(second.status.get("tasks", {})) == PARTITIONS)
    cutting(second, 3)
    first.send(signal.SIGCONT)
    first.until(lambda: first.exits or first.status.get("tasks") == {} or first.status.get("ready"))
    cutting(second, 3)
    found, expected = chain.counted()

    assert found == expected


def test_workers_join_and_leave_and_die_under_load(chain: Chain) -> None:
    chain.feed(1000)
    chain.start("total")
    first, second = chain.start("join", "a"), chain.start("join", "b")
    second.until(lambda: len(second.status.get("tasks", {})) == 2)
    cutting(first)
    chain.end(second, signal.SIGTERM)  # static: it takes its place again
    second = chain.start("join", "b")
    cutting(second)
    chain.end(second, signal.SIGKILL)
    third = chain.start("join", "c", group_settings=QUICK)  # dynamic: the others move over
    third.until(lambda: third.status.get("tasks"))
    cutting(first)
    chain.end(third, signal.SIGTERM)
    first.until(lambda: len(first.status.get("tasks", {})) == PARTITIONS)
    found, expected = chain.counted()

    assert found == expected


@pytest.mark.slow
def test_totals_are_exact_whatever_workers_do(chain: Chain) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    chain.feed(1000, foul=True)
    workers = {(stage, name): chain.start(stage, name) for stage in ("join", "total") for name in "ab"}
    for _ in range(12):
        at = chance.choice(("join", "total")), chance.choice("abc")
        known = workers.pop(at, None)
        if known:
            chain.end(known, chance.choice((signal.SIGTERM, signal.SIGKILL)))
        if not known or not any(stage == at[0] for stage, _ in workers):
            workers[at] = chain.start(*at)
            cutting(workers[at], 1)
    for stage in ("join", "total"):
        workers[stage, "z"] = chain.start(stage, "z")
    found, expected = chain.counted(120)

    assert found == expected, f"seed {seed}"


def test_two_workers_of_one_name_end_each_other_and_say_so(chain: Chain) -> None:
    chain.feed(500)
    chain.start("total")
    first = chain.start("join", "twin")
    cutting(first)
    second = chain.start("join", "twin", again=False)
    first.until(lambda: first.exits)
    cutting(first)
    found, expected = chain.counted()

    assert set(first.exits + second.exits) == {70}
    assert "another worker took the name" in first.said()
    assert found == expected


def test_topics_of_unequal_counts_end_a_worker_with_2(chain: Chain) -> None:
    with AdminClient(chain.client) as admin:
        admin.create_partitions([NewPartitions(f"{chain.prefix}outcomes", 6)])[f"{chain.prefix}outcomes"].result(20)
    worker = chain.start("join", again=False)
    worker.until(lambda: worker.exits)

    assert worker.exits == [2]
    assert f"{chain.prefix}predictions has 4 partitions, {chain.prefix}outcomes has 6 partitions" in worker.said()


def test_a_count_that_changes_meanwhile_ends_a_worker_with_2(chain: Chain) -> None:
    worker = chain.start("total", again=False, kafka={**chain.client, "topic.metadata.refresh.interval.ms": 1_000})
    worker.until(lambda: worker.status.get("ready"))
    with AdminClient(chain.client) as admin:
        admin.create_partitions([NewPartitions(f"{chain.prefix}blocks", 6)])[f"{chain.prefix}blocks"].result(20)
    worker.until(lambda: worker.exits)

    assert worker.exits == [2]
    assert f"{chain.prefix}blocks had 4 partitions" in worker.said()


def test_a_missing_changelog_ends_a_worker_with_2(chain: Chain) -> None:
    worker = chain.start("join", again=False, group=f"{chain.prefix}nowhere")
    worker.until(lambda: worker.exits)

    assert worker.exits == [2]
    assert f"{chain.prefix}nowhere-changelog: no such topic; `anchorwatch topics create`" in worker.said()


def test_topics_made_anew_are_refused(chain: Chain) -> None:
    """With a topic Kafka forgets where its groups stood; nobody begins at 0 with state that has counted it all."""
    chain.feed(1000)
    worker = chain.start("join")
    cutting(worker, 3)
    chain.end(worker, signal.SIGTERM)
    assert chain.load
    chain.load.end()
    delete(chain.client, f"{chain.prefix}predictions")
    create(chain.client, {f"{chain.prefix}predictions": PARTITIONS})
    worker = chain.start("join", again=False)
    worker.until(lambda: worker.exits)

    assert worker.exits == [2]
    assert f"the group stands at {chain.prefix}predictions nowhere" in worker.said()
    assert "`anchorwatch state adopt`" in worker.said()


def echoed(chain: Chain) -> list[tuple[Told, dict[str, Any]]]:
    """What the stage said, in the order of writing within each partition."""
    told = tail(chain.client, [f"{chain.prefix}echo"], since="beginning", until_end=True)
    return [(record, json.loads(record.value or b"")) for record in told]


@pytest.fixture
def echo(chain: Chain) -> Chain:
    create(chain.client, {f"{chain.prefix}echo": PARTITIONS})
    create(chain.client, {f"{chain.prefix}echo-changelog": PARTITIONS}, **COMPACTING)
    return chain


def test_a_stage_gets_traces_ends_and_spans(echo: Chain) -> None:
    """Of two traceparents the last one counts; keys without a partition go where Java's murmur2 sends them."""
    plain = Producer({**echo.client, "partitioner": "murmur2_random"})
    sources = [f"{echo.prefix}predictions", f"{echo.prefix}outcomes"]
    for n in range(100):
        headers: Any = [("traceparent", b"first"), ("traceparent", b"%d" % n)] if n != 50 else []
        plain.produce(sources[0], b"x", b"%d" % n, partition=0, headers=headers)
        plain.produce(sources[1], b"y", b"%d" % n)
    plain.flush(20)
    worker = echo.start("echo")
    worker.until(
        lambda: sum("size" in what for _, what in echoed(echo)) == 200 and sum(told.key == b"ended" for told, _ in echoed(echo)) == 8
    )
    found = echoed(echo)
    rows = [(told, what) for told, what in found if "size" in what]
    traces = {told.key: dict(told.headers).get("traceparent") for told, what in rows if what["topic"] == sources[0]}
    placed = {told.key: told.partition for told in tail(echo.client, sources[1:], since="beginning", until_end=True)}
    spans = [what["spans"][sources[0]] for told, what in found if told.key == b"cut"]

    assert traces == {b"%d" % n: None if n == 50 else b"%d" % n for n in range(100)}
    assert not any(told.headers for told, what in rows if what["topic"] == sources[1])
    assert all(placed[told.key] == told.partition for told, _ in rows)
    assert {what["topic"] for told, what in found if told.key == b"ended"} == set(sources)
    assert sum(end - begin for begin, end in spans) == max(end for _, end in spans) == 100, "spans overlap or leave a hole"


def test_an_hour_of_backlog_is_read_in_step(echo: Chain) -> None:
    """36,000 predictions and 1,800 outcomes of one hour; read as they come, most outcomes would be half an hour ahead."""
    plain = Producer({**echo.client, "linger.ms": 50})
    began = time.time_ns() // 1_000_000 - 3_600_000
    for n in range(36_000):
        plain.produce(f"{echo.prefix}predictions", bytes(500), partition=0, timestamp=began + n * 100)
        if n % 20 == 0:
            plain.produce(f"{echo.prefix}outcomes", b"y", partition=0, timestamp=began + n * 100)
        plain.poll(0)
    plain.flush(60)
    worker = echo.start("echo", kafka={**echo.client, "max.partition.fetch.bytes": 100_000})
    worker.until(lambda: worker.status.get("tasks", {}).get("0", {}).get(f"{echo.prefix}predictions") == 36_000)
    worker.until(lambda: sum("offset" in what for _, what in echoed(echo)) == 37_800)
    ahead, place = [], 0
    for _, what in sorted(echoed(echo), key=lambda one: one[1].get("n", 0)):
        if "offset" in what and what["topic"].endswith("predictions"):
            place = max(place, what["offset"])
        elif "offset" in what:
            ahead.append(what["offset"] * 20 - place)

    assert max(ahead) < 6_000, "an outcome came more than ten minutes of events before its prediction"


def test_a_source_whose_log_begins_later_than_zero_is_read(echo: Chain) -> None:
    """Retention took the first records before we were there; that is no loss of ours, and no place that is gone."""
    topic = f"{echo.prefix}predictions"
    plain = Producer(echo.client)
    for n in range(40):
        plain.produce(topic, b"x", partition=n % PARTITIONS)
    plain.flush(20)
    with AdminClient(echo.client) as admin:
        admin.delete_records([TopicPartition(topic, p, 5) for p in range(PARTITIONS)])[TopicPartition(topic, 0)].result(20)
    worker = echo.start("echo")
    worker.until(lambda: sum("offset" in what for _, what in echoed(echo)) == 20)

    assert worker.exits == []
    assert "records.lost" not in worker.said()


def test_a_slow_agent_is_waited_for(chain: Chain) -> None:
    """3 s in one batch: everything is paused meanwhile, and goes on after."""
    chain.feed(500)
    worker = chain.start("join", flaw="slow")
    chain.start("total")
    worker.until(lambda: "slow once" in worker.said())
    found, expected = chain.counted()
    worker.until(lambda: not any(worker.status["lag"].values()))

    assert found == expected
    assert worker.exits == []


@pytest.mark.slow
def test_a_broker_that_dies_and_comes_back_loses_nothing(tmp_path: Path, topic_prefix: str) -> None:
    with Broker(start_s_max=120) as broker:
        chain = Chain(dict(broker.client), topic_prefix, tmp_path)
        chain.create()
        chain.feed(300)
        workers = [chain.start(stage) for stage in ("join", "total")]
        for _ in range(2):
            for worker in workers:
                cutting(worker, 3)
            broker.nodes[0].stop()  # in order: killed in the middle of a commit, a single node may leave it undecided for good (F21)
            broker.nodes[0].start()
            broker.wait_until_ready()
        for worker in workers:
            cutting(worker, 3)
        found, expected = chain.counted(120)
        chain.close()

    assert found == expected
