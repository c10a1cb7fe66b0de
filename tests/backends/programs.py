"""Jaeger and Prometheus as child processes on free loopback ports: ready when they say so, gone with the test."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
BUILD = "scripts/backends   # needs Go 1.26, takes some minutes once"


@dataclass(frozen=True)
class Program:
    name: str
    arguments: str  # {dir} is its own folder, {0}, {1}, ... are free ports, the first of them for queries
    ready: str  # the path that answers 200 once it is
    config: str
    ports: int = 1

    def binary(self) -> Path:
        """In ANCHORWATCH_BACKENDS, else in the user's cache; skips the test, with the command to get it, when it is missing."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")  # as scripts/backends has it
        folder = Path(os.environ.get("ANCHORWATCH_BACKENDS") or cache / "anchorwatch" / "backends")
        if not (folder / self.name).is_file():
            pytest.skip(f"{self.name} is not in {folder}; build it by\n    {BUILD}")
        return folder / self.name


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    ports: tuple[int, ...]

    def url(self, path: str = "", port: int = 0) -> str:
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def get(self, path: str, **query: str | int) -> Any:
        """JSON, or None while there is nothing (404)."""
        address = self.url(path) + (f"?{urllib.parse.urlencode(query)}" if query else "")
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise


JAEGER = Program(
    name="jaeger",
    arguments="--config {dir}/config",
    ready="/api/services",
    ports=3,  # queries, queries over grpc (cannot be switched off), OTLP
    config="""
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines: {{traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}}}  # no batches: what is sent can be asked for
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
extensions:
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 10000}}}}}}}}
  jaeger_query: {{storage: {{traces: memory}}, http: {{endpoint: "127.0.0.1:{0}"}}, grpc: {{endpoint: "127.0.0.1:{1}"}}}}
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{2}"}}}}}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: memory}}}}
""",
)
PROMETHEUS = Program(
    name="prometheus",
    arguments="--config.file={dir}/config --storage.tsdb.path={dir}/data --web.listen-address=127.0.0.1:{0}"
    " --web.enable-otlp-receiver --enable-feature=exemplar-storage",
    ready="/-/ready",
    ports=2,  # its own, and one for a target that it scrapes
    config="""
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: scraped, static_configs: [{{targets: ["127.0.0.1:{1}"]}}]}}]
""",
)


@contextmanager
def running(program: Program, patience_s: float = 30) -> Iterator[Running]:
    binary = program.binary()
    with tempfile.TemporaryDirectory(prefix=f"{program.name}-") as folder, Path(folder, "log").open("w+b") as log:
        ports = _free_ports(program.ports)
        Path(folder, "config").write_text(program.config.format(*ports))
        command = [str(binary), *program.arguments.format(*ports, dir=folder).split()]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            started = Running(process, ports)
            if not _ready(started, program.ready, patience_s):
                log.seek(0)
                state = "is not ready" if process.poll() is None else f"ended with {process.returncode}"
                pytest.fail(f"{program.name} {state} (patience {patience_s} s):\n{log.read().decode(errors='replace')[-2000:]}")
            yield started
        finally:
            process.kill()  # not terminate: nothing is worth saving, and Jaeger takes 10 s over it
            process.wait()


def eventually(ask: Callable[[], T], good: Callable[[T], object], patience_s: float = 15) -> T:
    """The first answer that is good; the last one is in the error."""
    deadline = time.monotonic() + patience_s
    while not good(answer := ask()):
        assert time.monotonic() < deadline, f"not within {patience_s} s; last answer {str(answer)[:600]}"
        time.sleep(0.05)
    return answer


def _ready(started: Running, path: str, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while started.process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(started.url(path), timeout=1):
                return True
        except OSError:  # refused, or 503 while it loads
            time.sleep(0.02)
    return False


def _free_ports(n: int) -> tuple[int, ...]:
    """All held at once, so they differ; another process may still take one first, and the failure then names it."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = tuple(one.getsockname()[1] for one in held)
    for one in held:
        one.close()
    return ports
