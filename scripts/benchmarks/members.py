"""Members of two kinds of consumer groups, which can be killed, leave and come back, and an eye on what a group commits."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Protocol, Self

from scripts.benchmarks.committed import Committed
from scripts.benchmarks.load import PARTITIONS
from scripts.benchmarks.program import Program

LOOK_S = 0.02
END_S_MAX = 20


class Member(Protocol):
    def start(self) -> None: ...

    def kill(self) -> None:
        """SIGKILL to what reads Kafka."""

    def restart(self) -> None:
        """After a kill, for one that nobody supervises."""

    def leave(self) -> None:
        """Asked to go; does not come back by itself."""

    def holds(self) -> int:
        """Partitions of a topic that it works on."""

    def end(self) -> None: ...

    def log(self) -> str: ...


class OurMember:
    """`anchorwatch run --stage ingest`."""

    def __init__(self, file: Path, instance: str) -> None:
        self.file, self.instance = file, instance
        self.program: Program | None = None

    def start(self) -> None:
        self.program = Program(self.file, "ingest", self.instance)
        self.program.__enter__()

    def kill(self) -> None:
        assert self.program, "it was started"
        os.kill(self.program.stages()["ingest"], signal.SIGKILL)

    def restart(self) -> None:
        """Its supervisor does."""

    def leave(self) -> None:
        self.end()

    def holds(self) -> int:
        return self.program.tasks() if self.program and self.program.is_ready() else 0

    def end(self) -> None:
        if self.program:
            self.program.end()
            self.program = None

    def log(self) -> str:
        return self.program.log() if self.program else f"{self.instance} has left"


class BareMember:
    """A process of opponents.py that prints a line of JSON for each assignment."""

    def __init__(self, kafka: dict[str, Any], prefix: str, group: str, instance: str, folder: Path, static: bool) -> None:
        self.command = [
            sys.executable, "-m", "scripts.benchmarks.opponents", "member", kafka["bootstrap.servers"], prefix, "0", group,
            instance if static else "",
        ]  # fmt: skip
        self.file = folder / f"{group}-{instance}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.file.open("wb") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        assert self.process, "it was started"
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.start()

    def leave(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(END_S_MAX)

    def holds(self) -> int:
        if not self.process or self.process.poll() is not None:
            return 0
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return int(lines[-1]["partitions"]) if lines else 0

    def end(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return self.file.read_text(errors="replace") if self.file.exists() else ""


class Watch:
    """A thread that notes when the committed offset of each partition of a topic moves."""

    def __init__(self, kafka: dict[str, Any], group: str, topic: str) -> None:
        self.committed = Committed(kafka, group, [topic], PARTITIONS)
        self._steps: dict[int, list[float]] = {p: [] for p in range(PARTITIONS)}
        self._offsets = dict.fromkeys(range(PARTITIONS), 0)
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._marked_s = 0.0
        self._thread = threading.Thread(target=self._look, name=f"watch {group}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.committed.close()

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_S):
            found, now = self.committed.now(), time.monotonic()
            with self._lock:
                for (_, p), offset in found.items():
                    if offset > self._offsets[p]:
                        self._offsets[p] = offset
                        self._steps[p].append(now)

    def steps(self) -> dict[int, list[float]]:
        """Times of each partition, ascending."""
        with self._lock:
            return {p: list(times) for p, times in self._steps.items()}

    def mark(self) -> None:
        self._marked_s = time.monotonic()

    def steps_since_mark(self) -> int:
        """Of the partition that made the fewest."""
        return min(sum(t > self._marked_s for t in times) for times in self.steps().values())
