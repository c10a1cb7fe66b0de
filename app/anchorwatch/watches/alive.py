"""Has it been switched off, or gone silent?

Question: do predictions still come, as many as siblings let expect, and does a flag that concerns this model stand?
Method: silence on the clock of expected events (pace.py): spells that usually bring ten predictions at least and brought none, as a 0/1 stream,
  so that an outage at noon is heard in minutes and a night without traffic is none; and its share among its siblings (siblings.py), of which
  less than half is left (`TrafficLost`). The rest is exact. Silence beside siblings that go on (siblings.py). Silence on the wall: no prediction for
  `promises.alive.silent_after` of event time; without that promise three times the longest gap of the reference. Flag: a
  change to `off` of a key that the contract names, or of an event that names the model, is said at once with actor and reason; announced
  ones are a retirement; off and on again within one window is told as one, and wakes nobody. Evaluations: where predictions tell the
  reason of their flag evaluation, nearly all of them default, error, disabled or stale is a switch-off that nobody announced, a part of
  them (evaluations.py) a warning that names the segments it is.
Runbook: ask the actor named here, or whoever deployed last; while nothing answers, say what downstream does instead.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from anchorwatch.estimators.tables import Heal
from anchorwatch.events import FlagChange
from anchorwatch.watches import siblings
from anchorwatch.watches.base import WHOLE, Add, Columns, Count, Explained, Floats, Monitor, Quiet, Seen, Tilt
from anchorwatch.watches.evaluations import FALLEN, FALLEN_SHARE, EvaluationsRule
from anchorwatch.watches.pace import EVENTS, SILENT, pace
from anchorwatch.watches.rules import Exact, Facts, Rule
from anchorwatch.watches.siblings import SIBLINGS, SiblingRule, share, share_monitors

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

SPARE = 3  # silent spells added to the reference's none: a lucky reference must not make one silent spell an outage
TOLERATED_A_DAY, TOLERATED_MAX = 0.1, 0.2  # silent spells; with a year of reference the line would be so low that credit alone warned
# In log-odds. detection.md 5.7 has .3 .. 8; below 1.5 a spell that spoke costs a bet nothing, so that it warned every 40 days by credit alone.
BETS: Floats = np.exp(np.linspace(np.log(1.5), np.log(8.0), 6))
CLEAR_DAYS = 1 / 24
SPELLS_HEALTHY = 3.0
GAPS = 3.0  # times the reference's longest gap, where nothing is promised
SILENT_S_MIN = 60.0
AGAIN, AGAIN_MS_MAX = 3, 3_600_000  # times `silent_after`, an hour at most: a second silence within a day that lasts so long wakes as well
RISEN_SHARE = 0.5  # of evaluations, where a switch-off that FALLEN_SHARE of them told ends
EVALUATIONS_MIN = 30  # that chose before, and that did not choose in a row of windows
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

    def counts(self, layout: "Layout") -> Sequence[Count]:
        return [EVENTS, SILENT, SIBLINGS, share(layout)] if layout.contract.promises.alive.siblings else [EVENTS, SILENT]

    def count(self, layout: "Layout", columns: Columns, add: Add) -> None:  # noqa: ARG002
        add(EVENTS.key, np.zeros(columns.n, np.int64))

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        return [*self._traffic(layout), *share_monitors(layout)]

    def _traffic(self, layout: "Layout") -> Sequence[Monitor]:
        """Silence on the clock of expected events: a night without traffic is none, an hour at noon is."""
        usual = pace(layout)
        if usual is None:
            return ()
        assert layout.reference is not None, "a pace comes from a reference"
        # the reference has no silent spell: a spell is half as long again as its longest gap
        line = max(SPARE / (usual.spells + SPARE), min(TOLERATED_A_DAY * layout.reference.days / usual.spells, TOLERATED_MAX))
        tilt = Tilt(SILENT.key, np.array([0, 1]), _silence(line), _heal(line), (f"{usual.expected:.3g}",) * len(BETS))
        return [
            Monitor(
                "alive",
                "traffic",
                WHOLE,
                0,
                True,
                CLEAR_DAYS,
                (),
                tilt,
                0.0,
                "1",
                "share of silent spells",
                "traffic",
                line,
                healing_min=SPELLS_HEALTHY,
            )
        ]

    def rules(self, layout: "Layout") -> Sequence[Rule]:
        alive = AliveRule(layout)
        beside = (SiblingRule(layout),) if layout.contract.promises.alive.siblings else ()
        return (alive, EvaluationsRule(layout, alive), *beside)

    def waits(self, layout: "Layout") -> str:
        return siblings.waits(layout)

    def explain(self, seen: Seen) -> Explained:
        """seen.label: how many predictions such a spell usually brings."""
        if seen.subject == "share":
            return siblings.explain(seen)
        silent = round((seen.current or 0) * seen.n)
        text = (
            f"In {silent} of the last {seen.n} spells no prediction came, though each usually brings {seen.label} at this hour of the week."
        )
        return Explained("ModelDark", text, RUNBOOK)


def _silence(line: float) -> Floats:
    """float64[6, 2]: bets on silent spells. As `tables.bernoulli`, with larger bets: a spell is worth many events."""
    psi = np.log1p(line * np.expm1(BETS))
    return np.stack([-psi, BETS - psi], axis=-1)


def _heal(line: float) -> Heal:
    bets = len(BETS)
    return Heal(np.array([[[0.0, 1.0]]]), np.full((1, bets), line), np.zeros(bets, np.int64), np.ones(bets, np.bool_))


class AliveRule:
    watch: ClassVar[str] = "alive"

    def __init__(self, layout: "Layout") -> None:
        self.layout = layout
        self.after_ms = silent_after_ms(layout)
        self.dark_since: int | None = None
        self.off: dict[str, Any] | None = None  # the flag change in force, as `caused_by` tells it
        self.flip_ms = -1  # when it went off and on within the window before
        self.off_keys: set[str] = set()  # of all flags that are off: it is on again when all are
        self.awake_ms = -1  # when it was switched on again: silence begins there
        self.chose = 0  # evaluations that did, up to EVALUATIONS_MIN
        self.fallen: list[int] = []  # [evaluations that did not, since ms] in windows of which nearly all did not
        self.fallen_told = False
        self.told: dict[str, int] = {}  # flag -> time of its newest change told; an older one of another flag is still news

    def window(self, facts: Facts) -> list[Exact]:
        found = self._flags(facts) + self._evaluations(facts)
        if self.after_ms is None or facts.last_ms < 0:
            return found
        last_ms = max(facts.last_ms, facts.since_ms)
        silent = facts.to_ms - max(last_ms, self.awake_ms)
        if self.dark_since is None and silent >= self.after_ms and self.off is None:
            self.dark_since = last_ms
            text = f"{self.layout.contract.model} is dark: no prediction for {_span(silent)}, without any flag change."
            evidence = {"current": silent / 1000, "line": self.after_ms / 1000, "unit": "s"}
            exact = self._exact("ModelDark", "silence", True, last_ms, text, evidence)
            found.append(exact._replace(patience_ms=min(AGAIN * self.after_ms, AGAIN_MS_MAX)))
        elif self.dark_since is not None and (silent < self.after_ms or self.off is not None):
            why = "speaks again" if silent < self.after_ms else "was switched off by a flag"
            found.append(self._exact("ModelDark", "silence", False, self.dark_since, f"{self.layout.contract.model} {why}.", {}))
            self.dark_since = None
        return found

    def _flags(self, facts: Facts) -> list[Exact]:
        was_on, over, found = self.off is None, self._flip_over(), list[Exact]()
        for change in facts.flags:
            at = int(change.changed_at_ms or 0)
            if at > self.told.get(change.key, -1):
                self.told[change.key] = at
                found += self._went_off(change, at) if change.state == "off" else self._went_on(change, at)
        self.told = {key: self.told[key] for key in {change.key for change in facts.flags}}
        return over + (self._as_one(found) if found and was_on and self.off is None else found)

    def _as_one(self, found: Sequence[Exact]) -> list[Exact]:
        """Off and on again within one window is one thing to tell."""
        off, on = found[0].caused_by[0], found[-1].caused_by[0]
        self.flip_ms = off["at_ms"]
        model, span = self.layout.contract.model, _span(on["at_ms"] - off["at_ms"])
        text = f"{model} was off for {span} and is on again: {_told_of(off)}, {_told_of(on)}."
        return [self._exact("ModelSwitchedOff", "flip", True, self.flip_ms, text, {"unit": "flag"}, (off, on), planned=True)]

    def _flip_over(self) -> list[Exact]:
        """With the window after it."""
        since, self.flip_ms = self.flip_ms, -1
        text = f"{self.layout.contract.model} was on again at once."
        return [self._exact("ModelSwitchedOff", "flip", False, since, text, {}, planned=True)] if since >= 0 else []

    def _evaluations(self, facts: Facts) -> list[Exact]:
        """Provider down, kill switch without an event: every evaluation returns the default."""
        total, fallen = sum(facts.reasons.values()), sum(n for reason, n in facts.reasons.items() if reason in FALLEN)
        if not total:
            return []
        self.chose = min(self.chose + total - fallen, EVALUATIONS_MIN)
        model = self.layout.contract.model
        if fallen >= FALLEN_SHARE * total:
            self.fallen = [self.fallen[0] + fallen, self.fallen[1]] if self.fallen else [fallen, facts.from_ms]
            if self.fallen_told or self.off is not None or self.chose < EVALUATIONS_MIN or self.fallen[0] < EVALUATIONS_MIN:
                return []
            self.fallen_told = True
            reason = max(sorted(facts.reasons), key=lambda name: facts.reasons[name])
            text = f"{model} is switched off in effect: its flag evaluations end in {reason!r}, without any flag change."
            evidence = {"n": self.fallen[0], "current": fallen / total, "line": FALLEN_SHARE, "unit": "1", "metric": "evaluations"}
            return [self._exact("ModelSwitchedOff", "evaluations", True, self.fallen[1], text, evidence)]
        if self.fallen_told and fallen > RISEN_SHARE * total:
            return []
        since, told, self.fallen, self.fallen_told = self.fallen, self.fallen_told, [], False
        return (
            [self._exact("ModelSwitchedOff", "evaluations", False, since[1], f"Flag evaluations choose {model} again.", {})] if told else []
        )

    def _went_off(self, change: FlagChange, at: int) -> list[Exact]:
        self.off_keys.add(change.key)
        if self.off is not None:
            return []
        cause = _cause(change, at)
        self.off = {**cause, "announced": change.announced}
        verb = "retired" if change.announced else "switched off"
        text = f"{self.layout.contract.model} was {verb}: {_told_of(cause)}."
        return [self._exact(_name(self.off), "flag", True, at, text, {"unit": "flag"}, (cause,), change.announced)]

    def _went_on(self, change: FlagChange, at: int) -> list[Exact]:
        self.off_keys.discard(change.key)
        if self.off is None or self.off_keys:
            return []
        off, self.off, self.awake_ms = self.off, None, at
        cause = _cause(change, at)
        text = f"{self.layout.contract.model} is on again: {_told_of(cause)}."
        return [self._exact(_name(off), "flag", False, off["at_ms"], text, {}, (cause,), off["announced"])]

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

    def holds(self) -> set[str]:
        open_ones = {
            "flip": self.flip_ms >= 0, "silence": self.dark_since is not None, "flag": self.off is not None,
            "evaluations": self.fallen_told,
        }  # fmt: skip
        return {subject for subject, is_open in open_ones.items() if is_open}

    def snapshot(self) -> dict[str, Any]:
        return {
            "chose": self.chose, "fallen": self.fallen, "fallen_told": self.fallen_told, "dark_since": self.dark_since, "off": self.off,
            "off_keys": sorted(self.off_keys), "awake_ms": self.awake_ms, "told": self.told, "flip_ms": self.flip_ms,
        }  # fmt: skip

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.dark_since, self.off, self.off_keys = kept.get("dark_since"), kept.get("off"), set(kept.get("off_keys", ()))
        self.flip_ms = kept.get("flip_ms", -1)
        self.awake_ms, self.told = kept.get("awake_ms", -1), dict(kept.get("told", {}))
        self.chose, self.fallen, self.fallen_told = kept.get("chose", 0), list(kept.get("fallen", ())), kept.get("fallen_told", False)


def _cause(change: FlagChange, at: int) -> dict[str, Any]:
    """As `caused_by` of an alert tells it."""
    actor, reason = change.actor or "", change.reason or ""
    return {"kind": change.kind, "key": change.key, "state": change.state, "at_ms": at, "actor": actor, "reason": reason}


def _told_of(cause: Mapping[str, Any]) -> str:
    """`flag 'loan-on' went to off by ann (latency)`."""
    by = (f" by {cause['actor']}" if cause["actor"] else "") + (f" ({cause['reason']})" if cause["reason"] else "")
    return f"flag {cause['key']!r} went to {cause['state']}{by}"


def _name(off: Mapping[str, Any]) -> str:
    return "ModelRetired" if off["announced"] else "ModelSwitchedOff"


def _span(ms: int) -> str:
    seconds = ms / 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


WATCH = Alive()
