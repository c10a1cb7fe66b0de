"""Which spans does a committed cut leave behind? Those of three traces, joined by links.

P, a prediction: `queue` and `process`, children of its producer's send. O, an outcome: `process` in the outcome's own trace, linked to the
prediction, since tail samplers and generators drop what reaches a trace hours later. A, an alert: `judge` and `create`, whose ids
are those of the alert's header, linked to the predictions that are its evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanKind

from anchorwatch import trace
from anchorwatch.events import Alert
from anchorwatch.stages.report import Kept, Report
from anchorwatch.telemetry import names
from anchorwatch.telemetry.spans import Attributes, Spans, link

REPLAY_AFTER_MS = 60_000  # read later than this, a wait is an age
LAG_DRAWN_MAX_MS = 600_000  # a replay judges windows of last year: the lag is an attribute, the span is drawn no longer than this
EVIDENCE_MAX = 16  # beside the trigger; SDKs and backends cut at 128 without a word
LABEL_MAX = 128  # characters

Judged = dict[str, tuple[int, int]]  # "<environment>/<model>" -> (end of its newest window, judged at), ms


def chosen(kept: Sequence[Kept], spans_max: int) -> list[Kept]:
    """At most `spans_max` spans' worth. Over the limit those whose prediction has the highest random bits: a prediction and its outcome
    have them in common, so both stay or both go, in every process, as if the producers' share were smaller.
    """
    taken: list[Kept] = []
    for one in sorted(kept, key=_randomness, reverse=True) if cost(kept) > spans_max else kept:
        spans_max -= cost((one,))
        if spans_max < 0:
            break
        taken.append(one)
    return taken


def cost(kept: Sequence[Kept]) -> int:
    """How many spans they ask for."""
    return sum(2 if one.role == "predictions" else 1 for one in kept)


def _randomness(one: Kept) -> str:
    """The low 56 bits of the prediction's trace id, hex."""
    return (one.linked or one.traceparent)[21:35]


