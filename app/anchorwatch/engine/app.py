"""A Faust app whose agents get whole batches; Kafka is read, and written in transactions, by librdkafka alone.

    app = App("anchorwatch.ingest", {"bootstrap.servers": "..."}, instance="ingest-0", sources=["predictions", "outcomes"], begin=begin)

    @app.agent(app.batches)
    async def ingest(batches):
        async for batch in batches:
            batch.take()                 # its task's stage counts it

    app.run()

Everything used of Faust is public: BootStrategy, channels, agents, services, Worker. Each rule has a contract test.
"""

import asyncio
import functools
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, NoReturn

import faust
import mode
from faust.app.base import BootStrategy

from anchorwatch.engine.consumer import Gate, Loop, Reader
from anchorwatch.engine.control import Control
from anchorwatch.engine.cutter import Cutter
from anchorwatch.engine.health import Watchdog, die, memory_share
from anchorwatch.engine.settings import Settings
from anchorwatch.engine.task import Batch, Stage, one_by_one
from anchorwatch.engine.transaction import Transactions
from anchorwatch.errors import AnchorwatchError, OurError
from anchorwatch.stages.report import Report

log = logging.getLogger(__name__)
Body = Callable[[AsyncIterator[Batch]], Awaitable[None]]
Begin = Callable[[int, int, dict[bytes, bytes]], Stage]  # task, tasks, chunks of its last cut
CHANNEL_BATCHES_MAX = 16
TICK_SECONDS = 0.4  # an idle task is told the time at least twice a second
STOP_SECONDS = 8.0  # for the last cut and for leaving the group
THREAD_STUCK_AFTER = 25.0
MEMORY_SHARE_MAX = 0.9  # of the container's limit; above: leave in order, before the kernel kills in the middle of a cut


def nothing(_: object) -> None:
    """Nobody asked."""


class NoClients(BootStrategy):  # type: ignore[misc]  # faust is not typed strictly
    """Faust starts no Kafka client and no web server of its own."""

    enable_kafka = False
    enable_web = False


class Worker(faust.Worker):  # type: ignore[misc]
    """Without mode's debugger on SIGUSR2; SIGUSR1 still prints all stacks."""

    def install_signal_handlers(self) -> None:
        super().install_signal_handlers()
        self.loop.remove_signal_handler(signal.SIGUSR2)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)


class App(faust.App):  # type: ignore[misc]
    BootStrategy = NoClients
    logger = logging.getLogger("faust.app")  # what mode says of starting and stopping; `anchorwatch` is for decisions

    def __init__(
        self,
        group: str,
        kafka: Settings,  # librdkafka's names, for all clients
        instance: str,  # one name per worker of a stage, kept over restarts: it ends what a crash left open
        sources: Sequence[str],  # topics with equal partition counts
        begin: Begin,
        *,
        cut_seconds: float = 1.0,
        group_settings: Settings | None = None,  # instead of the classic protocol with static membership
        committed: Callable[[list[Report]], None] = nothing,  # called in the event loop after a commit
        control: Control | None = None,
        headed: Callable[[str], bool] = lambda _: False,  # are the rows of this topic to carry their headers? Asked by Kafka's thread
        gate: Gate | None = None,
        probe: Callable[[str], None] = nothing,  # told each step of a cut; tests break things here
    ) -> None:
        super().__init__(group, broker="kafka://", autodiscover=False, worker_redirect_stdouts=False)
        assert sources, "a stage reads at least one topic"
        self.control = control
        self.batches = self.channel(maxsize=CHANNEL_BATCHES_MAX)
        outlet = Transactions(kafka, f"{group}-{instance}", f"{group}-changelog")
        self.cutter = Cutter(outlet, cut_seconds, committed, probe)
        loop = Loop(self._call, self.batches.put, begin)
        self.reader = Reader(
            kafka,
            group,
            instance,
            sources,
            loop,
            cutter=self.cutter,
            group_settings=group_settings,
            control=control,
            headed=headed,
            gate=gate,
        )
        self.engine = Engine(self)
        self.watchdog = Watchdog(self._stuck)
        self.trouble: BaseException | None = None  # why the process ends
        self.service(self.engine)

    async def on_first_start(self) -> None:
        """Instead of Faust's own, which makes directories for tables in the working directory."""

    def agent(self, channel: Any) -> Callable[[Body], Any]:
        """As in Faust, but an exception ends the process. What the batch had changed by then is never cut."""

        def decorate(body: Body) -> Any:
            @functools.wraps(body)
            async def careful(stream: Any) -> None:
                batches = one_by_one(stream)
                try:
                    self.reader.listening.set()
                    await body(batches)
                    if not self.should_stop:
                        raise OurError("an agent returned: it must go on for ever; starting again")
                except Exception as exc:
                    await batches.aclose()  # now, not when the garbage collector finds it: a cut waits for a batch under way
                    await self.fail(exc)
                finally:
                    await batches.aclose()

            return super(App, self).agent(channel)(careful)

        return decorate

    async def fail(self, reason: BaseException) -> None:
        """End the process, at once; a Faust supervisor would look at it after 5 s."""
        if self.trouble is None:
            self.trouble = reason
            await self.crash(reason)

    def run(self, at_exit: Callable[[], None] = lambda: None) -> NoReturn:
        """Leaves with 0 after SIGTERM or SIGINT and a last cut; else with the error's own exit code, 70 for anything unexpected."""
        code = 0
        gc.collect()
        gc.freeze()  # what lives for ever is not looked through again: 15.7 -> 14.7 us a prediction with the thresholds
        gc.set_threshold(50_000, 20, 100)
        try:
            worker = Worker(self, override_logging=False, redirect_stdouts=False)
            worker.spinner = None  # it writes terminal codes into pipes
            worker.execute_from_commandline()
        except SystemExit as end:  # mode turns every exception into 1
            code = exit_code(self.trouble) if self.trouble or end.code else 0
        at_exit()
        logging.shutdown()
        os._exit(code)  # threads stuck in Kafka's client would hold us up

    # health

    def alive(self) -> bool:
        """The event loop came round within 10 s."""
        return self.watchdog.alive()

    def ready(self) -> bool:
        """In the group, all tasks that are ours restored, control topics read."""
        reader = self.reader
        return reader.joined and {p for _, p in tuple(reader.mine)} == set(reader.tasks) and (self.control is None or self.control.complete)

    def status(self) -> dict[str, Any]:
        """For a supervisor: plain data, cheap enough for every second."""
        return {
            "alive": self.alive(),
            "ready": self.ready(),
            "tasks": {p: dict(task.next) for p, task in list(self.reader.tasks.items())},
            "rising": sorted(self.reader.rising),
            "lag": dict(self.reader.lag),
            "cuts": self.cutter.cuts,
            "cuts_refused": self.cutter.refused,
            "cut_age_s": round(time.monotonic() - self.cutter.met, 3),
        }

    def _call(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self.engine.main)

    def _stuck(self) -> str:
        if self.cutter.outlet.late():
            return "a transaction: Kafka's client does not return"
        if self.engine.thread.is_alive() and time.monotonic() - self.reader.turned > THREAD_STUCK_AFTER:
            return "Kafka's thread"
        return ""


