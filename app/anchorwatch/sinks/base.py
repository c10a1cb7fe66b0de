"""What every way out for alerts promises; each file beside this one is one, its name is the `kind` in the settings.

Contract: `send` returns when the receiver has taken the alerts, raises `Refused` when it will never take them and `NotNow` when it may
take them later. Sending again does no harm (effects are at least once, told apart by `<alert id>/<sequence>`). What a sink remembers has
a bound. One sink is never called twice at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from anchorwatch.errors import AnchorwatchError
from anchorwatch.events import Alert


class Refused(AnchorwatchError):
    """The receiver will never take this: set aside, counted, others pass."""


class NotNow(AnchorwatchError):
    """Try again, after `after_s` seconds if the receiver said so."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        self.after_s = after_s
        super().__init__(why)


class Options(NamedTuple):
    """One entry of `sinks` in the settings."""

    name: str
    url: str = ""
    token: str = ""  # sent as `Authorization: Bearer`
    timeout_s: float = 10.0


class Sink(ABC):
    """One way out. `clock`: seconds since 1970."""

    beat_s: ClassVar[float | None] = None  # how often `beat` is wanted
    needs_url: ClassVar[bool] = True

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        self.options, self.clock = options, clock

    @abstractmethod
    async def send(self, alerts: Sequence[Alert]) -> None:
        """The newest states of alerts of one `key`. Raises Refused, NotNow."""

    def key(self, alert: Alert) -> str:
        """Alerts of one key leave in one message."""
        return alert.id

    def remember(self, alert: Alert) -> None:  # noqa: B027 (a sink without memory needs none)
        """Told by an earlier process: known, not to be sent again."""

    async def beat(self) -> None:  # noqa: B027
        """Each `beat_s` seconds: what a receiver forgets unless it is told again. Raises Refused, NotNow."""

    async def close(self) -> None:  # noqa: B027
        """Give back connections; twice does no harm."""


def begins_silenced(alert: Alert) -> bool:
    """Should a receiver that has not heard of it yet not hear of it now? It will when the silence ends."""
    return alert.silenced_until_ms is not None and alert.state != "resolved"
