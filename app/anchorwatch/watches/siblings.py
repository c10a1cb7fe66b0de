"""Do its siblings go on while it is silent? Events of other models, or outcomes, on topics that its feed reads (detection.md 5.7).

On their clock a night, a burst or an outage that all share is no silence: it brings no sibling either. Exact: silence is told when the siblings
brought three times as many events without one of ours as ever before, 30 at least, once that was seen for seven days and 300 windows of ours.
Where ours come at random among theirs, the longest of m gaps is about ln(m) mean gaps, so a gap three times as long has a chance of m**-3.
Siblings that are silent say nothing. A share that falls without silence is not heard here; `volume` hears it against the reference.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from anchorwatch.watches.base import Count
from anchorwatch.watches.pace import EVENTS
from anchorwatch.watches.rules import Exact, Facts

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

SIBLINGS = Count("siblings", 1)  # events of theirs
GAPS, GAP_MIN = 3, 30  # times the longest gap in events of theirs; fewer never are one
DAYS_MS, WINDOWS_MIN = 7 * 86_400_000, 300  # that are watched before anything is said
RUNBOOK = "ask the actor named here, or whoever deployed last; while nothing answers, say what downstream does instead."


class SiblingRule:
    watch: ClassVar[str] = "alive"

    def __init__(self, layout: "Layout") -> None:
        self.layout = layout
        self.gap, self.longest = 0, 0  # events of theirs since our last window, and between two of ours at most
        self.windows, self.begun_ms = 0, -1  # of ours, and since when they are counted
        self.last_ms = -1  # end of our last window
        self.dark_since: int | None = None

    def window(self, facts: Facts) -> list[Exact]:
        if facts.flat is None:
            return []
        ours, theirs = (int(self.layout.view(facts.flat, count.key)[0, 0]) for count in (EVENTS, SIBLINGS))
        if ours:
            return self._speaks(facts)
        if self.begun_ms < 0 or _is_off(facts):
            self.gap = 0  # a silence that somebody asked for is no gap
            return []
        self.gap += theirs
        ready = self.windows >= WINDOWS_MIN and self.last_ms - self.begun_ms >= DAYS_MS
        if self.dark_since is not None or not ready or self.gap < max(GAPS * self.longest, GAP_MIN):
            return []
        self.dark_since = self.last_ms
        text = f"{self.layout.contract.model} is dark while its siblings go on: {self.gap} of their events, and none of its own."
        return [self._exact(text, {"current": self.gap, "line": max(GAPS * self.longest, GAP_MIN), "unit": "events", "n": self.gap})]

    def _speaks(self, facts: Facts) -> list[Exact]:
        found = [self._exact(f"{self.layout.contract.model} speaks again.", {}, is_open=False)] if self.dark_since is not None else []
        if self.dark_since is None:
            self.longest = max(self.longest, self.gap)  # an outage that was told is no usual gap
        self.begun_ms = facts.from_ms if self.begun_ms < 0 else self.begun_ms
        self.gap, self.windows, self.last_ms, self.dark_since = 0, self.windows + 1, facts.to_ms, None
        return found

    def _exact(self, text: str, evidence: dict[str, Any], *, is_open: bool = True) -> Exact:
        assert self.dark_since is not None, "dark when it is told"
        return Exact("alive", "siblings", "ModelDark", "critical", True, is_open, self.dark_since, text, RUNBOOK, evidence)

    def holds(self) -> set[str]:
        return {"siblings"} if self.dark_since is not None else set()

    def snapshot(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in KEPT}

    def restore(self, kept: Mapping[str, Any]) -> None:
        for name in KEPT:
            if name in kept:
                setattr(self, name, kept[name])


KEPT = ("gap", "longest", "windows", "begun_ms", "last_ms", "dark_since")


def _is_off(facts: Facts) -> bool:
    """Is one of its flags off?"""
    newest = {change.key: change.state for change in facts.flags}
    return "off" in newest.values()
