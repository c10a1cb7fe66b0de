"""Between us and Java: starts, stops and kills the nodes as told by its standard input, and ends them all when that closes.

Run as a program: `guard.py PARENT FOLDER remove|keep`. One line of JSON in, one out:
    ["start", ["node1"], [command...], "log file"]    ["stop", [names]]    ["kill", [names]]    ["look", [names]]
    -> {"node1": [pid, null]}   or, ended: [pid, exit code];   a start that fails: {"error": "..."}

Why a process of its own: the end of a pipe is the one signal that also arrives after `kill -9` of the parent, on Linux and
macOS alike. PARENT is watched too, for a child that the parent forked holds the pipe open. At the end, `remove` kills the
nodes and deletes FOLDER; `keep` stops them in order. On Linux the nodes die with a killed guard (PR_SET_PDEATHSIG; it fires
when the starting thread ends, and this program has but one). On macOS SIGKILL of the guard leaves Java running, and
where guard and parent are both killed FOLDER stays. POSIX only.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

STOP_S_MAX = 20.0  # above: SIGKILL; a node that lost its quorum would wait for minutes
LOOK_S = 1.0  # how often the parent is looked for
PR_SET_PDEATHSIG = 1

Child = subprocess.Popen[bytes]


def dying_with_us() -> Callable[[], None] | None:
    """To be called in the child before it becomes Java. The library is loaded here: nothing may be allocated after a fork."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Children:
    """By name; a name that ended may be started again."""

    def __init__(self) -> None:
        self._of: dict[str, Child] = {}
        self._before_exec = dying_with_us()

    def start(self, names: list[str], command: list[str], log: str) -> None:
        with open(log, "ab") as out:  # noqa: PTH123 - pathlib would cost 10 ms of each start
            self._of[names[0]] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=self._before_exec,  # noqa: PLW1509 - this program has one thread
            )

    def stop(self, names: Iterable[str]) -> None:
        """SIGTERM to all at once: three nodes stopped in turn leave the last one waiting for a quorum."""
        deadline = time.monotonic() + STOP_S_MAX
        children = [self._of[name] for name in names if name in self._of]
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def kill(self, names: Iterable[str]) -> None:
        children = [self._of[name] for name in names if name in self._of]
        for child in children:
            child.kill()
        for child in children:
            child.wait()

    def look(self, names: Iterable[str]) -> dict[str, tuple[int, int | None]]:
        return {name: (self._of[name].pid, self._of[name].poll()) for name in names if name in self._of}

    def all(self) -> list[str]:
        return list(self._of)


def lines_from(parent: int) -> Iterable[str]:
    """Until the pipe ends or the parent does."""
    waiting = b""
    while True:
        readable, _, _ = select.select([0], [], [], LOOK_S)
        if not readable:
            if os.getppid() != parent:
                return
            continue
        if not (received := os.read(0, 65536)):
            return
        *whole, waiting = (waiting + received).split(b"\n")
        yield from (line.decode() for line in whole)


def answer(children: Children, verb: str, names: list[str], *more: Any) -> dict[str, Any]:
    try:
        if verb != "look":
            getattr(children, verb)(names, *more)
    except OSError as error:
        return {"error": str(error)}
    return children.look(names)


def main(parent: int, folder: str, at_end: str) -> None:
    children = Children()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for line in lines_from(parent):
            reply = json.dumps(answer(children, *json.loads(line))) + "\n"
            os.write(1, reply.encode())
    except BrokenPipeError:
        pass  # the parent ended between question and answer
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough, the end must be reached
        if at_end == "remove":
            children.kill(children.all())
            shutil.rmtree(folder, ignore_errors=True)
        else:
            children.stop(children.all())


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:4])
