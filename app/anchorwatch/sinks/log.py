"""Alerts as log lines: one event name, key=value, one line per change."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from anchorwatch.events import Alert
from anchorwatch.sinks.base import Options, Sink


class Log(Sink):
    """Never refuses, never waits. Firing alerts are warnings, all else is information: an alert is no error of ours."""

    needs_url = False

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        super().__init__(options, clock)
        self._log: Any = structlog.get_logger("anchorwatch.alerts")

    async def send(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            tell = self._log.warning if alert.state == "firing" else self._log.info
            tell(
                "alert",
                state=alert.state,
                severity=alert.labels["severity"],
                name=alert.labels["alertname"],
                key=alert.dedup_key,
                id=alert.id,
                sequence=alert.sequence,
                incident=alert.incident,
                owner=alert.owner["team"],
                loud=alert.loud,
                since=alert.startsAt,
                summary=alert.annotations.get("summary", ""),
                **{name: value for name, value in (("reason", alert.reason), ("actor", alert.actor)) if value},
            )
