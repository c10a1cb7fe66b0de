"""`anchorwatch run`: an ingest process per feed, one for each topic that is written anew or of siblings, and one judge, kept alive; alerts on
their way to the sinks; health for probes, hooks."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from typing import Any

from anchorwatch.config import Settings
from anchorwatch.engine.tail import Told
from anchorwatch.errors import ConfigError, OperatorError, OurError
from anchorwatch.events import Applied
from anchorwatch.runtime import health, job
from anchorwatch.runtime.child import Child
from anchorwatch.runtime.follow import Follower
from anchorwatch.runtime.hooks import Hooks
from anchorwatch.runtime.learner import Learner
from anchorwatch.runtime.roster import Roster
from anchorwatch.runtime.sinks import AlertsOut
from anchorwatch.telemetry import scrape

log = logging.getLogger(__name__)
FEEDS_MAX = 64  # processes of one supervisor; above: run several, `--stage ingest --feed F` each


class Contracts:
    """The topic `contracts`; the roster is changed in the event loop."""

    def __init__(self, settings: Settings, roster: Roster) -> None:
        self.roster = roster
        self.complete, self.changed = asyncio.Event(), asyncio.Event()
        self.trouble: Exception | None = None
        self.stop = Follower(settings, "contracts", self._told, self._ended, self._failed).stop

    def _told(self, told: Told) -> None:
        if self.roster.record(told.key, told.value):
            self.changed.set()

    def _ended(self) -> None:
        self.complete.set()
        self.changed.set()

    def _failed(self, error: Exception) -> None:
        self.trouble = error
        self.changed.set()


class Supervisor:
    """Raises OperatorError when nothing can run before a person acts."""

    def __init__(self, settings: Settings, files: Sequence[Applied], stage: str = "", feed: str = "") -> None:
        """stage, feed: "" for all."""
        if stage not in ("", "ingest", "judge"):
            raise ConfigError(f"--stage {stage}: must be ingest or judge; leave it out for both")
        if feed and stage != "ingest":
            raise ConfigError(f"--feed {feed}: goes with --stage ingest; leave it out for all feeds")
        self.settings, self.files, self.stage, self.feed = settings, list(files), stage, feed
        self.roster = Roster(settings.topic, settings.window, files)
        self.children: dict[str, Child] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self.alerts: AlertsOut | None = None
        self.hooks: Hooks | None = None
        self.learner = Learner(settings, files)
        self.port = 0

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, then at most 10 s."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        listener = self.settings.run
        self.hooks = Hooks(self.settings) if self.stage != "ingest" else None
        door = self.hooks.answer if self.hooks else None
        server, self.port = await health.serve(listener.host, listener.port, self.told, self.metrics, door)
        log.info("run.listening address=%s:%d", listener.host, self.port)
        self.contracts = Contracts(self.settings, self.roster)
        life = asyncio.create_task(self._live())
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([life, stop], return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                life.result()  # it ends by an error only
        finally:
            life.cancel()
            await self._stop()
            await server.cleanup()
            log.info("run.stopped")

    async def _live(self) -> None:
        """Follow the contracts: whose feed is new gets a process, whose feed is gone loses it."""
        out: asyncio.Task[None] | None = None
        while True:
            await self._something_new()
            self._look_for_trouble()
            if self.contracts.complete.is_set():
                self._arrange()
                if out is None and self.stage != "ingest":
                    self.alerts = AlertsOut(self.settings)
                    out = self._lives["sinks"] = asyncio.create_task(self.alerts.run(), name="sinks")
            if judge := self.children.get("judge"):
                self.learner.look(judge.status.get("to_learn", {}))
            self._all_stuck()

    def _look_for_trouble(self) -> None:
        """What follows the contracts or looks after a process never ends by itself: better to start anew than to watch half."""
        if self.contracts.trouble:
            raise self.contracts.trouble
        for life in self._lives.values():
            if life.done() and (error := life.exception()):
                raise OurError(f"{life.get_name()} was looked after no longer: {error!r}; starting again is safe") from error
        self._lives = {name: life for name, life in self._lives.items() if not life.done()}

    async def _something_new(self) -> None:
        """A contract, or a look around once a second."""
        try:
            await asyncio.wait_for(self.contracts.changed.wait(), 1.0)
            self.contracts.changed.clear()
            for child in self.children.values():
                if child.state == "needs a person":
                    child.try_again()
        except TimeoutError:
            pass

    def _all_stuck(self) -> None:
        """Nothing runs, and nothing will before somebody acts: leave, and say why."""
        children = self.children.values()
        if children and all(child.state == "needs a person" for child in children):
            raise OperatorError("\n".join(sorted({child.reason for child in children})))

    def _arrange(self) -> None:
        wanted = {each.name: each for each in self._jobs()}
        for name, wish in wanted.items():
            if name not in self.children and name not in self._lives:  # one that is still leaving comes back when it has left
                child = self.children[name] = Child(wish)
                self._lives[name] = asyncio.create_task(child.run(), name=name)
        for name in [name for name in self.children if name not in wanted]:
            log.info("feed.gone stage=%s reason=no contract names its topics any more", name)
            self.children.pop(name).stop()

    def _jobs(self) -> list[job.Job]:
        found = []
        if self.stage != "judge":
            feeds = [feed for feed in self.roster.feeds if not self.feed or feed.name == self.feed]
            if not feeds:
                known = ", ".join(feed.name for feed in self.roster.feeds)
                raise ConfigError(f"--feed {self.feed}: no such feed; there are: {known}")
            if len(feeds) > FEEDS_MAX:
                raise ConfigError(
                    f"{len(feeds)} feeds are more than one supervisor runs ({FEEDS_MAX}); run `--stage ingest --feed F` for each"
                )
            found += [job.of_settings(self.settings, self.files, feed) for feed in feeds]
            found += [job.of_settings(self.settings, self.files, feed, role) for feed in feeds for role in feed.rekeyed]
            beside = dict.fromkeys(topic for feed in feeds for topic in feed.siblings)
            found += [job.of_siblings(self.settings, self.files, topic) for topic in beside]
        if self.stage != "ingest":
            found.append(job.of_settings(self.settings, self.files, None))
        return found

    async def _stop(self) -> None:
        self.contracts.stop()
        if self.hooks:
            self.hooks.stop()
        for child in self.children.values():
            child.stop()
        if self.alerts:
            self.alerts.stop()
        if self._lives:
            _, late = await asyncio.wait(self._lives.values(), timeout=9.5)
            for life in late:
                life.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self.hooks:
            await asyncio.to_thread(self.hooks.close)

    # for probes

    def told(self) -> dict[str, Any]:
        """`ready` when all stages are, and the sinks."""
        stages = [child.told() for child in self.children.values()]
        ready = self.contracts.complete.is_set() and bool(stages) and all(stage["state"] == "ready" for stage in stages)
        told = {"ready": ready, "contracts_read": self.contracts.complete.is_set(), "models": len(self.roster.registry), "stages": stages}
        if self.alerts:
            told["sinks"] = self.alerts.told()
        if self.hooks:
            told["hooks"] = self.hooks.told()
        if self.learner.failed:
            told["learning"] = dict(self.learner.failed)
        return told

    async def metrics(self) -> str:
        found = await asyncio.gather(*(child.metrics() for child in self.children.values()))
        if self.hooks:
            found.append(await asyncio.to_thread(self.hooks.snapshot))
        return await asyncio.to_thread(scrape.text, [snapshot for snapshot in found if snapshot is not None])
