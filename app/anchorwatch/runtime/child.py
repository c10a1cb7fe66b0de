"""One stage's process, kept alive: started, listened to, started again when it ends, unless a person must act first."""

import asyncio
import logging
import signal
import sys
import time
from typing import Any, Literal

import msgspec

from anchorwatch.runtime.job import Job

log = logging.getLogger(__name__)
State = Literal["starting", "ready", "not ready", "waits", "needs a person", "stopped"]
WAIT_S_FIRST, WAIT_S_MAX = 1.0, 30.0  # between an end and the next start, doubling
STEADY_S = 60.0  # alive for so long since it was ready: the next wait is the first again
STOP_S_MAX = 9.0  # then SIGKILL, which is safe: Kafka aborts what was under way
LINE_BYTES_MAX = 64_000_000  # of a snapshot of telemetry
ANSWER_S_MAX = 3.0
NEEDS_A_PERSON = 2
ASKED_TO_LEAVE = (
    0,
    -signal.SIGTERM,
)  # somebody stopped the process on purpose; its supervisor starts it again, and holds nothing against it
LOOK_AGAIN_S = 60.0  # whether a person has acted meanwhile


class Child:
    """`run` until `stop`. `status` is what the process said last."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.state: State = "starting"
        self.reason = ""  # of the last end that nobody asked for
        self.restarts = 0
        self.status: dict[str, Any] = {}
        self.pid: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._again = asyncio.Event()
        self._answer: asyncio.Future[Any] | None = None
        self._ready_since = 0.0

    # life

    async def run(self) -> None:
        wait = 0.0
        while not self._stopping.is_set():
            code = await self._live()
            if self._stopping.is_set():
                break
            if code == NEEDS_A_PERSON:
                await self._wait_for_a_person()
                wait = 0.0
                continue
            self.state, wait = "waits", pause(wait, code, time.monotonic() - self._ready_since if self._ready_since else 0.0)
            log.warning("stage.ended stage=%s exit=%d again_in_s=%g reason=%s", self.job.name, code, wait, self.reason)
            await _either(self._stopping, self._again, seconds=wait)
            self.restarts += 1
        self.state = "stopped"

    async def _wait_for_a_person(self) -> None:
        self.state = "needs a person"
        log.error("stage.stopped stage=%s exit=2 looks_again_in_s=%g reason=%s", self.job.name, LOOK_AGAIN_S, self.reason)
        self._again.clear()
        await _either(self._stopping, self._again, seconds=LOOK_AGAIN_S)

    async def _live(self) -> int:
        """One life of the process; its exit code."""
        self.state, self._ready_since, self.status, self._again = "starting", 0.0, {}, asyncio.Event()
        command = (sys.executable, "-m", "anchorwatch.runtime.worker")
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            start_new_session=True,  # Ctrl-C is for the supervisor alone, which stops its children in order
        )
        self._process, self.pid, self.reason = process, process.pid, ""
        log.info("stage.started stage=%s process=%d", self.job.name, process.pid)
        try:
            await self._say(msgspec.json.encode(self.job))
            if self._stopping.is_set():
                _signal(process)
            await self._listen(process)
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            self._process, self.pid = None, None
        if code < 0:
            self.reason = f"ended by signal {-code}"
        return code

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout, "it was asked for"
        while line := await process.stdout.readline():
            told: dict[str, Any] = msgspec.json.decode(line)
            if "metrics" in told and self._answer and not self._answer.done():
                self._answer.set_result(told["metrics"])
            if "leaving" in told:
                self.reason = told["leaving"]["reason"]
            if "status" in told:
                self._heard(told["status"])

    def _heard(self, status: dict[str, Any]) -> None:
        self.status = status
        was, self.state = self.state, "ready" if status["ready"] and status["alive"] else "not ready" if self._ready_since else "starting"
        if self.state == "ready" and was != "ready":
            self._ready_since = self._ready_since or time.monotonic()
            log.info("stage.ready stage=%s tasks=%d models=%d", self.job.name, status["partitions"], status["models"])

    async def _say(self, order: bytes) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            try:
                process.stdin.write(order + b"\n")
                await process.stdin.drain()
            except (BrokenPipeError, ConnectionResetError):
                pass  # it is ending, which `wait` tells

    # for its supervisor

    def try_again(self) -> None:
        """Something changed that a person was asked to change."""
        self._again.set()

    async def metrics(self) -> Any:
        """The process's snapshot of telemetry; None when it does not answer in time."""
        if self._process is None or self.state not in ("ready", "not ready"):
            return None
        if self._answer is None or self._answer.done():
            self._answer = asyncio.get_running_loop().create_future()
            await self._say(b"metrics")
        try:
            return await asyncio.wait_for(asyncio.shield(self._answer), ANSWER_S_MAX)
        except TimeoutError:
            return None

    def stop(self) -> None:
        """Ask it to leave; `run` ends when it has, at the latest after STOP_S_MAX."""
        self._stopping.set()
        if (process := self._process) is not None:
            _signal(process)
            asyncio.get_running_loop().call_later(STOP_S_MAX, _kill, process)

    def told(self) -> dict[str, Any]:
        """For /readyz: plain data."""
        status = self.status
        return {
            "stage": self.job.stage,
            "feed": self.job.feed,
            "instance": self.job.instance,
            "state": self.state,
            "process": self.pid,
            "restarts": self.restarts,
            "reason": self.reason,
            "tasks": sorted(map(int, status.get("tasks", {}))),
            "rising": status.get("rising", []),
            "models": status.get("models", 0),
            "contracts_refused": status.get("refused", {}),
            "lag": status.get("lag", {}),
            "cut_age_s": status.get("cut_age_s"),
        }


def pause(before_s: float, code: int, steady_s: float) -> float:
    """Seconds until the next start. before_s: the pause before this one, 0: none; code: how it ended; steady_s: alive since it was ready.

    >>> pause(0.0, 70, 3.0), pause(4.0, 70, 3.0), pause(20.0, 70, 3.0), pause(20.0, 70, 61.0), pause(20.0, 0, 3.0)
    (1.0, 8.0, 30.0, 1.0, 1.0)
    """
    if code in ASKED_TO_LEAVE or steady_s > STEADY_S:
        return WAIT_S_FIRST
    return min(2 * before_s, WAIT_S_MAX) or WAIT_S_FIRST


def _signal(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


async def _either(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Until one is set, or so long."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
