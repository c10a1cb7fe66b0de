"""What does a model remember of its alerts? Bounded, plain, and the same after a restart."""

from collections.abc import Mapping
from typing import Any

import msgspec

from anchorwatch.alerting.kept import Incident, Kept
from anchorwatch.errors import StateCorrupt
from anchorwatch.events import Severity

VERSION = 1
REMEMBERED_MS = 7 * 86_400_000  # after resolved: firing again within is the same alert
ALERTS_MAX = 2_000  # of one model; at the bound the oldest resolved leaves; when all are open, newcomers are only counted
CRITICAL_RESERVE = 400  # of them kept free for critical ones: a thousand drifting fields must not hide a page
SILENCES_MAX = 200  # above: the one that ends first leaves
GONE_MAX = 4_000  # tombstones not yet taken by the caller; above: the oldest leave (the broker then keeps a resolved alert longer)


class Memory(msgspec.Struct):
    """All that a restart needs."""

    v: int = VERSION
    seen_ms: int = 0  # event time
    alerts: dict[str, Kept] = {}
    incidents: dict[str, Incident] = {}
    silences: dict[str, int] = {}  # target -> until, by the judge's clock
    gone: dict[str, None] = {}
    refused: int = 0

    def members(self, incident: str) -> list[Kept]:
        return [kept for kept in self.alerts.values() if kept.incident == incident]

    def room(self, severity: Severity) -> bool:
        """Make room for one more alert, if there may be: only a resolved one leaves, since an open one would never be told as over."""
        limit = ALERTS_MAX if severity == "critical" else ALERTS_MAX - CRITICAL_RESERVE
        if len(self.alerts) < limit:
            return True
        over = [kept for kept in self.alerts.values() if not kept.open]
        if not over:
            self.refused += 1
            return False
        self.drop(min(over, key=lambda kept: (kept.resolved_ms or 0, kept.key)))
        return True

    def forget(self, now_ms: int) -> None:
        """Alerts resolved more than 7 days ago."""
        for kept in list(self.alerts.values()):
            if kept.resolved_ms is not None and now_ms - kept.resolved_ms > REMEMBERED_MS:
                self.drop(kept)

    def drop(self, kept: Kept) -> None:
        del self.alerts[kept.key]
        self.gone[kept.key] = None
        while len(self.gone) > GONE_MAX:
            self.gone.pop(next(iter(self.gone)))
        self.sweep(kept.incident)

    def sweep(self, incident: str) -> None:
        """An incident without members is forgotten."""
        if not self.members(incident):
            self.incidents.pop(incident, None)

    def silence(self, target: str, until_ms: int) -> None:
        self.silences[target] = until_ms
        while len(self.silences) > SILENCES_MAX:
            self.silences.pop(min(self.silences, key=lambda name: (self.silences[name], name)))

    def snapshot(self) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def restored(data: Mapping[str, Any], owner: str) -> Memory:
    """The memory of a snapshot. Raises StateCorrupt for another version or shape. owner: `<environment>/<model>`, for the message."""
    if data.get("v") != VERSION:
        raise StateCorrupt(
            f"alerts of {owner}: snapshot has version {data.get('v')!r}, this program reads {VERSION}; run the version that wrote it"
        )
    try:
        return msgspec.convert(dict(data), Memory)
    except msgspec.ValidationError as error:
        raise StateCorrupt(f"alerts of {owner}: snapshot has another shape: {error}; restore the changelog from a backup") from error
