"""Do its siblings go on while it is silent, or while part of its traffic goes elsewhere? (detection.md 5.7)

Siblings are events of other models, outcomes, or records of any topic that the contract names. On their clock a night, a burst or an outage that
all share is nothing: it takes ours and theirs alike.

*Silence*, exact: told when the siblings brought three times as many events without one of ours as ever before, 30 at least, once that was seen
for seven days and 300 windows of ours. Where ours come at random among theirs, the longest of m gaps is about ln(m) mean gaps, so a gap three
times as long has a chance of m**-3.

*Share*, by statistics: among all events of the set, is one ours? Down, against the reference's share p; the line is what is left of it when half
of ours go elsewhere, .5 p / (.5 p + 1 - p). Siblings that become twice as many leave the same share: up to that nothing is said, beyond it the
sentence names both. Of a storm of theirs alone only so many count as one and a half of the reference's busy hours brought (`Allowance`).
Siblings that are silent, or that were not counted to the window's end, say nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from anchorwatch.estimators.season import HOUR_MS
from anchorwatch.events import FlagChange
from anchorwatch.watches.base import WHOLE, Count, Explained, Ints, Monitor, Seen, Stream, short_hash
from anchorwatch.watches.lines import EVENTS_MIN, line_of
from anchorwatch.watches.pace import EVENTS
from anchorwatch.watches.rules import Exact, Facts

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

SIBLINGS = Count("siblings", 1)  # events of theirs
OURS, THEIRS = 0, 1  # symbols of `share`
PACE = "siblings"  # where the reference's pace holds how busy theirs are
BUSY, BINS = 0.95, 240  # of the hours in which some came; a short reference has fewer than 240 hours, and shorter bins
FAST, IN_HAND_MS, IN_HAND_MIN = 1.5, 600_000, 30.0  # times a busy hour; time and events that may come at once
NO_LIMIT = (np.inf, 0.0)
KEPT_SHARE = 0.5  # of ours: what may go elsewhere is the rest
CLEAR_DAYS = 1 / 24
GAPS, GAP_MIN = 3, 30  # times the longest gap in events of theirs; fewer never are one
DAYS_MS, WINDOWS_MIN = 7 * 86_400_000, 300  # that are watched before anything is said
RUNBOOK = "ask the actor named here, or whoever deployed last; while nothing answers, say what downstream does instead."
LOST = (
    "compare the callers of this model with those of its siblings: a new version, a fallback or a cache may go past it; "
    "if the siblings became many more instead, accept it."
)


def share(layout: "Layout") -> Count:
    """Events of the set, [ours, theirs]. Judge derives it; the definition names the set, so that counts of another one never mix."""
    return Count("siblings.share", 2, short_hash(sorted(layout.contract.promises.alive.siblings)))


def busy(siblings: Ints, ours: int, from_ms: int, to_ms: int) -> dict[str, tuple[float, ...]]:
    """siblings: int64[n, 2] of (ms, events then). For the reference's pace: events of theirs in an hour than which few are busier, and of
    theirs for each of ours."""
    at, n = siblings[(siblings[:, 0] >= from_ms) & (siblings[:, 0] < to_ms)].T
    if not len(at):
        return {}
    bin_ms = min(HOUR_MS, max((to_ms - from_ms) // BINS, 1))
    counts = np.bincount((at - from_ms) // bin_ms, n)
    an_hour = float(np.quantile(counts[counts > 0], BUSY)) * HOUR_MS / bin_ms
    return {PACE: (round(an_hour, 6), round(float(n.sum()) / max(ours, 1), 6))}


class Allowance:
    """How many of theirs count, in the order of time: as fast as in FAST busy hours, with ten minutes in hand; as many more as come with ours.

    Without it one storm of theirs in three days paged nine times as often as promised; without the last a burst that both share would be cut.
    """

    def __init__(self, layout: "Layout", window_ms: int) -> None:
        an_hour, self.usual = layout.reference.pace.get(PACE, NO_LIMIT) if layout.reference else NO_LIMIT
        self.rate = FAST * an_hour / HOUR_MS
        self.most = max(IN_HAND_MIN, self.rate * max(IN_HAND_MS, window_ms))
        self.left, self.at_ms = self.most, -1

    def take(self, at_ms: int, theirs: int, ours: int) -> int:
        """How many of theirs, of a window that ended then, beside ours in it."""
        if self.at_ms >= 0:
            self.left = min(self.left + self.rate * (at_ms - self.at_ms), self.most)
        self.at_ms = at_ms
        if self.left == np.inf:
            return theirs
        counted = min(theirs, max(int(self.left), int(FAST * self.usual * ours)))
        self.left = max(self.left - counted, 0.0)
        return counted


def derive(rules: Iterable[object], flat: Ints, window: tuple[int, int]) -> None:
    """Of a window whose siblings are all counted, and in which it was not switched off: ours and theirs, before it is judged."""
    for rule in rules:
        if isinstance(rule, SiblingRule):
            rule.derive(flat, window)


def line_of_share(p: float) -> float:
    """Of the set, the share of ours that is left when half of ours go elsewhere, or when theirs become twice as many.

    >>> round(line_of_share(0.5), 4), round(line_of_share(0.01), 5)
    (0.3333, 0.00503)
    """
    return KEPT_SHARE * p / (KEPT_SHARE * p + 1 - p)


def share_monitors(layout: "Layout") -> Sequence[Monitor]:
    """None where the reference holds fewer than 300 events of ours or of theirs: see `waits`."""
    key = share(layout).key
    counts = layout.reference_counts(key, f"alive:share/{WHOLE}") if SIBLINGS.key in layout.counts else None
    if counts is None or counts[0].min() < EVENTS_MIN:
        return ()
    ours, theirs = (int(n) for n in counts[0])
    p = ours / (ours + theirs)
    line = line_of(layout, f"alive:share/{WHOLE}", theirs, ours + theirs, p - line_of_share(p))
    stream = Stream(key, np.array([OURS, THEIRS]), np.array([THEIRS]), line, "down", "its siblings")
    return [Monitor("alive", "share", WHOLE, 0, True, CLEAR_DAYS, (stream,), None, p, "1", "share among its siblings", "share", line)]


def waits(layout: "Layout") -> str:
    """Why the share is not judged, in words; "" where it is, or where nobody asked for it."""
    if SIBLINGS.key not in layout.counts or layout.learning or share_monitors(layout):
        return ""
    known = layout.reference_counts(share(layout).key)
    n = 0 if known is None else int(known[0, THEIRS])
    return f"its share among its siblings waits: the reference holds {n} of their events, {EVENTS_MIN} are needed; `anchorwatch apply --relearn`"


def explain(seen: Seen) -> Explained:
    """Of the share. Heard within its line it would be nothing: it fell to less than half of what it was for each event of theirs."""
    now, before = f"{100 * (seen.current or 0):.3g} %", f"{100 * (seen.reference or 0):.3g} %"
    text = f"Only {now} of the events of this model and its siblings are its own now (reference {before}): traffic goes past it, or theirs grew."
    return Explained("TrafficLost", text, LOST)


class SiblingRule:
    watch: ClassVar[str] = "alive"

    def __init__(self, layout: "Layout") -> None:
        self.layout = layout
        self.gap, self.longest = 0, 0  # events of theirs since our last window, and between two of ours at most
        self.windows, self.begun_ms = 0, -1  # of ours, and since when they are counted
        self.last_ms = -1  # end of our last window
        self.dark_since: int | None = None
        self.allowance: Allowance | None = None  # of the share; made with the first window, whose length it needs
        self.allowed: list[float] = []  # what the last life left of it

    def derive(self, flat: Ints, window: tuple[int, int]) -> None:
        if self.allowance is None:
            self.allowance = Allowance(self.layout, window[1] - window[0])
            if self.allowed and self.allowance.most < np.inf:
                self.allowance.left, self.allowance.at_ms = min(self.allowed[0], self.allowance.most), int(self.allowed[1])
        ours, theirs = (int(self.layout.view(flat, count.key)[0, 0]) for count in (EVENTS, SIBLINGS))
        self.layout.view(flat, share(self.layout).key)[0] = [ours, self.allowance.take(window[1], theirs, ours)]

    def window(self, facts: Facts) -> list[Exact]:
        if facts.flat is None:
            return []
        ours, theirs = (int(self.layout.view(facts.flat, count.key)[0, 0]) for count in (EVENTS, SIBLINGS))
        if ours:
            return self._speaks(facts)
        if self.begun_ms < 0 or is_off(facts.flags):
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
        known = self.allowance
        allowed = [known.left, known.at_ms] if known is not None and known.most < np.inf else self.allowed
        return {**{name: getattr(self, name) for name in KEPT}, "allowed": allowed}

    def restore(self, kept: Mapping[str, Any]) -> None:
        for name in KEPT:
            if name in kept:
                setattr(self, name, kept[name])
        self.allowance, self.allowed = None, list(kept.get("allowed", ()))


KEPT = ("gap", "longest", "windows", "begun_ms", "last_ms", "dark_since")


def is_off(flags: Sequence[FlagChange]) -> bool:
    """Is one of its flags off? flags: oldest first."""
    newest = {change.key: change.state for change in flags}
    return "off" in newest.values()
