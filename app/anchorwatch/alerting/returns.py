"""Is what was over back again, and does it last? Who was told that it is over has to hear that it is not; who is told of each flutter stops reading.

After a day of health a return wakes at once. Before, it is quiet at first and told after all when it lasts for the patience of its monitor,
each time twice as long as the time before, a day at most: a fault that comes and goes wakes a handful of times, a real one is never missed.
"""

from collections.abc import Callable, Iterable

from anchorwatch.alerting import incidents
from anchorwatch.alerting.incidents import HEALTH_MS
from anchorwatch.alerting.kept import Incident, Kept
from anchorwatch.alerting.memory import Memory
from anchorwatch.alerting.states import State

RETURNS_MAX = 16  # counted: even a second's patience, doubled so often, is above a day


def came_back(kept: Kept, was: State, at_ms: int) -> None:
    """It fires again: after a day of health as if it were new, else it is noted since when.

    While it recovers nobody was told that it is over. A fault that goes on at twice the line has lucky hours, and the words `recovering` may
    stand for days: where the change is dated as before, there was no health.
    """
    healed = was == "resolved" or kept.words.since_ms >= (kept.healthy_since_ms or 0)
    if kept.healthy_since_ms is not None and at_ms - kept.healthy_since_ms >= HEALTH_MS and healed:
        kept.fresh_ms, kept.acked, kept.back_ms = kept.healthy_since_ms, False, None
    elif was == "resolved":
        kept.back_ms = at_ms


def owe(incident: Incident, members: Iterable[Kept]) -> None:
    """Critical members that came back, and that nobody heard of since, are owed to people; the earliest says from when."""
    told_ms = incident.last_told("critical")
    for kept in members:
        if kept.back_ms is None or kept.state != "firing" or kept.severity != "critical" or told_ms is None or told_ms >= kept.back_ms:
            continue
        due = kept.back_ms + min(kept.words.patience_ms << incident.returns, HEALTH_MS)
        incident.owed_ms = due if incident.owed_ms is None else min(due, incident.owed_ms)


def lasting(memory: Memory, at_ms: int, silenced: Callable[[Kept], bool]) -> list[Kept]:
    """Of each incident whose time has come, the alert that tells it: it may wake now. While all are silenced or recover, it stays owed."""
    leads = []
    for incident in memory.incidents.values():
        if incident.owed_ms is None or incident.owed_ms > at_ms:
            continue
        back = [kept for kept in memory.members(incident.id) if kept.back_ms is not None and kept.severity == "critical"]
        waiting = [kept for kept in back if kept.state == "firing" and not silenced(kept)]
        if not back or any(kept.acked for kept in back):
            incident.owed_ms = None
        elif waiting:
            lead = incidents.in_order(waiting)[0]
            lead.fresh_ms = lead.back_ms or 0
            leads.append(lead)
            incident.owed_ms, incident.returns = None, min(incident.returns + 1, RETURNS_MAX)
    return leads
