"""Workers of both stages join, leave and die for good while events stream in: totals per segment stay exact."""

import signal
from collections.abc import Callable
from contextlib import ExitStack

from tests.integration.ground import PARTITIONS, Ground, until
from tests.integration.stream import Stream
from tests.integration.totals import broken, exact, expected
from tests.integration.workers import Worker


def test_two_workers_a_stage_that_come_and_go_cost_nothing(ground: Callable[..., Ground]) -> None:
    there = ground().prepare()
    with ExitStack() as open_workers:

        def start(stage: str, instance: str) -> Worker:
            return open_workers.enter_context(Worker(there, stage, instance))

        ingest_a, judge_a = start("ingest", "a"), start("judge", "a")
        ingest_a.wait_ready()
        judge_a.wait_ready()
        stream = Stream(there.kafka, there.prefix, rate=300)
        ingest_b, judge_b = start("ingest", "b"), start("judge", "b")
        ingest_b.wait_ready()
        judge_b.wait_ready()
        workers = (ingest_a, ingest_b, judge_a, judge_b)
        until(lambda: [len(worker.status["tasks"]) for worker in workers] == [2, 2, 1, 1], what=ingest_b.said)
        codes = [ingest_a.end(signal.SIGTERM), judge_b.end(signal.SIGKILL)]
        until(lambda: len(ingest_b.status.get("tasks", ())) == PARTITIONS and len(judge_a.status.get("tasks", ())) == 2, what=ingest_b.said)
        again = [start("ingest", "a"), start("judge", "b")]
        for worker in again:
            worker.wait_ready()
        found = exact(there, fed := stream.end())
        exits = [list(worker.exits) for worker in (ingest_b, judge_a, *again)]

    assert found == expected(fed), f"{ingest_b.said()}\n{judge_a.said()}"
    assert (codes, exits) == ([0, -9], [[], [], [], []])
    assert broken(there) == {}
