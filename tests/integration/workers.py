"""Single stage processes by the worker's own entry, started again at once when they end: a supervisor would wait longer each time."""

import json
import signal
import subprocess
import sys
import threading
from typing import Any

import msgspec
from tests.integration.ground import Ground, until

from anchorwatch.config import load
from anchorwatch.runtime import job


class Worker:
    """`python -m anchorwatch.runtime.worker`, named `instance` among its equals. Use it with `with`; `exits` holds the codes of ended lives."""

    def __init__(self, ground: Ground, stage: str, instance: str = "a") -> None:
        settings = load(ground.folder / "anchorwatch.yaml", {}, {"instance": instance})
        feed = settings.feeds([])[0] if stage == "ingest" else None
        self.order = msgspec.json.encode(job.of_settings(settings, [], feed)) + b"\n"
        self.ground, self.stage, self.name = ground, stage, f"{stage}-{instance}"
        self.log = ground.folder / f"{self.name}.log"
        self.exits: list[int] = []
        self.status: dict[str, Any] = {}
        self._ending = threading.Event()
        self._door = threading.Lock()
        self.process = self._start()
        self._thread = threading.Thread(target=self._watch, name=self.name, daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.status = {}
        command = [sys.executable, "-m", "anchorwatch.runtime.worker"]
        with self.log.open("a") as log:
            process = subprocess.Popen(
                command, cwd=self.ground.folder, env=self.ground.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        assert process.stdin, "it was asked for"
        process.stdin.write(self.order)
        process.stdin.flush()
        return process

    def _watch(self) -> None:
        while True:
            assert self.process.stdout, "it was asked for"
            for line in self.process.stdout:
                self.status = json.loads(line).get("status", self.status)
            self.exits.append(self.process.wait())
            with self._door:
                if self._ending.is_set():
                    return
                self.process = self._start()

    def wait_ready(self) -> None:
        until(lambda: self.status.get("ready") and self.status.get("partitions"), 90, lambda: f"{self.name}: {self.said()}")

    def kill(self) -> None:
        """It comes again by itself."""
        self.process.kill()

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """It does not come again. The exit code."""
        with self._door:
            self._ending.set()
            self.process.send_signal(how)
        self._thread.join(30)
        assert not self._thread.is_alive(), f"{self.name} does not end: {self.said()}"
        return self.exits[-1]

    def said(self) -> str:
        return self.log.read_text()[-4_000:]

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.end(signal.SIGKILL)
