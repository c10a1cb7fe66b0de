"""All receivers of one installation: who hears of an alert, once each, and nobody slows another."""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from anchorwatch.errors import ConfigError
from anchorwatch.events import Alert
from anchorwatch.sinks import load
from anchorwatch.sinks._lane import Lane, Pace
from anchorwatch.sinks.base import Options, Sink

KNOWN_MAX = 10_000  # alert ids whose last sequence is remembered; above: the one not heard of for longest leaves
DEFAULT = "default"
_RANK = {"info": 0, "warning": 1, "critical": 2}


class Route(Protocol):
    """One entry of `routes` in the settings."""

    @property
    def sinks(self) -> Sequence[str]: ...
    @property
    def owners(self) -> Sequence[str]: ...
    @property
    def severity(self) -> str: ...


class Sinks:
    """All receivers of one installation.

    sinks:  name -> its `kind`, `url`, `token`, `timeout` (ms), as in the settings. routes: name -> which sinks hear; `default` takes
            alerts that name no route; without routes every sink hears everything.
    counts: (sink, delivered | dropped | refused | retried | beats_missed) -> alerts.
    """

    def __init__(
        self,
        sinks: Mapping[str, Any],
        routes: Mapping[str, Route] | None = None,
        *,
        pace: Pace = Pace(),  # noqa: B008 (immutable)
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lanes = {name: Lane(_made(name, settings, clock), pace) for name, settings in sinks.items()}
        self._routes = dict(routes or {})
        self._known: OrderedDict[str, int] = OrderedDict()

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        return {(name, result): n for name, lane in self._lanes.items() for result, n in lane.counts.items()}

    async def run(self, alerts: AsyncIterator[Alert], known: Iterable[Alert] = (), drain_s: float = 5.0) -> None:
        """Deliver until the source ends, then for at most `drain_s` seconds what still waits. Never slows the source.

        known: what an earlier process told, as read from `alerts.state`: not sent again, but kept alive where a receiver forgets.
        """
        for alert in known:
            if self._is_new(alert):
                for lane in self._lanes_of(alert):
                    lane.sink.remember(alert)
        tasks = [asyncio.create_task(lane.run(), name=f"sink {name}") for name, lane in self._lanes.items()]
        feeding = asyncio.create_task(self._feed(alerts, drain_s), name="alerts")
        try:
            await asyncio.wait([feeding, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in (feeding, *tasks):
                if task.done():
                    task.result()  # a lane ends by a fault of ours only
        finally:
            for task in (feeding, *tasks):
                task.cancel()
            await asyncio.gather(feeding, *tasks, return_exceptions=True)
            await asyncio.gather(*(lane.close() for lane in self._lanes.values()))

    def offer(self, alert: Alert) -> bool:
        """Hand one alert to its lanes; False: this change was told already. Call it while `run` runs."""
        if not self._is_new(alert):
            return False
        for lane in self._lanes_of(alert):
            lane.offer(alert)
        return True

    async def idle(self) -> None:
        """Returns when every receiver has taken, or will never take, all that was offered."""
        await asyncio.gather(*(lane.idle() for lane in self._lanes.values()))

    async def _feed(self, alerts: AsyncIterator[Alert], drain_s: float) -> None:
        async for alert in alerts:
            self.offer(alert)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self.idle()

    def _is_new(self, alert: Alert) -> bool:
        """By `<id>/<sequence>`: a replay tells the same again."""
        if self._known.get(alert.id, 0) >= alert.sequence:
            return False
        self._known[alert.id] = alert.sequence
        self._known.move_to_end(alert.id)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return True

    def _lanes_of(self, alert: Alert) -> list[Lane]:
        if not self._routes:
            return list(self._lanes.values())
        named = [route for route in alert.owner.get("routes", ()) if route in self._routes]
        named = named or [name for name, route in self._routes.items() if alert.owner.get("team") in route.owners]
        named = named or [name for name in (DEFAULT,) if name in self._routes]
        rank = _RANK[alert.labels["severity"]]
        heard = [sink for name in named if rank >= _RANK[self._routes[name].severity] for sink in self._routes[name].sinks]
        return [self._lanes[sink] for sink in dict.fromkeys(heard)]


def _made(name: str, settings: Any, clock: Callable[[], float]) -> Sink:
    """Settings as an object or a mapping; secrets may be pydantic's."""
    given = settings if isinstance(settings, Mapping) else vars(settings)
    token = given.get("token") or ""
    reveal = getattr(token, "get_secret_value", lambda: token)
    made = load(str(given.get("kind")))
    options = Options(name, str(given.get("url") or ""), str(reveal()), float(given.get("timeout") or 10_000) / 1_000)
    if made.needs_url and not options.url:
        raise ConfigError(f"sinks.{name}.url: is needed for kind: {given.get('kind')}, as url: http://receiver:9093")
    return made(options, clock)
