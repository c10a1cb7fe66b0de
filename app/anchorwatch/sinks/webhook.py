"""Alerts to any HTTP receiver, in the body that Alertmanager's webhooks have (version 4): chat bridges and pagers understand it.

One message per incident: the group is the incident, `groupKey` names it, and each message lists all its alerts that are open or just
resolved, so a receiver that knows nothing but `status` and `groupKey` is right. What is ours stands under `anchorwatch` of each alert.
"""

from collections.abc import Callable, Sequence
from typing import Any

from anchorwatch import trace
from anchorwatch.events import Alert
from anchorwatch.sinks._http import Poster
from anchorwatch.sinks.base import Options, Sink, begins_silenced

ALERTS_MAX = 100  # of one message; the rest is counted in `truncatedAlerts`
MEMBERS_MAX = 2_500  # remembered of one incident; above: the oldest resolved, then the oldest leave
GROUPS_MAX = 1_000  # incidents remembered; above: the oldest leave, and begin anew with their next alert
NO_END = "0001-01-01T00:00:00Z"  # what Alertmanager writes while an alert fires


class Webhook(Sink):
    """`url`: where to post; `token`: sent as a bearer token. A 400 sets the message aside."""

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        super().__init__(options, clock)
        self._poster = Poster(options, clock)
        self._groups: dict[str, dict[str, Alert]] = {}  # incident -> alert id -> newest state told

    def key(self, alert: Alert) -> str:
        return alert.incident

    async def send(self, alerts: Sequence[Alert]) -> None:
        incident = alerts[0].incident
        known = self._groups.get(incident, {})
        new = [alert for alert in alerts if alert.id in known or not begins_silenced(alert)]
        if not new:
            return
        group = {**known, **{alert.id: alert for alert in new}}
        loudest = max(new, key=lambda alert: (alert.loud, alert.labels["severity"] == "critical"))
        await self._poster.post(
            self.options.url,
            body(self.options.name, group, loud=any(alert.loud for alert in new)),
            {
                "Idempotency-Key": f"{loudest.id}/{loudest.sequence}",
                "traceparent": trace.format(trace.alert_context(loudest.id, loudest.sequence)),
            },
        )
        for alert in new:
            self.remember(alert)

    def remember(self, alert: Alert) -> None:
        group = self._groups.pop(alert.incident, {})
        group.pop(alert.id, None)
        group[alert.id] = alert
        if all(member.state == "resolved" for member in group.values()):
            return
        while len(group) > MEMBERS_MAX:
            del group[next((name for name, member in group.items() if member.state == "resolved"), next(iter(group)))]
        self._groups[alert.incident] = group
        while len(self._groups) > GROUPS_MAX:
            del self._groups[next(iter(self._groups))]

    async def close(self) -> None:
        await self._poster.close()


def body(receiver: str, group: dict[str, Alert], *, loud: bool) -> dict[str, Any]:
    """Alertmanager's webhook message, version 4. The headline comes first; `loud` says whether this message is meant to wake."""
    alerts = sorted(group.values(), key=_order)
    first = alerts[0]
    return {
        "version": "4",
        "groupKey": f"anchorwatch/{first.incident}",
        "truncatedAlerts": max(len(alerts) - ALERTS_MAX, 0),
        "status": "resolved" if all(alert.state == "resolved" for alert in alerts) else "firing",
        "receiver": receiver,
        "groupLabels": {name: first.labels[name] for name in ("environment", "model")},
        "commonLabels": _shared([alert.labels for alert in alerts]),
        "commonAnnotations": _shared([alert.annotations for alert in alerts]),
        "externalURL": first.generatorURL.partition("/alerts/")[0],
        "loud": loud,
        "alerts": [_entry(alert) for alert in alerts[:ALERTS_MAX]],
    }


def _entry(alert: Alert) -> dict[str, Any]:
    return {
        "status": "resolved" if alert.state == "resolved" else "firing",
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": alert.startsAt,
        "endsAt": alert.endsAt or NO_END,
        "generatorURL": alert.generatorURL,
        "fingerprint": alert.id,
        "anchorwatch": {
            "id": alert.id,
            "sequence": alert.sequence,
            "state": alert.state,
            "dedup_key": alert.dedup_key,
            "incident": alert.incident,
            "loud": alert.loud,
            "owner": alert.owner,
            "reason": alert.reason,
            "actor": alert.actor,
            "caused_by": alert.caused_by,
            "impact": alert.impact,
            "trace_ids": alert.trace_ids,
        },
    }


def _order(alert: Alert) -> tuple[bool, bool, bool, str]:
    headline = alert.annotations.get("incident_headline") == alert.dedup_key
    return alert.state == "resolved", not headline, alert.labels["severity"] != "critical", alert.dedup_key


def _shared(maps: Sequence[dict[str, str]]) -> dict[str, str]:
    return {name: value for name, value in maps[0].items() if all(other.get(name) == value for other in maps[1:])}
