"""`anchorwatch run` as an operator starts it: one supervisor and its stages, on topics of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from scripts.benchmarks.load import PARTITIONS
from scripts.benchmarks.patience import Invalid

END_S_MAX = 15


def settings(kafka: dict[str, Any], prefix: str, folder: Path, **more: Any) -> Path:
    """The file `<prefix>yaml`; contracts come from the topic, not from a folder."""
    (folder / "contracts").mkdir(exist_ok=True)
    values = {
        "kafka": {"bootstrap.servers": kafka["bootstrap.servers"]},
        "topics": {
            "prefix": prefix, "partitions": PARTITIONS, "partitions_observations": PARTITIONS, "partitions_others": PARTITIONS,
            "replication": 1,
        },
        "contracts": str(folder / "contracts"),
        "run": {"port": 0},
        "fallback_owner": "group:default/bench",
        **more,
    }  # fmt: skip
    path = folder / f"{prefix}yaml"
    path.write_text(json.dumps(values))  # JSON is YAML
    return path


class Program:
    """Use it with `with`."""

    def __init__(self, file: Path, stage: str = "", instance: str = "0") -> None:
        """stage: "" is all. The log stands beside the settings."""
        self.options = ["--settings", str(file), "--instance", instance, *(["--stage", stage] if stage else [])]
        self.wanted = {stage} if stage else {"ingest", "judge"}
        self.file = file.with_suffix(f".{stage or 'all'}-{instance}.log")
        self.port = 0

    def __enter__(self) -> Self:
        with self.file.open("wb") as out:
            command = [sys.executable, "-m", "anchorwatch", "run", *self.options]
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()

    def end(self) -> None:
        """Asked to leave, as by an operator."""
        self.process.terminate()
        try:
            self.process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its stages leave when it does
            self.process.wait()

    def lose(self) -> None:
        """All its processes at once, as when a machine is lost."""
        stages = self.stages()
        self.process.kill()
        for pid in stages.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def told(self) -> dict[str, Any]:
        """What /readyz says; nothing before it listens. Raises Invalid when it has ended."""
        if self.process.poll() is not None:
            raise Invalid(f"`anchorwatch run` ended with {self.process.returncode}:\n{self.log()[-4_000:]}")
        if not self.port:
            listening = re.search(r"run\.listening address=\S+:(\d+)", self.log())
            self.port = int(listening[1]) if listening else 0
        return self._asked() if self.port else {}

    def _asked(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as refused:  # 503: not yet
            return dict(json.load(refused)) | {"ready": False}
        except (urllib.error.URLError, TimeoutError):
            return {}

    def is_ready(self) -> bool:
        return bool(self.told().get("ready")) and self.wanted <= self.stages().keys()

    def stages(self) -> dict[str, int]:
        """Process ids of those that live."""
        return {stage["stage"]: stage["process"] for stage in self.told().get("stages", []) if stage["process"]}

    def tasks(self) -> int:
        """Partitions of ingest that are up here."""
        return sum(len(stage["tasks"]) for stage in self.told().get("stages", []) if stage["stage"] == "ingest")

    def log(self) -> str:
        return self.file.read_text(errors="replace")
