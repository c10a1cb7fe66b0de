"""From other people's topics to a first alert by `init`, `doctor`, `apply` and `run` alone: `./scripts/foreign`.

A team's service (services.py) has written to Kafka for ten minutes. The commands are those of the installed `anchorwatch`, each a process of
its own; what a person must write besides is counted, and faults that `doctor` finds are shown with their lines. Once `run` is ready the service
begins to answer half of its calls wrongly; the clock stops at the first line in which `run` tells of it.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).with_name("anchorwatch"))  # as it was installed
OWNER = "group:default/risk-ml"
PATIENCE = 180.0  # seconds for `run` to be ready, and then for the alert
ALERT = re.compile(r"\balert\b.*\bstate=firing\b")
Say = Callable[[str], None]


@dataclass
class Step:
    words: str
    seconds: float
    code: int | None = None  # None: it goes on


@dataclass
class Told:
    """What one installation took. `edits`: what a person wrote by hand, a line each."""

    name: str
    steps: list[Step] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    alert: str = ""
    seconds: float = 0.0  # from the first command to the alert, all that people and programs wait for

    @property
    def commands(self) -> list[str]:
        return [step.words for step in self.steps]


class Newcomer:
    """A folder in which there is nothing yet. `environment`: beside the one that we have."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], say: Say = print) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.told, self.say = folder, Told(name), say
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "ANCHORWATCH_", "PYTHONPATH"))}
        self.environment = {**ours, "ANCHORWATCH__RUN__PORT": "0", **environment}
        self.begin = time.monotonic()

    def write(self, name: str, text: str, why: str) -> None:
        """By hand: each line counts."""
        (self.folder / name).write_text(text)
        self.told.edits += [f"{name}: {line}" for line in text.splitlines()]
        self.say(f"  written by hand: {name}, {len(text.splitlines())} lines ({why})")

    def command(self, *words: str, fine: tuple[int, ...] = (0,)) -> str:
        """Its output. Ends the whole when it leaves with another code than those that are fine here."""
        begin = time.monotonic()
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        self._tell(words, time.monotonic() - begin, done.returncode)
        lines = done.stdout.splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            if line.startswith(("✗", "keyed", "  fill in")) or (before.startswith("✗") and "fix:" in line):
                self.say(f"      {line.strip()}")
        if done.returncode not in fine:
            raise AssertionError(f"{' '.join(words)} left with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def running(self, *words: str, user: Mapping[str, str] | None = None) -> Iterator["Running"]:
        begin = time.monotonic()
        with (self.folder / f"run{'-'.join(words)}.log").open("w") as log:
            process = subprocess.Popen(
                [PROGRAM, "run", *words],
                cwd=self.folder, env={**self.environment, **(user or {})}, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            yield Running(Path(log.name), process, lambda: self._tell(("run", *words), time.monotonic() - begin, None))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _tell(self, words: tuple[str, ...], seconds: float, code: int | None) -> None:
        shown = " ".join(["anchorwatch", *words])
        self.told.steps.append(Step(shown, seconds, code))
        self.say(f"  $ {shown}   {seconds:.1f} s" + (f", leaves with {code}" if code else "" if code == 0 else " until it is ready"))

    def heard(self, line: str) -> Told:
        self.told.alert, self.told.seconds = line, time.monotonic() - self.begin
        summary = re.search(r"""summary=("[^"]*"|'[^']*'|\S+)""", line)
        self.say(f"  heard: {summary[1] if summary else line}")
        edits = f"{len(self.told.edits)} lines written by hand" if self.told.edits else "nothing written by hand"
        self.say(f"  {self.told.name}: {len(self.told.steps)} commands, {edits}, {self.told.seconds / 60:.1f} minutes to the first alert")
        return self.told


@dataclass
class Running:
    log: Path
    process: subprocess.Popen[bytes]
    ready: Callable[[], None]

    def wait(self, mark: Callable[[str], bool], what: str) -> str:
        """The first line of its log that bears the mark."""
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            for line in self.log.read_text().splitlines():
                if mark(line):
                    return line
            assert self.process.poll() is None, f"run left with {self.process.returncode}:\n{self.log.read_text()}"
            time.sleep(0.1)
        raise AssertionError(f"{what} within {PATIENCE:.0f} s:\n{self.log.read_text()[-4_000:]}")

    def wait_ready(self) -> None:
        """Each of its stages works."""
        listening = self.wait(lambda line: "run.listening" in line, "no address")
        address = listening.rpartition("http://")[2].split()[0] if "http://" in listening else f"127.0.0.1:{listening.rpartition(':')[2]}"
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            if _ready(address):
                self.ready()
                return
            assert self.process.poll() is None, f"run left with {self.process.returncode}:\n{self.log.read_text()}"
            time.sleep(0.1)
        raise AssertionError(f"not ready within {PATIENCE:.0f} s:\n{self.log.read_text()[-4_000:]}")

    def first_alert(self) -> str:
        return self.wait(lambda line: bool(ALERT.search(line)), "no alert")


def _ready(address: str) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://{address.strip('/')}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def first_alert(newcomer: Newcomer, broken: Callable[[], None], users: Mapping[str, Mapping[str, str]] | None = None) -> Told:
    """`run`, in one process or (users: stage -> variables) a process for each stage's own user."""
    with ExitStack() as stack:
        if users:
            all_running = [stack.enter_context(newcomer.running("--stage", stage, user=user)) for stage, user in users.items()]
        else:
            all_running = [stack.enter_context(newcomer.running())]
        for running in all_running:
            running.wait_ready()
        broken()
        return newcomer.heard(all_running[-1].first_alert())  # judge tells of alerts


def options(topics: Mapping[str, int]) -> tuple[str, ...]:
    mine, theirs = topics
    return ("--topic", mine, "--outcomes", theirs, "--owner", OWNER)


def contract_of(newcomer: Newcomer) -> str:
    (file,) = (newcomer.folder / "contracts").glob("*.yaml")
    return str(file.relative_to(newcomer.folder))


def settle(newcomer: Newcomer, *words: str) -> str:
    """From topics to a contract in force; the file."""
    (newcomer.folder / "contracts").mkdir(exist_ok=True)
    newcomer.command("init", *words)
    file = contract_of(newcomer)
    newcomer.command("doctor", "--contract", file, fine=(1,))  # our topics are not there yet
    newcomer.command("apply", "--create-topics", file)
    newcomer.command("doctor")
    return file


def kserve(
    kafka: Mapping[str, Any], folder: Path, prefix: str = "", *, minutes: float = 10, rate: float = 20, say: Say = print,
    environment: Mapping[str, str] | None = None,
) -> Told:  # fmt: skip
    """CloudEvents of KServe's logger on three partitions, keyed by nothing; labels on two."""
    from tests.foreign.services import KServe, Traffic

    with Traffic(kafka, KServe(prefix), minutes=minutes, rate=rate) as traffic:
        newcomer = Newcomer("kserve", folder, {**_prefixed(prefix), **(environment or {})}, say)
        file = settle(newcomer, *options(traffic.service.topics), "--bootstrap", str(kafka["bootstrap.servers"]))
        assert "    keyed: false " in (folder / file).read_text(), "nobody had to know of it"
        return first_alert(newcomer, traffic.broken.set)


def avro(kafka: Mapping[str, Any], folder: Path, prefix: str = "", *, minutes: float = 10, rate: float = 20, say: Say = print) -> Told:
    """Avro by Confluent's serialiser and a registry."""
    from tests.foreign.registry import serving
    from tests.foreign.services import Avro, Traffic

    with serving() as registry, Traffic(kafka, Avro(prefix, registry.url), minutes=minutes, rate=rate) as traffic:
        newcomer = Newcomer("avro", folder, _prefixed(prefix), say)
        settle(newcomer, *options(traffic.service.topics), "--bootstrap", str(kafka["bootstrap.servers"]), "--registry", registry.url)
        return first_alert(newcomer, traffic.broken.set)


SECURED = """\
kafka:
  bootstrap.servers: {bootstrap}
  security.protocol: SASL_SSL
  ssl.ca.location: {ca}
  sasl.mechanism: SCRAM-SHA-512
  sasl.username: admin
  sasl.password: ${{KAFKA_PASSWORD}}
fallback_owner: {owner}
"""


def payments(folder: Path, prefix: str = "", *, minutes: float = 10, rate: float = 20, say: Say = print) -> Told:
    """Flat JSON over SASL_SSL; each stage is a user with the rights alone that `doctor --acl` printed."""
    from tests.foreign.services import Payments, Traffic
    from tests.security.fortress import Fortress, asked_for, password

    folder.mkdir(parents=True)
    with (
        Fortress(folder) as fortress,
        Traffic(fortress.as_user("admin"), Payments(prefix), minutes=minutes, rate=rate) as traffic,
    ):
        newcomer = Newcomer("payments", folder / "home", {**_prefixed(prefix), "KAFKA_PASSWORD": password("admin")}, say)
        own = fortress.as_user("admin")
        text = SECURED.format(bootstrap=own["bootstrap.servers"], ca=own["ssl.ca.location"], owner=OWNER)
        newcomer.write("anchorwatch.yaml", text, "how they reach their own Kafka")
        file = settle(newcomer, *options(traffic.service.topics))
        printed = newcomer.command("doctor", "--acl", "--contract", file)
        granted = [asked_for(line) for line in printed.splitlines() if "User:ingest" in line or "User:judge" in line]
        users: dict[str, dict[str, str]] = {}
        for stage in ("ingest", "judge"):
            rights = [right for user, right in granted if user == stage]
            fortress.grant(stage, rights)
            say(f"  {len(rights)} kafka-acls commands of `doctor --acl` were run for the user {stage}")
            users[stage] = {"ANCHORWATCH__KAFKA__SASL_USERNAME": stage, "KAFKA_PASSWORD": password(stage)}
        return first_alert(newcomer, traffic.broken.set, users)


def _prefixed(prefix: str) -> dict[str, str]:
    return {"ANCHORWATCH__TOPICS__PREFIX": f"{prefix}anchorwatch."} if prefix else {}
