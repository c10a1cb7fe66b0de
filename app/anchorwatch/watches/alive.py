"""Has it been switched off, or gone silent?

Question: do predictions still come, and does a flag that concerns this model stand?
Method: exact. Silence: no prediction for `promises.alive.silent_after` of event time; a model without that promise is judged against the
  reference, whose longest gap times three it may be silent. Flag: a change to `off` of a key that the contract names, or of an event that names
  the model, is said at once with actor and reason; announced ones are a retirement.
Runbook: ask the actor named here, or whoever deployed last; while nothing answers, say what downstream does instead.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from anchorwatch.watches.base import Count, Explained, Quiet, Seen
from anchorwatch.watches.rules import Exact, Facts, Rule

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

GAPS = 3.0  # times the reference's longest gap, where nothing is promised
SILENT_S_MIN = 60.0
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


def silent_after_ms(layout: "Layout") -> int | None:
    """The promise, else three times the longest gap of the reference, at least a minute; None while learning without a promise."""
    promised = layout.contract.promises.alive.silent_after
    if promised is not None:
        return int(promised)
    if layout.reference is None or layout.reference.gap_s <= 0:
        return None
    return int(1000 * max(SILENT_S_MIN, GAPS * layout.reference.gap_s))


class Alive(Quiet):
    name: ClassVar[str] = "alive"
    question: ClassVar[str] = "Is it on, and does it speak?"

    def counts(self, layout: "Layout") -> Sequence[Count]:  # noqa: ARG002
        return ()

    def rules(self, layout: "Layout") -> Sequence[Rule]:
        return (AliveRule(layout),)

    def explain(self, seen: Seen) -> Explained:
        return Explained("ModelDark", f"{seen.segment} is silent.", RUNBOOK)


class AliveRule:
    def __init__(self, layout: "Layout") -> None:
        self.layout = layout
        self.after_ms = silent_after_ms(layout)
        self.dark_since: int | None = None
        self.off: dict[str, Any] | None = None  # the flag change in force, as `caused_by` tells it
        self.told = -1  # time of the newest flag change told

    def window(self, facts: Facts) -> list[Exact]:
        found = self._flags(facts)
        if self.after_ms is None or facts.last_ms < 0:
            return found
        silent = facts.to_ms - facts.last_ms
        if self.dark_since is None and silent >= self.after_ms and self.off is None:
            self.dark_since = facts.last_ms
            text = f"{self.layout.contract.model} is dark: no prediction for {_span(silent)}, without any flag change."
            found.append(
                self._exact(
                    "ModelDark", "silence", True, facts.last_ms, text, {"current": silent / 1000, "line": self.after_ms / 1000, "unit": "s"}
                )
            )
        elif self.dark_since is not None and (silent < self.after_ms or self.off is not None):
            why = "speaks again" if silent < self.after_ms else "was switched off by a flag"
            found.append(self._exact("ModelDark", "silence", False, self.dark_since, f"{self.layout.contract.model} {why}.", {}))
            self.dark_since = None
        return found

    def _flags(self, facts: Facts) -> list[Exact]:
        found = []
        for change in facts.flags:
            at = int(change.changed_at_ms or 0)
            if at <= self.told:
                continue
            self.told = at
            cause = {
                "kind": change.kind,
                "key": change.key,
                "state": change.state,
                "at_ms": at,
                "actor": change.actor or "",
                "reason": change.reason or "",
            }
            who = f" by {change.actor}" if change.actor else ""
            why = f" ({change.reason})" if change.reason else ""
            if change.state == "off" and self.off is None:
                self.off = {**cause, "announced": change.announced}
                name = "ModelRetired" if change.announced else "ModelSwitchedOff"
                verb = "retired" if change.announced else "switched off"
                text = f"{self.layout.contract.model} was {verb}: flag {change.key!r} went to off{who}{why}."
                found.append(self._exact(name, "flag", True, at, text, {"unit": "flag"}, (cause,), change.announced))
            elif change.state != "off" and self.off is not None and self.off["key"] == change.key:
                name = "ModelRetired" if self.off["announced"] else "ModelSwitchedOff"
                text = f"{self.layout.contract.model} is on again: flag {change.key!r} went to {change.state}{who}{why}."
                found.append(self._exact(name, "flag", False, self.off["at_ms"], text, {}, (cause,), self.off["announced"]))
                self.off = None
        return found

    def _exact(  # the sentence, and how loud it is
        self,
        name: str,
        subject: str,
        is_open: bool,
        since: int,
        text: str,
        evidence: dict[str, Any],
        caused_by: tuple[dict[str, Any], ...] = (),
        planned: bool = False,
    ) -> Exact:
        severity = "info" if planned else "critical"
        return Exact("alive", subject, name, severity, not planned, is_open, since, text, RUNBOOK, evidence, caused_by)  # type: ignore[arg-type]

    def snapshot(self) -> dict[str, Any]:
        return {"dark_since": self.dark_since, "off": self.off, "told": self.told}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.dark_since, self.off, self.told = kept.get("dark_since"), kept.get("off"), kept.get("told", -1)


def _span(ms: int) -> str:
    seconds = ms / 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


WATCH = Alive()
