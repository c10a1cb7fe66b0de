"""The rules of Faust and mode that the engine rests on, each a test against the pinned versions. Public names only."""

import ast
import asyncio
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import faust
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from tests.engine.chain import create, delete, until
from tests.engine.conftest import Kafka
from tests.engine.test_task import Notebook

from anchorwatch.engine.app import App, NoClients
from anchorwatch.engine.settings import CLASSIC, READING, consumer

APP = Path(__file__).parents[2] / "app"
NOWHERE = {"bootstrap.servers": "127.0.0.1:9", "log_level": 0}


def app() -> App:
    return App("rules", NOWHERE, "a", ["p"], lambda task, tasks, chunks: Notebook())


def outside(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A process of its own: Faust has global state, and workers own their signals."""
    env = {**os.environ, "PYTHONPATH": str(APP)}
    return subprocess.run([sys.executable, "-c", code], env=env, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


WORKER = """
import os, signal, threading
from anchorwatch.engine.app import App
from anchorwatch.engine.task import Task
app = App("rules", {"bootstrap.servers": "127.0.0.1:9", "log_level": 0}, "a", ["p"], lambda task, tasks, chunks: None)
@app.agent(app.batches)
async def agent(batches):
    async for batch in batches: pass
"""


def test_the_versions_are_those_that_the_rules_were_read_in() -> None:
    assert importlib.metadata.version("faust-streaming") == "0.15.3"
    assert importlib.metadata.version("mode-streaming").startswith("0.7.")


def test_faust_starts_no_client_and_no_web_server() -> None:
    boot = NoClients(app())
    services = [type(service).__name__ for service in boot.server()]

    assert services == ["AgentManager"]


def test_a_channel_drops_what_nobody_listens_to() -> None:
    """So the thread waits for a listener, and a batch that is missing is noticed."""

    async def put() -> bool:
        channel = faust.App("drops", broker="kafka://", autodiscover=False).channel(maxsize=1)
        await asyncio.wait_for(channel.put(1), 5)
        await asyncio.wait_for(channel.put(2), 5)  # does not block: there is no queue
        return bool(channel.empty())

    assert asyncio.run(put())


def test_flow_starts_suspended_and_resuming_clears_what_waits() -> None:
    """So `resume` is called once, before anything is handed on, and never again."""

    async def resumed() -> tuple[bool, bool]:
        app = faust.App("flow", broker="kafka://", autodiscover=False)
        channel = app.channel(maxsize=4).clone(is_iterator=True)
        suspended = not app.flow_control.is_active()
        app.flow_control.resume()
        await channel.put(1)
        app.flow_control.suspend()
        app.flow_control.resume()
        return suspended, bool(channel.empty())

    assert asyncio.run(resumed()) == (True, True)


def test_a_channel_holds_back_beyond_sixteen_batches() -> None:
    async def filled() -> int:
        own = app()
        own.flow_control.resume()
        listener = own.batches.clone(is_iterator=True)
        for n in range(100):
            try:
                await asyncio.wait_for(own.batches.put(n), 0.2)
            except TimeoutError:
                return n
        return int(listener.queue.qsize())

    assert asyncio.run(filled()) == 16


def test_a_worker_makes_no_directory_where_it_stands(tmp_path: Path) -> None:
    ended = outside(WORKER + "threading.Timer(1, os.kill, [os.getpid(), signal.SIGTERM]).start()\napp.run()", tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_sigusr2_opens_no_debugger(tmp_path: Path) -> None:
    code = """
threading.Timer(1, os.kill, [os.getpid(), signal.SIGUSR2]).start()
threading.Timer(2, os.kill, [os.getpid(), signal.SIGTERM]).start()
app.run(at_exit=lambda: print("left in order", flush=True))
"""
    ended = outside(WORKER + code, tmp_path)

    assert (ended.returncode, ended.stdout) == (0, "left in order\n")
    assert "debugger" not in ended.stderr.lower()


def test_whatever_a_service_raises_becomes_exit_70(tmp_path: Path) -> None:
    """mode makes 1 of it."""
    code = """
@app.timer(0.1)
async def fails(): raise KeyError("the timer's own")
app.run()
"""
    ended = outside(WORKER + code, tmp_path)

    assert ended.returncode == 70
    assert "the timer's own" in ended.stderr


def test_nothing_private_of_faust_or_mode_is_used() -> None:
    """`_name` is only ever taken from our own objects, from named tuples, as a constant of Kafka's errors, or to leave."""
    used = {
        ast.unparse(node)
        for path in (APP / "anchorwatch" / "engine").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
    }
    allowed = ("self._", "ck.KafkaError._", "os._exit", "record._replace")

    assert [text for text in sorted(used) if not text.startswith(allowed)] == []
    assert not used & {f"self.{name}" for name in dir(faust.App) if name.startswith("_")}


@pytest.mark.parametrize(
    "name", ["agent", "batches", "control", "cutter", "engine", "fail", "ready", "alive", "status", "reader", "trouble", "watchdog"]
)
def test_no_name_of_ours_hides_one_of_fausts_app(name: str) -> None:
    assert name == "agent" or not hasattr(faust.App, name)


def test_a_seek_right_after_the_assignment_is_kept_when_partitions_stand_at_a_plain_offset(kafka: Kafka, topic_prefix: str) -> None:
    """With OFFSET_END the client would ask for it, drop the answer for our pause, ask again after 500 ms, and leave our place for it."""
    topic = f"{topic_prefix}seek"
    create(kafka.client, {topic: 1})
    plain = Producer(kafka.client)
    for _ in range(20):
        plain.produce(topic, b"x")
    plain.flush(20)
    client = consumer(kafka.client, CLASSIC, READING, {"group.id": topic, "auto.offset.reset": "error"})

    def assigned(client: Consumer, tps: list[TopicPartition]) -> None:
        tps = client.offsets_for_times([TopicPartition(topic, 0, OFFSET_BEGINNING)], 20)
        client.assign(tps)
        client.pause(tps)
        client.seek(TopicPartition(topic, 0, 10))

    client.subscribe([topic], on_assign=assigned)
    until(lambda: client.consume(1, 0.1) or client.assignment())
    client.resume(client.assignment())
    found: list[int | None] = []
    limit = time.monotonic() + 20
    while len(found) < 11 and time.monotonic() < limit:
        found += [m.offset() for m in client.consume(20, 0.1)]
    client.close()
    delete(kafka.client, topic)

    assert found == [*range(10, 20), 20], "ten rows and the end"


def test_status_is_plain_data() -> None:
    assert json.loads(json.dumps(app().status()))["ready"] is False
