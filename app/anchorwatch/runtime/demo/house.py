"""A whole installation in one temporary folder: broker, settings, contract, rows of a quiet time, and `anchorwatch run`.

What a person would type is run as typed, so the demo tries the commands as well.
"""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

import anchorwatch
from anchorwatch.broker import Broker
from anchorwatch.config import Settings, load
from anchorwatch.errors import OperatorError
from anchorwatch.runtime.demo.loans import CONTRACT, MODEL, Frozen, applications

FIRST_PORT = 28_800
PACKAGE = Path(anchorwatch.__file__).parent.parent
COMMAND_S_MAX = 90.0
READY_S_MAX = 90.0
STOP_S_MAX = 12.0
RUN_AGO_MS = 3_600_000  # the quiet time lies an hour back
WINDOW_MS, LATENESS_MS = 1_000, 500

SETTINGS = """\
kafka: {{bootstrap.servers: "{bootstrap}"}}
topics: {{partitions: 4, partitions_observations: 2, partitions_others: 2, replication: 1}}
window: 1s           # production: 10s
lateness: 500ms      # production: 5s
grace: 10s
cut: 250ms           # production: 1s
summary: 1s          # production: 1m
shown: 15s           # production: 1d
pages_per_month: 1
fallback_owner: "group:default/platform"
run: {{port: {port}}}
"""


class House:
    """`with House(say) as house:` holds a running broker and the files; `open` makes it an installation that watches."""

    def __init__(self, say: Callable[[str], None], otlp: str) -> None:
        """otlp: base address for traces; "": what OTEL_* variables say."""
        self._say, self._otlp = say, otlp
        self.folder = Path(tempfile.mkdtemp(prefix="anchorwatch-demo-"))
        self.broker = Broker(first_port=FIRST_PORT, say=say)
        self._run: subprocess.Popen[bytes] | None = None
        self._tie = -1
        self.port = free_port()

    @property
    def settings_file(self) -> Path:
        return self.folder / "anchorwatch.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "run.log"

    def __enter__(self) -> Self:
        try:
            self.broker.__enter__()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        (self.folder / "contracts").mkdir()  # empty: the topic `contracts` has the word
        (self.folder / f"{MODEL}.yaml").write_text(CONTRACT, "utf-8")
        self.settings_file.write_text(SETTINGS.format(bootstrap=self.broker.bootstrap, port=self.port), "utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_run()
        self.broker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self) -> Settings:
        return load(self.settings_file, {})

    # --- what a person would type

    def create_topics(self) -> None:
        self._command("topics", "create", "--settings", str(self.settings_file))

    def apply(self, rows: Path) -> None:
        contract = str(self.folder / f"{MODEL}.yaml")
        self._command(
            "apply", contract, "--reference", str(rows), "--actor", "demo", "--reason", "demo", "--settings", str(self.settings_file)
        )

    def run(self) -> None:
        """In the background; ends with us, however we end."""
        ours, theirs = os.pipe()
        with self.log.open("ab") as log:
            self._run = subprocess.Popen(
                [sys.executable, "-m", "anchorwatch.runtime.demo.tied", "run", "--settings", str(self.settings_file)],
                env=self._environment(), cwd=self.folder, stdin=ours, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        os.close(ours)
        self._tie = theirs

    def wait_until_ready(self, look: Callable[[], None]) -> None:
        """Raises OperatorError with the last lines of the log when it ends or is not ready in time."""
        assert self._run, "run it first"
        deadline = time.monotonic() + READY_S_MAX
        while not ready(self.port):
            if self._run.poll() is not None or time.monotonic() > deadline:
                said = "ended" if self._run.poll() is not None else f"is not ready after {READY_S_MAX:g} s"
                raise OperatorError(f"`anchorwatch run` {said}; its log says:\n{last_lines(self.log)}")
            look()
            time.sleep(0.1)

    def check(self) -> None:
        """Raises OperatorError when `run` has ended."""
        if self._run is not None and self._run.poll() is not None:
            raise OperatorError(f"`anchorwatch run` ended in the middle of the demo; its log says:\n{last_lines(self.log)}")

    def _command(self, *arguments: str) -> None:
        shown = " ".join(a.replace(str(self.folder) + os.sep, "") for a in arguments)
        self._say(f"anchorwatch {shown}")
        done = subprocess.run(
            [sys.executable, "-m", "anchorwatch", *arguments], env=self._environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False,
        )  # fmt: skip
        if done.returncode:
            raise OperatorError(f"`anchorwatch {shown}` left with {done.returncode}:\n{(done.stderr or done.stdout).strip()[-2_000:]}")

    def _environment(self) -> dict[str, str]:
        """The person's own, without what would lead the demo to another installation."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("ANCHORWATCH_")}
        mine["PYTHONPATH"] = os.pathsep.join([str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])])
        if self._otlp:
            mine["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{self._otlp}/v1/traces"
            mine["OTEL_BSP_SCHEDULE_DELAY"] = "500"
        return mine

    def _stop_run(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        run.send_signal(signal.SIGTERM)
        try:
            run.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
        os.close(self._tie)


def write_quiet_time(file: Path, model: Frozen, n: int, rate: float, seed: int, now_ms: int) -> None:
    """n rows as a warehouse would export them: predictions with their outcomes, of a time in which all was well."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows(quiet_rows(model, n, rate, seed, now_ms - RUN_AGO_MS))


def quiet_rows(model: Frozen, n: int, rate: float, seed: int, from_ms: int) -> Iterable[Sequence[Any]]:
    """The names of the columns first."""
    for i, customer in enumerate(islice(applications(seed), n)):
        if not i:
            names = ("prediction_id", "predicted_at_ms", "prediction", "score", "latency_ms", "label", "known_at_ms")
            yield [*names, *customer.features, *customer.segments]
        at = from_ms + int(1000 * i / rate)
        answer, score = model.answer(customer.features)
        known = at + int(1000 * customer.label_after_s)
        own = (f"quiet-{i}", at, answer, score, round(customer.latency_ms, 3), customer.right, known)
        yield [*own, *customer.features.values(), *customer.segments.values()]


def ready(port: int) -> bool:
    """Does `run` say that every stage watches?"""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            told: Mapping[str, Any] = json.load(answer)
            return bool(told.get("ready"))
    except (urllib.error.URLError, OSError, ValueError):
        return False


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def last_lines(log: Path, n: int = 12) -> str:
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-n:]) or "(nothing)"
    except OSError:
        return "(nothing)"
