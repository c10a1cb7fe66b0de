"""One receiver at its own pace: takes from its outbox, waits as told, sets aside what is refused, and slows nobody else."""

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any, NamedTuple

import stamina
import structlog

from anchorwatch.events import Alert
from anchorwatch.sinks._outbox import Outbox
from anchorwatch.sinks.base import NotNow, Refused, Sink


class Pace(NamedTuple):
    """Seconds and bounds of all lanes; tests make them short."""

    waiting_max: int = 1_000  # alerts of one receiver; above: drops, counted
    wait_initial_s: float = 1.0
    wait_s_max: float = 60.0  # between attempts, where the receiver names no time
    jitter_s: float = 1.0
    failures_max: int = 20  # of one message while others pass: then it is set aside
    beat_s: float | None = None  # None: each sink's own


class Lane:
    """`counts`: delivered, dropped, refused, retried, beats_missed."""

    def __init__(self, sink: Sink, pace: Pace) -> None:
        self.sink, self.pace = sink, pace
        self.counts: Counter[str] = Counter()
        self._outbox = Outbox(pace.waiting_max)
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._turn = asyncio.Lock()  # `send` and `beat` never run at the same time
        self._failures: dict[str, tuple[int, int]] = {}  # key -> failures, deliveries at the first one
        self._log: Any = structlog.get_logger("anchorwatch.sinks").bind(sink=sink.options.name)

    def offer(self, alert: Alert) -> None:
        """Never waits: a full outbox drops and counts."""
        dropped = self._outbox.offer(self.sink.key(alert), alert)
        if dropped:
            self.counts["dropped"] += dropped
        self._idle.clear()
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver())
            if self.sink.beat_s is not None:
                tasks.create_task(self._beat(self.pace.beat_s or self.sink.beat_s))

    async def idle(self) -> None:
        """Returns when nothing waits."""
        await self._idle.wait()

    async def _deliver(self) -> None:
        while True:
            await self._news.wait()
            async for attempt in stamina.retry_context(
                on=self._pause,
                attempts=None,
                timeout=None,
                wait_initial=self.pace.wait_initial_s,
                wait_max=self.pace.wait_s_max,
                wait_jitter=self.pace.jitter_s,
            ):
                with attempt:
                    await self._next()
            if not len(self._outbox):
                self._news.clear()
                self._idle.set()
                self._failures.clear()

    async def _next(self) -> None:
        """One message. Raises NotNow, after others were put before it."""
        head = self._outbox.head()
        if head is None:
            return
        key, alerts = head
        try:
            async with self._turn:
                await self._send(alerts)
        except Refused as error:
            self._set_aside(key, alerts, str(error))
        except NotNow as error:
            self.counts["retried"] += 1
            self._outbox.later(key)
            if len(self._failures) > self.pace.waiting_max:  # keys that were dropped meanwhile: counting anew does no harm
                self._failures.clear()
            failures, since = self._failures.get(key, (0, self.counts["delivered"]))
            self._failures[key] = (failures + 1, since)
            if failures + 1 >= self.pace.failures_max and self.counts["delivered"] > since:
                self._set_aside(key, alerts, str(error))
                return
            raise
        else:
            self.counts["delivered"] += len(alerts)
            self._outbox.done(key, alerts)
            self._failures.pop(key, None)

    async def _send(self, alerts: list[Alert]) -> None:
        """What its author did not foresee is this sink's trouble alone: it waits as for a receiver that is away. Raises Refused, NotNow."""
        try:
            await self.sink.send(alerts)
        except (Refused, NotNow):
            raise
        except Exception as error:  # the edge of foreign code: the other lanes go on
            self._log.warning("sink_failed", why=f"{type(error).__name__}: {error}")
            raise NotNow(f"{self.sink.options.name}: {type(error).__name__}") from error

    def _set_aside(self, key: str, alerts: list[Alert], why: str) -> None:
        self.counts["refused"] += len(alerts)
        self._outbox.done(key, alerts)
        self._failures.pop(key, None)
        self._log.warning("alert_set_aside", alerts=[f"{alert.id}/{alert.sequence}" for alert in alerts[:10]], why=why)

    def _pause(self, error: Exception) -> bool | float:
        """stamina's question: again? True: after its own growing wait; a number: after so many seconds."""
        if not isinstance(error, NotNow):
            return False
        if error.after_s is None:
            return True
        return error.after_s + random.uniform(0, self.pace.jitter_s)  # all senders were told the same second

    async def _beat(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                async with self._turn:
                    await self.sink.beat()
            except (NotNow, Refused) as error:
                self.counts["beats_missed"] += 1
                self._log.warning("beat_missed", why=str(error))

    async def close(self) -> None:
        with contextlib.suppress(Exception):  # a connection that cannot be closed is gone as well
            await self.sink.close()
