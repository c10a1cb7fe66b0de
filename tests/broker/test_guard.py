"""The guard with small programs in Java's place: whoever ends, whatever ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anchorwatch.broker import NodeFailed
from anchorwatch.broker.node import GUARD, Guard

SLEEP = ["sleep", "600"]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nodes").mkdir()
    return tmp_path / "nodes"


def run(guard: Guard, folder: Path, command: list[str], name: str = "one") -> int:
    pid: int = guard.ask("start", [name], command, str(folder / "log"))[name][0]
    return pid


def test_the_end_ends_its_programs_and_removes_their_folder(folder: Path) -> None:
    guard = Guard(folder, remove=True)
    pids = [run(guard, folder, SLEEP, name) for name in ("one", "two")]

    guard.end()

    assert [gone(pid) for pid in pids] == [True, True]
    assert not folder.exists()


def test_a_folder_to_keep_is_kept_and_its_programs_are_asked_to_end(folder: Path) -> None:
    guard = Guard(folder, remove=False)
    run(guard, folder, ["sh", "-c", "trap 'echo in order; kill $!; exit' TERM; echo up; sleep 600 & wait"])
    while "up" not in (folder / "log").read_text():
        guard.ask("look", ["one"])

    guard.end()

    assert (folder / "log").read_text() == "up\nin order\n"


def test_killed_stopped_and_ended_ones_are_told_apart_by_their_codes(folder: Path) -> None:
    guard = Guard(folder, remove=True)
    run(guard, folder, SLEEP, "killed")
    run(guard, folder, SLEEP, "stopped")

    codes = [guard.ask("kill", ["killed"])["killed"][1], guard.ask("stop", ["stopped"])["stopped"][1]]

    guard.end()
    assert codes == [-signal.SIGKILL, -signal.SIGTERM]


def test_a_program_that_cannot_be_run_is_an_error_and_the_guard_goes_on(folder: Path) -> None:
    guard = Guard(folder, remove=True)

    with pytest.raises(NodeFailed, match="No such file or directory: '/nowhere/java'"):
        run(guard, folder, ["/nowhere/java"])

    assert not gone(run(guard, folder, SLEEP))
    guard.end()


def test_a_guard_that_ended_is_an_error_with_a_next_step(folder: Path) -> None:
    guard = Guard(folder, remove=True)
    guard.end()

    with pytest.raises(NodeFailed, match="Start the broker again"):
        guard.ask("look", ["one"])


FORKS = f"""
import json, os, subprocess, sys, time
command = [sys.executable, "-IS", {str(GUARD)!r}, str(os.getpid()), sys.argv[1], "remove"]
guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
guard.stdin.write(json.dumps(["start", ["one"], ["sleep", "600"], sys.argv[1] + "/log"]).encode() + b"\\n")
guard.stdin.flush()
started = json.loads(guard.stdout.readline())["one"][0]
child = os.fork()
if child == 0:
    time.sleep(600)
print(json.dumps([started, child]), flush=True)
time.sleep(600)
"""


def test_a_forked_child_that_holds_the_pipe_does_not_keep_them_alive(folder: Path, until: Any) -> None:
    parent = subprocess.Popen([sys.executable, "-c", FORKS, str(folder)], stdout=subprocess.PIPE)
    assert parent.stdout
    with parent.stdout:
        started, child = json.loads(parent.stdout.readline())

    parent.kill()
    parent.wait()

    assert until(lambda: gone(started) and not folder.exists(), seconds=10)
    os.kill(child, signal.SIGKILL)


@pytest.mark.slow
def test_a_program_that_does_not_end_is_killed_after_20_s(folder: Path) -> None:
    guard = Guard(folder, remove=False)
    pid = run(guard, folder, ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"])
    while "up" not in (folder / "log").read_text():
        guard.ask("look", ["one"])

    guard.end()

    assert gone(pid)
