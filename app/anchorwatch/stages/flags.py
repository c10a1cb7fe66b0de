"""Which flag changes concern a model? Out of order as they come, sorted by their own time."""

from anchorwatch.contract import Contract
from anchorwatch.events import FlagChange

CHANGES_MAX = 200  # of one flag remembered; above: the oldest leave
FLAGS_MAX = 10_000


class FlagBook:
    """Filled from the topic `flags`; `changed_at_ms` is resolved (int) before a change is added."""

    def __init__(self) -> None:
        self.changes: dict[tuple[str, str], list[FlagChange]] = {}

    def add(self, change: FlagChange) -> None:
        key = (change.environment, change.key)
        if key not in self.changes and len(self.changes) >= FLAGS_MAX:
            return
        if self.knows(change):
            return  # a hook delivered twice
        known = self.changes.setdefault(key, [])
        known.append(change)
        known.sort(key=lambda c: int(c.changed_at_ms or 0))
        del known[:-CHANGES_MAX]

    def knows(self, change: FlagChange) -> bool:
        """The same state at the same time, as when it was delivered twice."""
        known = self.changes.get((change.environment, change.key), ())
        return any((c.changed_at_ms, c.state) == (change.changed_at_ms, change.state) for c in known)

    def newest(self, environment: str, key: str) -> FlagChange | None:
        known = self.changes.get((environment, key))
        return known[-1] if known else None

    def of(self, contract: Contract) -> list[FlagChange]:
        """Changes of flags that the contract names, or that name the model; oldest first."""
        named = set(contract.source.flags)
        found = [
            change
            for (environment, key), changes in self.changes.items()
            if environment == contract.environment
            for change in changes
            if key in named or contract.model in (change.models or ())
        ]
        return sorted(found, key=lambda c: (int(c.changed_at_ms or 0), c.key))
