"""One Kafka process, broker and controller in one, and our end of the guard that holds all of them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from anchorwatch.broker.failures import BrokerError, NodeFailed

GUARD = Path(__file__).with_name("guard.py")
LOG_BYTES_MAX = 5_000_000  # above: begun anew; only warnings and errors are written
LAST_LINES, LINE_MAX = 12, 400
NOISE = ("\tat ", "Bootstrap metadata:", "Formatting metadata")
END_S_MAX = 30.0  # of the guard; it gives its nodes 20


class Guard:
    """Starts guard.py, apart from the terminal, so that Ctrl-C reaches us alone. Safe to use from several threads."""

    def __init__(self, folder: Path, *, remove: bool) -> None:
        command = [sys.executable, "-IS", str(GUARD), str(os.getpid()), str(folder), "remove" if remove else "keep"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._one_at_a_time = threading.Lock()
        self._pids: dict[str, int] = {}

    def ask(self, verb: str, names: Sequence[str], *more: object) -> dict[str, Any]:
        """{name: [pid, exit code or None]}; raises NodeFailed when the guard is gone or cannot start a program."""
        assert self._process.stdin, "opened as a pipe"
        assert self._process.stdout, "opened as a pipe"
        with self._one_at_a_time:
            try:
                self._process.stdin.write(json.dumps([verb, names, *more]).encode() + b"\n")
                self._process.stdin.flush()
                line = self._process.stdout.readline()
            except (OSError, ValueError):  # ValueError: closed by us
                line = b""
        if not line:
            raise NodeFailed("The guard of the Kafka nodes has ended, and they with it. Start the broker again.")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise NodeFailed(f"Cannot run {names[0]} of Kafka: {reply['error']}. Check Java, the disk and the limits of processes.")
        self._pids |= {name: pid for name, (pid, _) in reply.items()}
        return reply

    def end(self) -> None:
        """All nodes end, and the folder goes where it is to be removed."""
        with self._one_at_a_time:
            assert self._process.stdin, "opened as a pipe"
            with suppress(OSError):
                self._process.stdin.close()
            try:
                killed = self._process.wait(END_S_MAX) == -signal.SIGKILL
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                killed = True
            if killed:
                self._kill_orphans()
            if self._process.stdout:
                self._process.stdout.close()

    def _kill_orphans(self) -> None:
        """Where the guard was killed and the system does not end its children: macOS."""
        for pid in self._pids.values():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


class Node:
    """It can be stopped or killed, and started again; `wait_until_ready` of the broker tells when it is back."""

    def __init__(self, folder: Path, port: int, java: Sequence[str], settings: Mapping[str, str], guard: Guard) -> None:
        self.name, self.folder, self.port = folder.name, folder, port
        self.log = folder / "node.log"
        self._scratch = folder / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        # Java ignores TMPDIR, and a killed one leaves the lz4 and snappy libraries that it unpacked
        self._java = [java[0], f"-Djava.io.tmpdir={self._scratch}", *java[1:]]
        self._properties = folder / "server.properties"
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), "utf-8")
        self._guard = guard

    def begin_format(self, cluster: str, arguments: Sequence[str]) -> None:
        """`--cluster-id=`, for one identifier of 64 begins with "-"; a storage already formatted stays as it is."""
        tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", f"--cluster-id={cluster}", "-c", str(self._properties)]
        self._run(self._formatter, [*tool, *arguments])

    def is_formatted(self) -> bool:
        """False while it works; raises NodeFailed when it could not."""
        (_, code) = self._guard.ask("look", [self._formatter])[self._formatter]
        if code:
            raise NodeFailed(f"Kafka cannot prepare its storage in {self.folder}. Its log says:\n{self.last_lines()}")
        return code is not None

    def start(self) -> None:
        """Does nothing while it runs."""
        if not self.is_running:
            self._run(self.name, ["kafka.Kafka", str(self._properties)])

    def stop(self) -> None:
        """In order: leadership is handed over, files are closed. 0.3 s alone, 0.9 s as one of three."""
        self._guard.ask("stop", [self.name])

    def kill(self) -> None:
        """SIGKILL; what was written stays in the files."""
        self._guard.ask("kill", [self.name])

    @property
    def pid(self) -> int | None:
        """Of Java; None when it does not run."""
        pid, code = self._guard.ask("look", [self.name]).get(self.name, (None, None))
        return pid if code is None else None

    @property
    def is_running(self) -> bool:
        try:
            return self.pid is not None
        except BrokerError:  # the guard is gone
            return False

    def last_lines(self, count: int = LAST_LINES) -> str:
        """Without the frames of Java's stack traces and the formatter's report, under which the sentence that matters would be lost."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([line[:LINE_MAX] for line in lines if not line.startswith(NOISE)][-count:])

    def bound_log(self) -> None:
        """Java appends, so a file cut to nothing goes on from its beginning."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            os.truncate(self.log, 0)

    @property
    def _formatter(self) -> str:
        return f"{self.name}-format"

    def _run(self, name: str, arguments: Sequence[str]) -> None:
        if name == self.name:
            shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(exist_ok=True)
        self._guard.ask("start", [name], [*self._java, *arguments], str(self.log))
