"""`anchorwatch broker` as a person types it, in a state folder of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import anchorwatch

PORT = 28150
ROOT = Path(anchorwatch.__file__).parents[1]


@dataclass
class Shell:
    environment: dict[str, str]

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "anchorwatch", "broker", *words]

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code, and all that was printed."""
        done = subprocess.run(self.command(*words), env=self.environment, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout + done.stderr

    def json(self, *words: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run(*words, "--json")[1])
        return told


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell({**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)})
    yield shell
    shell.run("stop")


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


@pytest.mark.kafka
def test_it_runs_from_start_to_stop_and_leaves_nothing_behind(shell: Shell, tmp_path: Path) -> None:
    assert shell.run("status") == (3, "no broker runs; start one with `anchorwatch broker start`\n")

    code, text = shell.run("start", "--port", str(PORT))
    assert (code, f"at 127.0.0.1:{PORT}; data are thrown away at stop" in text) == (0, True)
    told = shell.json("status")
    assert (told["running"], told["bootstrap"], told["nodes"][0]["running"]) == (True, f"127.0.0.1:{PORT}", True)
    assert re.search(r"node 1 +127.0.0.1:28150 +process \d+", shell.run("status")[1])
    assert shell.run("start", "--port", str(PORT + 1)) == (
        2,
        f"✗ A broker runs already at 127.0.0.1:{PORT}. Use it, or end it by `anchorwatch broker stop`.\n",
    )

    assert shell.run("stop") == (0, "✓ stopped; its data are gone\n")
    assert shell.run("stop") == (0, "no broker runs\n")
    assert list(tmp_path.glob("anchorwatch-kafka-*")) == []
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", PORT)) != 0


@pytest.mark.kafka
def test_a_killed_daemon_takes_its_kafka_along_and_status_says_so(shell: Shell, tmp_path: Path) -> None:
    told = shell.json("start", "--port", str(PORT))

    os.kill(told["pid"], signal.SIGKILL)

    assert until(lambda: list(tmp_path.glob("anchorwatch-kafka-*")) == [])
    assert until(lambda: f"process {told['pid']}, was killed" in shell.run("status")[1])
    assert shell.json("status") == {"running": False}


@pytest.mark.kafka
@pytest.mark.slow
def test_a_killed_node_ends_the_daemon_which_says_why(shell: Shell, tmp_path: Path) -> None:
    os.kill(shell.json("start", "--port", str(PORT))["nodes"][0]["pid"], signal.SIGKILL)

    assert until(lambda: "node1 of Kafka has ended" in shell.run("status")[1])


@pytest.mark.kafka
def test_in_the_foreground_it_keeps_data_and_ends_with_ctrl_c(shell: Shell, tmp_path: Path) -> None:
    command = shell.command("start", "--port", str(PORT), "--foreground", "--data", str(tmp_path / "kept"), "--json")
    process = subprocess.Popen(command, env=shell.environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process.stdout:
        assert json.loads(process.stdout.readline())["data"] == str(tmp_path / "kept")
        process.send_signal(signal.SIGINT)

        assert process.wait(60) == 0
    assert (tmp_path / "kept" / "node1" / "data" / "meta.properties").exists()


@pytest.mark.kafka
@pytest.mark.slow
def test_three_nodes_keep_their_data_and_status_names_the_one_that_is_down(shell: Shell, tmp_path: Path) -> None:
    told = shell.json("start", "--port", str(PORT), "--nodes", "3", "--data", str(tmp_path / "kept"))
    assert [node["port"] for node in told["nodes"]] == [PORT, PORT + 1, PORT + 2]

    os.kill(told["nodes"][1]["pid"], signal.SIGKILL)

    assert until(lambda: shell.run("status")[0] == 1)
    assert re.search(r"node 2 +127.0.0.1:28151 +down", shell.run("status")[1])
    assert shell.run("stop") == (0, f"✓ stopped; its data are kept in {tmp_path / 'kept'}\n")
    assert shell.run("start", "--port", str(PORT), "--data", str(tmp_path / "kept"))[0] == 2


def test_a_taken_port_is_named_and_another_one_offered(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", PORT)):
        code, text = shell.run("start", "--port", str(PORT))

    assert (
        code,
        re.search(rf"✗ Port {PORT} on 127.0.0.1 is taken by another program. Choose another, say --port \d+", text) is not None,
    ) == (2, True)


def test_jars_that_cannot_be_fetched_are_told_through_the_daemon(shell: Shell, tmp_path: Path) -> None:
    shell.environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "ANCHORWATCH_MAVEN_URL": "http://127.0.0.1:9"}

    code, text = shell.run("start", "--port", str(PORT))

    assert (code, "… fetching 46 jars" in text, "set ANCHORWATCH_MAVEN_URL" in text) == (2, True, True)
