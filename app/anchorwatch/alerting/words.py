"""How is a remembered alert written down? `Alert` of `events`: labels that stay, words, links, bounded in size, strict JSON."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, cast

import msgspec

from anchorwatch import trace
from anchorwatch.alerting import owners
from anchorwatch.alerting.incidents import Story
from anchorwatch.alerting.kept import TRACES_MAX, Incident, Kept, short_hash
from anchorwatch.events import Alert

VALUE_MAX = 64_000  # bytes of one record's value
SUMMARY_MAX = 1_024  # characters; several receivers refuse more
DESCRIPTION_MAX = 4_096
LABEL_MAX = 256  # characters of one label; longer ones end in a hash, so that no two become one
SERIES_MAX = 120  # rows: enough to draw the picture from the alert alone
OFFSETS_MAX = 64
_JOINER, _LAST_MS = "\u200d", 253_402_300_799_000  # zero-width joiner; the end of the year 9999


class Model(NamedTuple):
    """What all alerts of one model share."""

    environment: str
    name: str
    owner: Mapping[str, Any]  # owners.owner_of
    runbook: str
    links_base: str  # of the web view, without a slash at its end; "": no links

    @property
    def key(self) -> str:
        return f"{self.environment}/{self.name}"


def alert_of(model: Model, kept: Kept, incident: Incident, story: Story, silenced_until_ms: int | None, *, loud: bool) -> Alert:
    """The record of the present state of one alert; numbers, words and links as of its newest signal."""
    contexts = [context for text in kept.words.traces if (context := trace.parse(text))]
    link = f"{model.links_base}/alerts/{kept.id}" if model.links_base else ""
    return fitted(
        Alert(
            labels=_labels(model, kept),
            annotations=_annotations(model, kept, story, link),
            startsAt=rfc3339(kept.since_ms),
            endsAt=None if kept.resolved_ms is None else rfc3339(max(kept.resolved_ms, kept.since_ms)),
            generatorURL=link,
            id=kept.id,
            dedup_key=kept.key,
            state=cast("Literal['firing', 'acknowledged', 'recovering', 'resolved']", kept.state),
            sequence=kept.sequence,
            opened_at_ms=kept.opened[1],
            at_ms=kept.changed_ms,
            incident=incident.id,
            owner=owners.as_told(model.owner, incident.reached),
            evidence=_evidence(kept, [trace.format(context) for context in contexts]),
            impact=dict(kept.words.impact),
            caused_by=[cause for cause in story.causes if cause.get("key") != kept.key],
            trace_ids=list(dict.fromkeys(context.trace_id for context in contexts))[:TRACES_MAX],
            reason=shortened(kept.reason, SUMMARY_MAX),
            actor=shortened(kept.actor, LABEL_MAX),
            silenced_until_ms=silenced_until_ms,
            outside_budget=kept.words.outside_budget,
            loud=loud,
        )
    )


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, cut where a character ends: never between a letter and its accent or inside a joined sign.

    >>> shortened("a long story", 7)
    'a long…'
    """
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 0 and (unicodedata.category(text[end])[0] == "M" or _JOINER in (text[end], text[end - 1])):
        end -= 1
    return text[:end] + "…"


def rfc3339(ms: int) -> str:
    """An instant in UTC, with milliseconds only where there are some.

    >>> rfc3339(1795338720000), rfc3339(1)
    ('2026-11-22T09:12:00Z', '1970-01-01T00:00:00.001Z')
    """
    ms = min(max(int(ms), 0), _LAST_MS)
    text = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


def fitted(alert: Alert) -> Alert:
    """The same within `VALUE_MAX` bytes: first the picture leaves, then long lists, then all evidence; identity and words stay."""
    if len(msgspec.json.encode(alert)) <= VALUE_MAX:
        return alert
    scalars = {name: value for name, value in alert.evidence.items() if isinstance(value, int | float | bool | None)}
    for evidence, impact in (
        ({name: value for name, value in alert.evidence.items() if name != "series"}, alert.impact),
        ({**scalars, "shortened": True}, {}),
        ({"shortened": True}, {}),
    ):
        causes = [{name: shortened(str(value), LABEL_MAX) for name, value in cause.items()} for cause in alert.caused_by]
        smaller = msgspec.structs.replace(
            alert, evidence=evidence, impact=impact, caused_by=causes if "shortened" in evidence else alert.caused_by
        )
        if len(msgspec.json.encode(smaller)) <= VALUE_MAX:
            return smaller
    return msgspec.structs.replace(smaller, caused_by=[])


def _labels(model: Model, kept: Kept) -> dict[str, str]:
    labels = {
        "alertname": kept.name,
        "model": model.name,
        "environment": model.environment,
        "watch": kept.words.watch,
        "subject": kept.words.subject,
        "segment": kept.words.segment,
        "severity": kept.severity,
        "owner": model.owner["team"],
    }
    return {name: _label(value) for name, value in labels.items() if value}


def _label(text: str) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LABEL_MAX else f"{text[: LABEL_MAX - 17]}…{short_hash(text)}"


def _annotations(model: Model, kept: Kept, story: Story, link: str) -> dict[str, str]:
    words = {
        "summary": shortened(kept.words.summary, SUMMARY_MAX),
        "description": shortened(kept.words.description, DESCRIPTION_MAX),
        "runbook_url": kept.words.runbook or model.runbook,
        "dashboard_url": link,
        "image_url": f"{link}.png" if link else "",
        "incident_summary": shortened(story.sentence, SUMMARY_MAX),
        "incident_headline": story.lead.key,
    }
    return {name: value.encode("utf-8", "replace").decode("utf-8") for name, value in words.items() if value}


def _evidence(kept: Kept, traceparents: list[str]) -> dict[str, Any]:
    evidence = dict(kept.words.evidence)
    if isinstance(series := evidence.get("series"), list):
        evidence["series"] = series[-SERIES_MAX:]
    evidence["change_point_ms"] = kept.since_ms
    if kept.words.direction:
        evidence["direction"] = kept.words.direction
    if kept.offsets:
        evidence["offsets"] = {name: list(span) for name, span in sorted(kept.offsets.items())[:OFFSETS_MAX]}
    if traceparents:
        evidence["traceparents"] = traceparents
    return evidence