class Engine(mode.Service):  # type: ignore[misc]
    """Lives in the event loop: starts Kafka's thread, tells idle tasks the time, and ends the thread with a last cut."""

    logger = logging.getLogger("faust.engine")

    def __init__(self, app: App, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.app = app
        self.thread = threading.Thread(target=self._run, name="kafka", daemon=True)

    async def on_start(self) -> None:
        self.app.flow_control.resume()  # channels start suspended; never again later, it clears them
        self.main = asyncio.get_running_loop()
        self.app.watchdog.start()
        if self.app.control:
            self.app.control.start(self.main, self._crash_from_thread)
        self.thread.start()

    async def on_stop(self) -> None:
        if self.app.control:
            self.app.control.stop()
        self.app.reader.stopping = True  # the thread leaves the group, which takes the last cut
        await asyncio.to_thread(self.thread.join, STOP_SECONDS)  # then it dies with the process, and Kafka aborts what it was at

    @mode.Service.task  # type: ignore[untyped-decorator]
    async def _tick(self) -> None:
        while not self.should_stop:
            self.app.watchdog.ticked = time.monotonic()
            try:
                if (share := memory_share() or 0.0) > MEMORY_SHARE_MAX:
                    raise OurError(
                        f"memory is at {share:.0%} of the container's limit; starting again. If it comes back, raise the limit, "
                        "lower join.pending.max or add workers"
                    )
                self._tell_time()
            except Exception as exc:
                await self.app.fail(exc)
            await self.sleep(TICK_SECONDS)

    def _tell_time(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        for task in list(self.app.reader.tasks.values()):
            if task.open and not task.busy and not task.broken:
                task.broken = True  # until it went well: what a tick left half done is never cut
                task.tick(now_ms)
                task.broken = False

    def _run(self) -> None:
        try:
            self.app.reader.work()
        except Exception as exc:  # the edge of the engine
            self._crash_from_thread(exc)

    def _crash_from_thread(self, exc: Exception) -> None:
        if isinstance(exc, AnchorwatchError):
            log.error("engine.leaving exit=%d reason=%s", exit_code(exc), exc)
        else:
            log.error("engine.leaving exit=70", exc_info=exc)
        give_up = threading.Timer(10, die, [exit_code(exc)])  # an agent that never yields stops the loop too
        give_up.daemon = True
        give_up.start()
        asyncio.run_coroutine_threadsafe(self.app.fail(exc), self.main)


def exit_code(trouble: BaseException | None) -> int:
    return trouble.exit_code if isinstance(trouble, AnchorwatchError) else 70
