"""`run` as a program on a real Kafka: exact counts through both stages, also after a kill, and an end that leaves nothing behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import msgspec
import pytest
from tests.runtime.installation import CONTRACT, Installation, Running, until

from anchorwatch.config import load
from anchorwatch.errors import ConfigError
from anchorwatch.events import Observation
from anchorwatch.runtime.supervise import Supervisor

OTHER = CONTRACT.replace("model: fraud", "model: churn").replace("task: binary", "task: binary\nsource: {predictions: {topic: TOPIC}}")


def series(running: Running, name: str) -> float:
    """Sum of one metric over its labels."""
    lines = [line for line in running.get("/metrics")[1].splitlines() if line.startswith(name + "{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def matured(of: Installation) -> int:
    """Predictions that were judged with their label, by the observations that committed readers see."""
    observations = [msgspec.msgpack.decode(told.value or b"", type=Observation) for told in of.told("observations")]
    return sum(each.tallies.get("prod/fraud", {}).get("matured", 0) for each in observations)


def alive(process: int) -> bool:
    """A zombie is none: containers may have nobody who reaps what lost its parent."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False, timeout=10).stdout
    return bool(told.strip()) and not told.startswith("Z")


@pytest.mark.smoke
def test_events_are_counted_once_through_both_stages_whatever_is_killed(installation: Callable[..., Installation]) -> None:
    """2,000 predictions with outcomes, each tenth label wrong; ingest and judge are killed while the second half comes."""
    there = installation()
    there.create()
    with there.run() as running:
        running.wait_ready()
        there.feed(0, 1_000)
        until(lambda: series(running, "anchorwatch_predictions_total") == 1_000, what=lambda: running.words)
        victims = [running.stage("default")["process"], running.stage("judge")["process"]]
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        there.feed(1_000, 1_000)
        until(lambda: running.stage("default")["restarts"] >= 1 and running.stage("judge")["restarts"] >= 1, what=lambda: running.words)
        running.wait_ready()
        blocks = until(lambda: found if (found := matured(there)) >= 2_000 else 0, what=lambda: running.words)
        until(lambda: series(running, "anchorwatch_consumer_lag") == 0)
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        code = running.process.wait(20)

    assert (blocks, code) == (2_000, 0)
    assert time.monotonic() - began < 10
    assert "ended by signal 9" in running.words


def test_a_feed_with_unequal_topics_stops_alone_and_says_what_to_do(installation: Callable[..., Installation]) -> None:
    there = installation()
    (there.folder / "contracts" / "churn.yaml").write_text(OTHER.replace("TOPIC", f"{there.prefix}scored"))
    there.create(**{f"{there.prefix}scored": 3})
    there.topic("scored", 3)
    with there.run() as running:
        until(lambda: running.stage(f"{there.prefix}scored").get("state") == "needs a person", what=lambda: running.words)
        until(lambda: running.stage("judge").get("state") == "ready", what=lambda: running.words)
        until(lambda: running.stage("default").get("state") == "ready", what=lambda: running.words)
        status = running.ready()["status"]

    assert status == 503
    assert f"{there.prefix}outcomes has 2 partitions" in running.words
    assert running.process.returncode == 0


def test_nothing_that_can_run_is_exit_2(installation: Callable[..., Installation]) -> None:
    there = installation()

    done = there.command("run")

    assert done.returncode == 2
    assert "`anchorwatch topics create` makes what is missing" in done.stderr


def test_stages_leave_when_their_supervisor_is_killed(installation: Callable[..., Installation]) -> None:
    there = installation()
    there.create()
    with there.run() as running:
        running.wait_ready()
        processes = [stage["process"] for stage in running.ready()["stages"]]
        running.process.kill()

        until(lambda: not any(map(alive, processes)), 20)


def test_a_contract_with_topics_of_its_own_gets_a_process_while_others_run(installation: Callable[..., Installation]) -> None:
    there = installation()
    feed = f"{there.prefix}scored"
    there.create(**{feed: 2})
    there.topic("scored", 2)
    with there.run() as running:
        running.wait_ready()
        there.apply(OTHER.replace("TOPIC", feed))
        until(lambda: running.stage(feed).get("state") == "ready", what=lambda: running.words)
        there.remove("prod/churn")
        until(lambda: not running.stage(feed), what=lambda: running.words)

        assert running.wait_ready()["models"] == 1


@pytest.mark.parametrize(("stage", "feed"), [("jugde", ""), ("", "default"), ("judge", "default")])
def test_a_stage_or_feed_that_makes_no_sense_is_refused(stage: str, feed: str) -> None:
    with pytest.raises(ConfigError, match="leave it out"):
        Supervisor(load(None, {}, {"kafka.bootstrap.servers": "nowhere:1"}), [], stage, feed)