@dataclass
class Traces:
    spans: Spans
    group: str  # consumer group
    client: str  # messaging.client.id
    alerts_topic: str

    def prediction(self, kept: Kept) -> list[ReadableSpan]:
        """`queue` and `process`; nothing when its traceparent is malformed, since without a parent they would tell nothing."""
        send = trace.parse(kept.traceparent)
        if send is None:
            return []
        about, late = self._about(kept), kept.polled_ms - kept.appended_ms > REPLAY_AFTER_MS
        replay: Attributes = {names.REPLAY: True} if late else {}
        waited, counted = (kept.appended_ms, kept.polled_ms), (kept.polled_ms, kept.counted_ms)
        make, links = self.spans.make, [link(send, "send")]
        queued = {names.MODEL: kept.model, names.ENVIRONMENT: kept.environment, names.SYSTEM: "kafka", names.TOPIC: kept.topic, **replay}
        queue, process = self.spans.child(send), self.spans.child(send)
        return [
            make(f"queue {kept.topic}", SpanKind.INTERNAL, waited, queue, parent=send, attributes=queued),
            make(f"process {kept.topic}", SpanKind.CONSUMER, counted, process, parent=send, links=links, attributes={**about, **replay}),
        ]

    def outcome(self, kept: Kept) -> list[ReadableSpan]:
        """`process`, in the outcome's own trace if that is kept, else in a new one; nothing when it leads to no prediction either."""
        send, prediction = trace.parse(kept.traceparent), trace.parse(kept.linked)
        if send is None and prediction is None:
            return []
        links = [link(context, kind) for context, kind in ((send, "send"), (prediction, "prediction")) if context]
        parent = send if send and send.sampled else None  # not sampled: its spans do not exist, and a child would be an orphan
        context = self.spans.child(parent) if parent else self.spans.root()
        about = self._about(kept)
        if prediction:
            about[names.PREDICTION_TRACE_ID] = prediction.trace_id
        if kept.delay_ms >= 0:
            about[names.OUTCOME_DELAY] = kept.delay_ms / 1_000
        if kept.label:
            about[names.OUTCOME_LABEL] = kept.label[:LABEL_MAX]
        counted = (kept.polled_ms, kept.counted_ms)
        return [
            self.spans.make(f"process {kept.topic}", SpanKind.CONSUMER, counted, context, parent=parent, links=links, attributes=about),
        ]

    def alert(self, alert: Alert, judged: Judged, committed_ms: int) -> list[ReadableSpan]:
        """`judge` (its window closed .. judged) and, below it, `create` (judged .. committed), always kept."""
        create = trace.alert_context(alert.id, alert.sequence)
        judge = create._replace(span_id=trace.derived(f"judge/{alert.id}/{alert.sequence}").span_id)
        model, environment = alert.labels.get("model", ""), alert.labels.get("environment", "")
        closed_ms, judged_ms = judged.get(f"{environment}/{model}", (alert.at_ms, committed_ms))
        drawn = (max(closed_ms, judged_ms - LAG_DRAWN_MAX_MS), judged_ms)
        links = evidence(alert.evidence)
        about = _alert(alert, links)
        lag = {names.OBSERVATION_LAG: (judged_ms - closed_ms) / 1_000}
        created = {**about, **self._operation("create", "create", self.alerts_topic)}
        make, told = self.spans.make, (judged_ms, max(judged_ms, committed_ms))
        return [
            make(f"judge {model}", SpanKind.INTERNAL, drawn, judge, links=links, attributes={**about, **lag}),
            make("create alerts", SpanKind.PRODUCER, told, create, parent=judge, links=links[:1], attributes=created),
        ]

    def _operation(self, name: str, kind: str, topic: str) -> dict[str, str | int | float | bool]:
        return {names.SYSTEM: "kafka", names.OPERATION: name, names.OPERATION_TYPE: kind, names.TOPIC: topic, names.CLIENT: self.client}

    def _about(self, kept: Kept) -> dict[str, str | int | float | bool]:
        return {
            **self._operation("process", "process", kept.topic),
            names.GROUP: self.group,
            names.PARTITION: str(kept.partition),
            names.OFFSET: kept.offset,
            names.CONVERSATION: kept.prediction_id,
            names.PREDICTION_ID: kept.prediction_id,
            names.MODEL: kept.model,
            names.ENVIRONMENT: kept.environment,
        }


def judged_of(report: Report) -> Judged:
    """The newest window of each model; a cut that judged several draws its alerts at the last."""
    return {model: (to_ms, at_ms) for model, _, to_ms, at_ms in report.judged}


def evidence(of: dict[str, Any]) -> list[Link]:
    """Links to `traceparents`, the most telling first: that is the trigger. Only to what was kept: others are dead ends."""
    given = of.get("traceparents")
    listed = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    found = (context for context in map(trace.parse, dict.fromkeys(listed)) if context and context.sampled)
    return [link(context, "evidence" if i else "trigger") for i, context in enumerate(islice(found, 1 + EVIDENCE_MAX))]


def _alert(alert: Alert, links: Sequence[Link]) -> dict[str, str | int | float | bool]:
    labels = alert.labels
    about: dict[str, str | int | float | bool] = {
        names.ALERT_ID: alert.id,
        names.ALERT_SEQUENCE: alert.sequence,
        names.ALERT_STATE: alert.state,
        names.ALERT_NAME: labels.get("alertname", ""),
        names.INCIDENT_ID: alert.incident,
        names.OWNER: labels.get("owner", ""),
        names.MODEL: labels.get("model", ""),
        names.ENVIRONMENT: labels.get("environment", ""),
        names.WATCH: labels.get("watch", ""),
        names.SEGMENT: labels.get("segment", ""),
    }
    trigger = f"{links[0].context.trace_id:032x}" if links else next(iter(alert.trace_ids), "")
    return about | ({names.PREDICTION_TRACE_ID: trigger} if trigger else {})
