"""What waits for one receiver: of each alert the newest state only, bounded, the oldest first."""

from collections.abc import Sequence

import msgspec

from anchorwatch.events import Alert


class Outbox:
    """Keyed, so that alerts of one message leave together. At `limit` alerts the oldest that makes no sound leaves, then the oldest."""

    def __init__(self, limit: int) -> None:
        assert limit >= 1, "an outbox without room would drop every alert"
        self.limit = limit
        self.dropped = 0
        self._waiting: dict[str, dict[str, Alert]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def offer(self, key: str, alert: Alert) -> int:
        """Take it, in place of an older state of the same alert, whose sound it keeps while it fires. Gives how many were dropped."""
        group = self._waiting.get(key)
        if group is None:
            group = self._waiting[key] = {}
        older = group.get(alert.id)
        if older is not None and older.sequence >= alert.sequence:
            return 0
        if older is None:
            self._size += 1
        elif older.loud and alert.state == "firing" and alert.silenced_until_ms is None:
            alert = msgspec.structs.replace(alert, loud=True)
        group[alert.id] = alert
        if self._size <= self.limit:
            return 0
        self._drop_one()
        return 1

    def head(self) -> tuple[str, list[Alert]] | None:
        """The key that waits longest, and its alerts."""
        for key, group in self._waiting.items():
            return key, list(group.values())
        return None

    def done(self, key: str, sent: Sequence[Alert]) -> None:
        """These left or were refused; what became newer meanwhile stays."""
        group = self._waiting.get(key, {})
        for alert in sent:
            if (now := group.get(alert.id)) is not None and now.sequence == alert.sequence:
                self._remove(key, alert.id)

    def later(self, key: str) -> None:
        """Others first: one that the receiver cannot take must not hold them up."""
        if (group := self._waiting.pop(key, None)) is not None:
            self._waiting[key] = group

    def _drop_one(self) -> None:
        places = [(key, alert) for key, group in self._waiting.items() for alert in group.values()]
        key, alert = next((place for place in places if not place[1].loud), places[0])
        self._remove(key, alert.id)
        self.dropped += 1

    def _remove(self, key: str, alert_id: str) -> None:
        group = self._waiting[key]
        del group[alert_id]
        self._size -= 1
        if not group:
            del self._waiting[key]
