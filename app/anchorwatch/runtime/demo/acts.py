"""Four failures with known truth: what is done, what must be heard of it, and whether that was so. Pure but for the switches it turns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from anchorwatch.events import Alert
from anchorwatch.runtime.demo.loans import FLAG, OWNER
from anchorwatch.runtime.demo.traffic import Faults, Traffic

RENAMED = ("elevel", "education_level")
SLOW = ("west", 4.0)
CONCEPT = "islands"
ACTOR, REASON = "j.doe", "costs review"


@dataclass(frozen=True)
class Act:
    """`wrong(alert)`: "" when this alert says what the act did; else what it says instead."""

    title: str  # 32 characters at most: a column
    story: str  # what happens, for the audience
    expected: str  # what must be heard
    inject: Callable[[Traffic], None]
    heal: Callable[[Traffic], None]
    wrong: Callable[[Alert], str]
    only: str = "predictions"  # what the fault concerns, in the plural
    silence: bool = False  # afterwards nothing comes any more, which must not be a second alarm


@dataclass
class Played:
    """How one act went. Times are ms since 1970."""

    act: Act
    injected_at_ms: int
    healed_at_ms: int | None = None
    alert: Alert | None = None  # the first that was right
    events: int = 0  # predictions that the fault concerned, until it was heard
    events_all: int = 0
    seconds: float = 0.0
    instead: list[str] = field(default_factory=list)  # what was heard and was not it, newest last
    members: int = 0  # alerts of the same incident

    @property
    def caught(self) -> bool:
        return self.alert is not None

    def told(self) -> dict[str, Any]:
        """As plain data, for --json."""
        alert = self.alert
        by = None
        if alert is not None:
            by = {
                "alertname": alert.labels["alertname"], "segment": alert.labels["segment"], "subject": alert.labels.get("subject", ""),
                "severity": alert.labels["severity"], "owner": alert.labels["owner"], "summary": alert.annotations["summary"],
                "caused_by": alert.caused_by, "alert": alert.id, "incident": alert.incident, "alerts_of_incident": self.members,
                "trace_ids": alert.trace_ids,
            }  # fmt: skip
        return {
            "title": self.act.title, "expected": self.act.expected, "injected_at_ms": self.injected_at_ms, "healed_at_ms": self.healed_at_ms,
            "caught": self.caught, "after_events": self.events if alert else None, "of": self.act.only,
            "after_events_all": self.events_all if alert else None, "after_seconds": round(self.seconds, 2) if alert else None,
            "by": by, "instead": self.instead,
        }  # fmt: skip


def is_headline(alert: Alert) -> bool:
    return alert.annotations.get("incident_headline") == alert.dedup_key


def hear(played: Played, alerts: Sequence[Alert]) -> None:
    """Alerts that came since the act began, in order; fills in the first that is right."""
    for alert in alerts:
        if played.caught or alert.state != "firing" or alert.opened_at_ms <= played.injected_at_ms:
            continue
        complaint = played.act.wrong(alert)
        if not complaint:
            played.alert = alert
        elif complaint not in played.instead and len(played.instead) < INSTEAD_MAX:
            played.instead.append(complaint)


INSTEAD_MAX = 20


def strangers(acts: Sequence[Played], alerts: Sequence[Alert]) -> list[str]:
    """What fired and belongs to no act: one sentence for each incident."""
    ours = {played.alert.incident for played in acts if played.alert}
    missed = [played for played in acts if not played.caught]  # what fired while it was missed is told there
    found: dict[str, str] = {}
    for alert in alerts:
        if alert.state != "firing" or alert.incident in ours:
            continue
        if any(p.injected_at_ms < alert.opened_at_ms <= (p.healed_at_ms or alert.opened_at_ms) for p in missed):
            continue
        found.setdefault(alert.incident, named(alert))
    return list(found.values())


def named(alert: Alert) -> str:
    return f"{alert.labels['alertname']} on {alert.labels['segment']}: {alert.annotations['summary']}"


# --- the acts -------------------------------------------------------------------------------------------------------------------


def _switch(**changes: Any) -> Callable[[Traffic], None]:
    def turn(traffic: Traffic) -> None:
        for name, value in changes.items():
            assert hasattr(Faults, name), f"no such fault: {name}"
            setattr(traffic.faults, name, value)

    return turn


def _unlike(alert: Alert, name: str, segment: str) -> str:
    found = (alert.labels["alertname"], alert.labels["segment"])
    if found != (name, segment) or not is_headline(alert):
        return f"{found[0]} on {found[1]}" + ("" if is_headline(alert) else ", not the headline")
    return "" if alert.labels["owner"] == OWNER else f"{found[0]} on {found[1]}, owner {alert.labels['owner']}"


def _renamed(alert: Alert) -> str:
    old, new = RENAMED
    pair = (alert.labels.get("subject"), alert.evidence.get("renamed_to"))
    return _unlike(alert, "InputRenamed", "whole") or ("" if pair == (old, new) else f"InputRenamed of {pair[0]} to {pair[1]}")


def _slow(alert: Alert) -> str:
    return _unlike(alert, "LatencyOverPromise", f"region={SLOW[0]}")


def _concept(alert: Alert) -> str:
    other = _unlike(alert, "QualityDrop", f"region={CONCEPT}")
    return other or (
        "" if alert.impact.get("whole_looks_fine") else f"QualityDrop on region={CONCEPT}, but the whole is said to suffer too"
    )


def _off(alert: Alert) -> str:
    causes = [(cause.get("key"), cause.get("actor")) for cause in alert.caused_by]
    return _unlike(alert, "ModelSwitchedOff", "whole") or ("" if (FLAG, ACTOR) in causes else f"ModelSwitchedOff, cause {causes}")


def acts() -> list[Act]:
    """In the order of the play."""
    old, new = RENAMED
    return [
        Act(
            "field renamed upstream",
            f"The team upstream ships {new!r} instead of {old!r}. Nothing crashes: the model just answers without it.",
            f"InputRenamed, {old} -> {new}",
            _switch(renamed=RENAMED),
            _switch(renamed=None),
            _renamed,
        ),
        Act(
            "latency spike in one region",
            f"In the region {SLOW[0]!r} the model takes {SLOW[1]:g} times as long.",
            f"LatencyOverPromise, headline region={SLOW[0]}",
            _switch(slow=SLOW),
            _switch(slow=None),
            _slow,
            f"predictions of region={SLOW[0]}",
        ),
        Act(
            "concept change in 3 % of traffic",
            f"On the {CONCEPT} another answer is right from now on. No input moves, and the whole stays green.",
            f"QualityDrop, headline region={CONCEPT}, the whole still fine",
            _switch(concept=CONCEPT),
            _switch(concept=None),
            _concept,
            f"predictions of region={CONCEPT}",
        ),
        Act(
            "feature flag switched off",
            f"{ACTOR} turns {FLAG!r} off ({REASON}). No error anywhere; nobody asks the model any more.",
            f"ModelSwitchedOff, by {ACTOR}; no second alarm for the silence",
            lambda traffic: traffic.flag("off", ACTOR, REASON),
            lambda traffic: traffic.flag("on", ACTOR, "second thoughts"),
            _off,
            silence=True,
        ),
    ]
