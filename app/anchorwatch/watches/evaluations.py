"""Do some flag evaluations behind a model's predictions choose no more? The provider is down for one pod of four, say; nobody changed a flag.

Exact, where evaluations nearly always chose: a tenth of them and more that end in default, error, disabled or stale, in a row of windows, is a
switch-off in part. Which pods it is the segments tell that have as many such evaluations as predictions. All of them: `AliveRule`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from anchorwatch.watches.base import OTHER, WHOLE
from anchorwatch.watches.pace import EVENTS
from anchorwatch.watches.rules import Exact, Facts

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

FALLEN = frozenset(("default", "error", "disabled", "stale"))  # reasons of an evaluation that did not choose
FALLEN_SHARE = 0.95  # of evaluations: all of them, but for what was under way
PART_SHARE, OVER_SHARE = 0.10, 0.05  # where a part begins and where it ends
USUAL_SHARE_MAX = 0.02  # above: they fall by themselves, as where default is the answer for most users
KNOWN_MIN, KNOWN_MAX = 300, 100_000  # evaluations behind what is usual; above: both sums are halved
EVALUATIONS_MIN = 30  # that did not choose, in a row of windows
NAMED_MAX = 3
RUNBOOK = "Look at the flag provider's client in the pods or services named here: it may not reach its server, or still start."


class Switched(Protocol):
    """What a rule about flags knows: the change in force that switched the model off, if any."""

    off: dict[str, Any] | None


class EvaluationsRule:
    watch: ClassVar[str] = "alive"

    def __init__(self, layout: "Layout", flags: Switched) -> None:
        """flags: asked before this one, of the same window."""
        self.layout, self.flags = layout, flags
        self.known = [0, 0]  # evaluations, and those of them that did not choose, while all was well
        self.run: list[int] = []  # [evaluations that did not choose, of how many, since ms] in windows of which a part did not
        self.fallen: dict[str, int] = {}  # the same of each segment, in the run
        self.events: dict[str, int] = {}  # predictions of each of these segments, in the run
        self.open_since: int | None = None

    def window(self, facts: Facts) -> list[Exact]:
        n, fell = sum(facts.reasons.values()), sum(count for reason, count in facts.reasons.items() if reason in FALLEN)
        if not n:
            return []
        if fell < (PART_SHARE if self.open_since is None else OVER_SHARE) * n or self.flags.off is not None:
            return self._well(n, fell)
        if fell >= FALLEN_SHARE * n:
            return self._over("do not choose, all of them") if self.open_since is not None else self._forget()
        self.run = [self.run[0] + fell, self.run[1] + n, self.run[2]] if self.run else [fell, n, facts.from_ms]
        self._segments(facts)
        if self.open_since is not None or not self._is_news():
            return []
        self.open_since = self.run[2]
        return [self._exact(True, self._sentence(facts), {"n": self.run[1], "current": self.run[0] / self.run[1], **self._told()})]

    def _well(self, n: int, fell: int) -> list[Exact]:
        found = self._over("choose again") if self.open_since is not None else self._forget()
        if self.flags.off is None:
            self.known = [self.known[0] + n, self.known[1] + fell]
            if self.known[0] > KNOWN_MAX:
                self.known = [each // 2 for each in self.known]
        return found

    def _forget(self) -> list[Exact]:
        self.run, self.fallen, self.events = [], {}, {}
        return []

    def _over(self, why: str) -> list[Exact]:
        found = [self._exact(False, f"The flag evaluations behind {self.layout.contract.model} {why}.", {})]
        self.open_since = None
        self._forget()
        return found

    def _is_news(self) -> bool:
        n, fell = self.known
        return n >= KNOWN_MIN and fell <= USUAL_SHARE_MAX * n and self.run[0] >= EVALUATIONS_MIN

    def _segments(self, facts: Facts) -> None:
        """Of the run: a segment counts from the window on in which an evaluation of it fell."""
        for name, count in facts.fallen.items():
            if name not in (WHOLE, OTHER) and name in self.layout.rows:
                self.fallen[name] = self.fallen.get(name, 0) + count
        if facts.flat is not None:
            events = self.layout.view(facts.flat, EVENTS.key)[:, 0]
            for name in self.fallen:
                self.events[name] = self.events.get(name, 0) + int(events[self.layout.rows[name]])

    def _named(self) -> list[str]:
        """Segments all of whose evaluations fell, the coarsest first; what lies within one of them is not named again."""
        whole = [name for name, fell in self.fallen.items() if fell >= FALLEN_SHARE * self.events.get(name, fell)]
        parts = {name: frozenset(name.split(",")) for name in whole}
        coarse = [name for name in whole if not any(parts[other] < parts[name] for other in whole)]
        return sorted(coarse, key=lambda name: (-self.fallen[name], name))[:NAMED_MAX]

    def _sentence(self, facts: Facts) -> str:
        reasons = {reason: n for reason, n in facts.reasons.items() if reason in FALLEN}
        reason = max(sorted(reasons), key=lambda name: reasons[name])
        named = self._named()
        where = f", all those of {', '.join(named)}" if named else ""
        share = f"{self.run[0] / self.run[1]:.0%} of its flag evaluations end in {reason!r}{where}"
        return f"{self.layout.contract.model} is switched off in part: {share}, without any flag change."

    def _told(self) -> dict[str, Any]:
        return {
            "reference": self.known[1] / self.known[0], "line": PART_SHARE, "unit": "1", "metric": "evaluations that did not choose",
            "segments": self._named(),
        }  # fmt: skip

    def _exact(self, is_open: bool, text: str, evidence: dict[str, Any]) -> Exact:
        since = self.open_since or 0
        return Exact("alive", "evaluations in part", "ModelSwitchedOff", "warning", False, is_open, since, text, RUNBOOK, evidence)

    def holds(self) -> set[str]:
        return {"evaluations in part"} if self.open_since is not None else set()

    def snapshot(self) -> dict[str, Any]:
        return {"known": self.known, "run": self.run, "fallen": self.fallen, "events": self.events, "open_since": self.open_since}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.known, self.run, self.open_since = list(kept.get("known", (0, 0))), list(kept.get("run", ())), kept.get("open_since")
        rows = self.layout.rows
        self.fallen, self.events = ({s: n for s, n in kept.get(key, {}).items() if s in rows} for key in ("fallen", "events"))
