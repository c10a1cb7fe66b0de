"""Does the output change a decision, and do people still trust it?

Question: are predictions followed as often as promised, or as in the reference; are they overridden for a reason more often; does nobody decide
  any more; does what is done still depend on what the model says; do more of them draw a complaint (a ticket, a chargeback, a customer who leaves)?
Method: a prediction is looked at when it is as old as `promises.impact.within` (else the p95 of the reference's delays of decisions), with the
  decision known by then. Of those decided, the share that was followed, as a 0/1 stream each way: ten points below the reference, or what
  `followed_at_least` leaves; above it by ten points, at most half of what is missing to all, which is news of severity `info`: people who stopped
  looking. Of those decided, the share overridden for each reason, five points; of all, the share that was ignored or never decided, ten points
  (detection.md 2.3, 5.6). A cause, never a page by itself. Bypassed is an exact rule, outside the budget: the newest thousand decisions agree
  with what was recommended no more than chance would (Cohen's kappa, the largest of 200 draws of its table below .1, looked at once an hour).
  Measured on looks at other thousands each, two actions in equal parts: at a kappa of .1 exactly it is said once in 220, at .2 never in 20,000,
  at 0 in two of three, so a bypass is heard after a thousand decisions or two.
  Complaints: of predictions as old as `promises.impact.complaints_within` (else the p95 of the reference's delays of complaints), the share with a
  complaint by then, as a 0/1 stream up, against `complaints_at_most`, else the reference with as much again, half a point at least: complaints
  are rare, so that points say little, and twice as many is what those who answer them notice; the floor keeps a reference of next to none from
  calling a handful a rise. Each kind that the reference names, and all others together, the same with a floor of half of that. A reference without
  any complaint is no reference of them. Warnings, too.
  Without decision events nothing is measured, and without a complaint neither are they, which every summary says: it is not good news.
Runbook: ask the people who decide what they see; look at the reasons they gave and at the segment; read the newest complaints of that kind and
  segment; compare with the quality of those answers.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from anchorwatch.contract.model import ImpactPromise
from anchorwatch.watches.base import (
    COMPLAINED,
    DECIDED,
    FOLLOWED,
    IGNORED,
    NO_DECISION,
    OVERRIDDEN,
    Add,
    Count,
    Explained,
    Floats,
    Ints,
    Monitor,
    Quiet,
    Seen,
    Stream,
    Used,
    short_hash,
)
from anchorwatch.watches.lines import EVENTS_MIN, line_of
from anchorwatch.watches.rules import Exact, Facts, Rule

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

FOLLOWED_LESS, FOLLOWED_MORE, IGNORED_MORE, REASON_MORE = 0.10, 0.10, 0.10, 0.05
PROMISED = "promised"  # label of a stream whose line is a promise of complaints
COMPLAINED_MORE, KIND_MORE = 0.005, 0.0025  # at least; else as much again as in the reference
CLEAR_DAYS = 1.0
REASONED = (
    5  # symbols: FOLLOWED .. UNTOLD, of which OVERRIDDEN stays empty; from here on overridden for each reason of the list, then for another
)
DECIDED_MIN = 30  # for a number
BYPASSED, DEPENDS = 0.1, 0.15  # kappa: below, nothing depends on the answers; from here on it does again
DRAWS = 200
LOOKED_AT, EACH_MIN = 1_000, 30  # decisions of a look; of two recommended actions at least, each
SLOT_MS, SLOTS = 3_600_000, 168
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()
OBEYED_RUNBOOK = (
    "Ask the people who decide what they see, and whether they may still say no; if it is right so, `anchorwatch alerts accept` makes it the "
    "reference, so that a later return to the old share is heard."
)


def uses(layout: "Layout") -> Count:
    return Count("decisions.use", REASONED + len(layout.reasons) + 1, short_hash(layout.reasons))


def agreement(layout: "Layout") -> Count:
    """Cell recommended * (A + 1) + action, A = any other action."""
    return Count("decisions.agreement", (len(layout.actions) + 1) ** 2, short_hash(layout.actions))


def complaints(layout: "Layout") -> Count:
    """Symbol 0: none came in time; then each kind of the list, then another."""
    return Count("complaints.kind", 2 + len(layout.kinds), short_hash(layout.kinds))


def decided(symbols: int) -> Ints:
    """Symbols of `uses` that are a decision about a recommendation."""
    return np.array([FOLLOWED, IGNORED, *range(REASONED, symbols)])


class Impact(Quiet):
    name: ClassVar[str] = "impact"
    question: ClassVar[str] = "Does the output change a decision?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        found = [uses(layout)] if DECIDED in layout.reactions else []
        if found and len(layout.actions) > 1:
            found.append(agreement(layout))
        return [*found, complaints(layout)] if COMPLAINED in layout.reactions else found

    def decide(self, layout: "Layout", used: Used, add: Add) -> None:
        add(uses(layout).key, np.where(used.use == OVERRIDDEN, REASONED + np.maximum(used.reason, 0), used.use))
        if len(layout.actions) > 1:
            told = (used.action >= 0) & (used.recommended >= 0)
            cells = used.recommended * (len(layout.actions) + 1) + used.action
            add(agreement(layout).key, np.where(told, cells, 0), told)

    def complain(self, layout: "Layout", kind: Ints, add: Add) -> None:
        add(complaints(layout).key, 1 + kind)

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        found: list[Monitor] = []
        promised = layout.contract.promises.impact or ImpactPromise()
        for row, segment in enumerate(layout.segments):
            if DECIDED in layout.reactions:
                least = None if row else promised.followed_at_least
                if least is not None:
                    found.append(_followed(layout, row, segment, 1 - least, None))
                found += _usual(layout, row, segment, promised=least is not None)
            if COMPLAINED in layout.reactions:
                found += _complained(layout, row, segment, None if row else promised.complaints_at_most)
        return found

    def rules(self, layout: "Layout") -> Sequence[Rule]:
        return (BypassRule(layout),) if DECIDED in layout.reactions and len(layout.actions) > 1 else ()

    def waits(self, layout: "Layout") -> str:
        if COMPLAINED not in layout.reactions or layout.learning or any(m.subject == "complaints" for m in self.monitors(layout)):
            return ""
        return "complaints wait: the reference holds none of them; promise `promises.impact.complaints_at_most`, or learn from a time that has some"

    def explain(self, seen: Seen) -> Explained:
        where = seen.where
        now, before = (
            f"{100 * (seen.current or 0):.3g} %",
            f" (reference {100 * seen.reference:.3g} %)" if seen.reference is not None else "",
        )
        if seen.subject == "followed":
            least = "" if seen.reference is not None else f"; at least {100 * (seen.line or 0):.3g} % should be"
            return Explained("OutputIgnored", f"Only {now} of the model's answers{where} are followed{before}{least}.", RUNBOOK)
        if seen.subject == "obedient":
            text = f"{now} of the model's answers{where} are followed{before}: does anybody still look?"
            return Explained("OutputObeyed", text, OBEYED_RUNBOOK)
        if seen.subject == "ignored":
            return Explained("OutputIgnored", f"About {now} of the model's answers{where} nothing is decided in time{before}.", RUNBOOK)
        if seen.subject in ("complaints", "kind"):
            return Explained("OutputComplained", f"{now} of the model's answers{where} draw {_drawn(seen, before)}.", RUNBOOK)
        why = f"for {seen.label!r}" if seen.label else "for reasons that the reference did not have"
        return Explained("OutputOverridden", f"{now} of the model's answers{where} are overridden {why}{before}.", RUNBOOK)


def _drawn(seen: Seen, before: str) -> str:
    if seen.label == PROMISED:  # a reference without a complaint is none of them
        return f"a complaint{before if seen.reference else ''}; at most {100 * (seen.line or 0):.3g} % should"
    if seen.subject == "complaints":
        return f"a complaint{before}"
    return f"a complaint of {f'kind {seen.label!r}' if seen.label else 'a kind that the reference did not have'}{before}"


def _usual(layout: "Layout", row: int, segment: str, *, promised: bool) -> list[Monitor]:
    """Against the reference, which must have held decisions."""
    count = uses(layout)
    counts = layout.reference_counts(count.key)
    some = decided(count.symbols)
    if counts is None or counts[row, some].sum() < EVENTS_MIN:
        return []
    n, k = int(counts[row, some].sum()), int(counts[row, FOLLOWED])
    every = np.array([*some, NO_DECISION])
    found = []
    if not promised:
        line = line_of(layout, f"impact:followed/{segment}", n - k, n, FOLLOWED_LESS)
        found.append(_followed(layout, row, segment, line, k / n))
    more = min(FOLLOWED_MORE, (1 - k / n) / 2)
    if more > 0:
        line = line_of(layout, f"impact:obedient/{segment}", k, n, more)
        told = _one(count, "obedient", row, segment, some, np.array([FOLLOWED]), line, k / n, "share followed")
        found.append(told._replace(news=True, like="" if promised else f"impact:followed/{segment}"))
    away, among = int(counts[row, [IGNORED, NO_DECISION]].sum()), int(counts[row, every].sum())
    line = line_of(layout, f"impact:ignored/{segment}", away, among, IGNORED_MORE)
    found.append(_one(count, "ignored", row, segment, every, np.array([IGNORED, NO_DECISION]), line, away / among, "share ignored"))
    return [*found, _reasons(layout, row, segment, some, counts[row])]


def _followed(layout: "Layout", row: int, segment: str, line: float, reference: float | None) -> Monitor:
    """line: the largest share of decisions that may not follow."""
    count = uses(layout)
    some = decided(count.symbols)
    stream = Stream(count.key, some, some[some != FOLLOWED], line, "down", "followed")
    return Monitor(
        "impact", "followed", segment, row, False, CLEAR_DAYS, (stream,), None, reference, "1", "share followed", "followed", 1 - line
    )


def _one(
    count: Count, subject: str, row: int, segment: str, n: Ints, k: Ints, line: float, reference: float, metric: str
) -> Monitor:  # fmt: skip
    stream = Stream(count.key, n, k, line, "up", subject)
    return Monitor("impact", subject, segment, row, False, CLEAR_DAYS, (stream,), None, reference, "1", metric, subject, line)


def _reasons(layout: "Layout", row: int, segment: str, some: Ints, counts: Ints) -> Monitor:
    """A stream for each reason that the reference names, and one for all others."""
    labels, n, key = (*layout.reasons, ""), int(counts[some].sum()), f"impact:reason/{segment}"
    streams = tuple(
        Stream(
            uses(layout).key, some, np.array([REASONED + place]),
            line_of(layout, key, int(counts[REASONED + place]), n, REASON_MORE, place, len(labels)), "up", label,
        )
        for place, label in enumerate(labels)
    )  # fmt: skip
    return Monitor(
        "impact", "reason", segment, row, False, CLEAR_DAYS, streams, None, None, "1", "share overridden", "reason", streams[0].line
    )


def _complained(layout: "Layout", row: int, segment: str, promised: float | None) -> list[Monitor]:
    """Against the promise, else the reference, which must have held complaints."""
    count = complaints(layout)
    counts, every = layout.reference_counts(count.key), np.arange(count.symbols)
    found = []
    if promised is not None:
        stream = Stream(count.key, every, every[1:], promised, "up", PROMISED)
        about = (None, None, "1", "share complained of", "complaints", promised)
        found.append(Monitor("impact", "complaints", segment, row, False, CLEAR_DAYS, (stream,), *about))
    if counts is None or not counts[0, 1:].any() or (n := int(counts[row].sum())) < EVENTS_MIN:
        return found
    if promised is None:
        k = int(counts[row, 1:].sum())
        line = line_of(layout, f"impact:complaints/{segment}", k, n, max(COMPLAINED_MORE, k / n))
        found.append(_one(count, "complaints", row, segment, every, every[1:], line, k / n, "share complained of"))
    return [*found, _kinds(layout, row, segment, counts[row])] if layout.kinds else found


def _kinds(layout: "Layout", row: int, segment: str, counts: Ints) -> Monitor:
    """A stream for all kinds that the reference does not name, and one for each that it does, unless that is all there is to tell."""
    count, n, key = complaints(layout), int(counts.sum()), f"impact:kind/{segment}"
    every = np.arange(count.symbols)
    named = [(symbol, label) for symbol, label in enumerate((*layout.kinds, ""), start=1) if not label or len(layout.kinds) > 1]
    streams = []
    for place, (symbol, label) in enumerate(named):
        k = int(counts[symbol])
        line = line_of(layout, key, k, n, max(KIND_MORE, k / n), place, len(named))
        streams.append(Stream(count.key, every, every[symbol : symbol + 1], line, "up", label))
    return Monitor(
        "impact", "kind", segment, row, False, CLEAR_DAYS, tuple(streams), None, None, "1", "share complained of", "kind", streams[0].line
    )


def kappa(cells: Ints) -> float | None:
    """Cohen's kappa of int64[A, A], recommended by action; None: where only one action is recommended and taken it says nothing."""
    n = cells.sum()
    by_chance = float((cells.sum(0) * cells.sum(1)).sum()) / max(float(n) ** 2, 1.0)
    return None if n == 0 or by_chance >= 1 else (float(np.trace(cells)) / float(n) - by_chance) / (1 - by_chance)


