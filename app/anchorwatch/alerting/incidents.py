"""Which alerts have one cause, which of them says it best, and what began it? (detection.md 7)

An alert that fires joins the open incident of its model whose onsets overlap its own, else it opens one. Where a page of the same name, watch
and segment stands, or on its whole one of the same monitor that says as much (stages/standing.py), it joins that, whenever it began: p99 that
wavers while p50 is open is no second fault. The headline is chosen by explanation, not by size: the finest segment without which the whole is
back inside its line; where no segment explains, the whole. News has incidents of its own: it is told beside a fault, never as a part or a
cause of it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from anchorwatch.alerting.kept import CAUSES_MAX, Incident, Kept, Window, short_hash
from anchorwatch.alerting.signal import RANK, WHOLE

HEALTH_MS = 86_400_000  # of health, after which the same fault is told anew
WINDOWS_AROUND = 2  # an onset is known to +- 2 windows at best
HULL_MAX_MS = 86_400_000  # around the opener's onset: many small overlaps in a row must not make a week of faults one incident


def place(kept: Kept, incidents: dict[str, Incident], window: Window, owner: str, others: Iterable[Kept] = ()) -> bool:
    """Give a firing alert its incident; True when it came to one that other alerts had opened before this window.

    owner: `<environment>/<model>`, part of a new incident's id; others: alerts of the model, `kept` may be among them. The choice depends on
    onsets, names and ids alone, never on arrival.
    """
    was_held, kept.held = kept.held, False
    if (standing := _standing(kept, others)) is not None and standing.incident in incidents:
        kept.fresh_ms, kept.back_ms = -1, None  # who was told of that page, and not of its end, has heard it
        was, kept.incident, kept.held = kept.incident, standing.incident, standing.words.segment != kept.words.segment
        return was != kept.incident
    if was_held:
        kept.incident = ""  # it goes its own way now
    mine = _onset(kept, window)
    own = incidents.get(kept.incident)
    if own is not None and own.closed_ms is not None and window[1] - own.closed_ms < HEALTH_MS:
        own.closed_ms, own.opener_since_ms, own.onset = None, kept.since_ms, mine  # it was not over
        return False
    if own is not None and own.closed_ms is None:
        _widen(own, mine)
        return False
    news = kept.words.news
    around = [each for each in incidents.values() if each.closed_ms is None and each.news == news and _overlap(each.onset, mine)]
    if not around:
        chosen = Incident(short_hash("incident", owner, *window, kept.key), window[1], kept.since_ms, mine, news=news)
        incidents[chosen.id] = chosen
    else:
        chosen = min(around, key=lambda incident: (abs(sum(incident.onset) - sum(mine)), incident.id))
        _widen(chosen, mine)
    kept.incident = chosen.id
    return chosen.opened_ms < window[1]


def in_order(members: Iterable[Kept]) -> list[Kept]:
    """Members, the headline first.

    Harm before causes; then those that explain the whole, the finest first (of causes: exact rules); then by severity, the coarsest first;
    then the earlier onset.
    """
    return sorted(members, key=_order)


def headline(members: Sequence[Kept]) -> Kept:
    """The member that tells the incident; among those still open, if any. `members` is not empty."""
    return in_order([kept for kept in members if kept.open] or members)[0]


class Story(NamedTuple):
    """An incident in words."""

    lead: Kept
    sentence: str  # its headline, how many more there are, what probably began it
    causes: list[dict[str, Any]]


def story(members: Sequence[Kept]) -> Story:
    """`members` is not empty."""
    lead = headline(members)
    causes = _causes(lead, members)
    text = lead.words.summary
    if more := sum(kept.open for kept in members) - lead.open:
        text += f" {more} more alert{'s' * (more > 1)} of the same time belong{'s' * (more == 1)} to it."
    if causes:
        text += f" Probable cause: {_cause_words(causes[0])}."
    return Story(lead, text, causes)


def _causes(lead: Kept, members: Sequence[Kept]) -> list[dict[str, Any]]:
    """What began it: events that its members name (flags, deploys), then findings of the cause list that may be older than the harm."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for kept in (lead, *in_order(members)):
        for event in kept.words.caused_by:
            found.setdefault((str(event.get("kind")), str(event.get("key")), str(event.get("at_ms"))), dict(event))
    if lead.harm:
        older = [kept for kept in members if not kept.harm and kept.since_ms <= lead.onset[1]]
        for kept in sorted(older, key=lambda kept: (kept.since_ms, kept.key))[:CAUSES_MAX]:
            found["finding", kept.key, ""] = {
                "kind": "finding",
                "key": kept.key,
                "state": kept.name,
                "at_ms": kept.since_ms,
                "summary": kept.words.summary,
            }
    return list(found.values())[:CAUSES_MAX]


def depth(segment: str) -> int:
    """How fine a segment is: conditions in its name; the whole has none.

    >>> depth("whole"), depth("other"), depth("country=DE"), depth("country=DE,tier=gold")
    (0, 1, 1, 2)
    """
    return 0 if segment == WHOLE else 1 + segment.count(",")


def _cause_words(cause: dict[str, Any]) -> str:
    words = " ".join(str(cause[name]) for name in ("kind", "key", "state") if cause.get(name))
    return f"{words} by {cause['actor']}" if cause.get("actor") else words


def _order(kept: Kept) -> tuple[bool, bool, int, int, int, str]:
    explains = kept.harm and bool(kept.words.evidence.get("explains_whole")) and kept.words.segment != WHOLE
    fine = depth(kept.words.segment)
    exact = not kept.harm and kept.words.evidence.get("detector") == "rule"  # `renamed` says more than `missing`, of the same field
    return not kept.harm, not (explains or exact), -fine if explains else -RANK[kept.severity], fine, kept.since_ms, kept.key


def _onset(kept: Kept, window: Window) -> Window:
    around = WINDOWS_AROUND * (window[1] - window[0])
    return min(kept.onset[0], kept.since_ms - around), max(kept.onset[1], kept.since_ms + around)


def _standing(kept: Kept, others: Iterable[Kept]) -> Kept | None:
    """The oldest page that still fires and says the same: of the same segment by another subject, or of its whole by the same one."""
    mine = kept.name, kept.words.watch, kept.words.segment
    shared = kept.name, kept.words.watch, kept.words.evidence.get("shared_with")
    same = (
        other
        for other in others
        if other.key != kept.key and other.open and other.severity == "critical" and other.harm
        if ((said := (other.name, other.words.watch, other.words.segment)) == mine and other.firing)
        or (said == shared and other.words.subject == kept.words.subject)
    )
    return min(same, key=lambda other: (other.opened, other.key), default=None)


def _overlap(one: Window, other: Window) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _widen(incident: Incident, more: Window) -> None:
    low, high = incident.opener_since_ms - HULL_MAX_MS, incident.opener_since_ms + HULL_MAX_MS
    incident.onset = (
        min(incident.onset[0], max(more[0], low)),
        max(incident.onset[1], min(more[1], high)),
    )