def kappa_draws(cells: Ints, seed: int) -> Floats:
    """float64[200]: what it may be, by Dirichlet draws of the table."""
    side = len(cells)
    drawn = np.random.default_rng(seed).dirichlet(cells.reshape(-1) + 0.5 / side, DRAWS).reshape(DRAWS, side, side)
    by_chance = (drawn.sum(1) * drawn.sum(2)).sum(1)
    found: Floats = (np.trace(drawn, axis1=1, axis2=2) - by_chance) / np.maximum(1 - by_chance, 1e-9)
    return found


class BypassRule:
    """Keeps what was recommended and done, of the last week in hours; looks at the newest thousand decisions when an hour ends."""

    watch: ClassVar[str] = "impact"

    def __init__(self, layout: "Layout") -> None:
        self.layout, self.side = layout, len(layout.actions) + 1
        self.slots: dict[int, list[int]] = {}
        self.since: int | None = None  # it is bypassed since
        self.looked = -1  # at the slots up to that one

    def window(self, facts: Facts) -> list[Exact]:
        number, found = (facts.to_ms - 1) // SLOT_MS, list[Exact]()
        if self.slots and number > (newest := max(self.slots)) > self.looked:
            self.looked, found = newest, self._look(newest)
        if facts.flat is not None:
            cells = self.layout.view(facts.flat, agreement(self.layout).key)[0]
            if cells.any():
                self.slots[number] = (np.array(self.slots.get(number, np.zeros(len(cells))), np.int64) + cells).tolist()
                self.slots = {slot: kept for slot, kept in self.slots.items() if slot > number - SLOTS}
        return found

    def _look(self, newest: int) -> list[Exact]:
        cells, first = np.zeros((self.side, self.side), np.int64), newest
        for slot in sorted(self.slots, reverse=True):
            if cells.sum() < LOOKED_AT:
                cells, first = cells + np.array(self.slots[slot]).reshape(self.side, self.side), slot
        now = kappa(cells)
        if now is None or cells.sum() < LOOKED_AT or (cells.sum(1) >= EACH_MIN).sum() < 2:
            return []
        n, model = int(cells.sum()), self.layout.contract.model
        evidence = {"n": n, "current": round(now, 6), "line": BYPASSED, "unit": "kappa", "metric": "kappa"}
        if self.since is None and max(now, float(kappa_draws(cells, newest).max())) < BYPASSED:
            self.since = first * SLOT_MS
            text = f"{model} is bypassed: its last {n} recommendations and what was done agree no more than by chance (kappa {now:.2g})."
            return [self._exact(True, text, evidence)]
        if self.since is not None and now >= DEPENDS:
            found = [self._exact(False, f"What is done depends on {model} again (kappa {now:.2g}).", evidence)]
            self.since = None
            return found
        return []

    def _exact(self, is_open: bool, text: str, evidence: dict[str, Any]) -> Exact:
        assert self.since is not None, "begun when it is told"
        return Exact("impact", "bypassed", "ModelBypassed", "warning", False, is_open, self.since, text, RUNBOOK, evidence)

    def holds(self) -> set[str]:
        return {"bypassed"} if self.since is not None else set()

    def snapshot(self) -> dict[str, Any]:
        return {"since": self.since, "looked": self.looked, "slots": self.slots, "actions": list(self.layout.actions)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        if tuple(kept.get("actions", ())) == self.layout.actions:
            self.since, self.looked = kept["since"], kept["looked"]
            self.slots = {int(slot): list(cells) for slot, cells in kept["slots"].items()}


WATCH = Impact()
