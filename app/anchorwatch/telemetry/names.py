"""Every span, attribute and metric that leaves Anchorwatch by way of telemetry: kind, unit, meaning, what to do about it.

Stages name an instrument by its full name and its labels by their telling word (`model`, `segment`, `result`). Over OTLP a label becomes
a namespaced attribute; on `/metrics` it stays the word, and the name follows the standard translation (`prometheus`). Dashboards and
the table of the documentation are made from here. Conventions: OpenTelemetry semantic conventions 1.44, messaging (in development,
so the strings stand here rather than being imported from a module whose names move).
"""

from typing import Literal, NamedTuple

Kind = Literal["counter", "histogram", "gauge"]


class Attribute(NamedTuple):
    word: str  # on /metrics and in Report
    otlp: str  # on spans and points
    meaning: str


class Instrument(NamedTuple):
    name: str
    kind: Kind
    unit: str  # UCUM; "" for gauges without dimension, since `1` would become `_ratio` in Prometheus
    labels: tuple[str, ...]
    meaning: str
    remedy: str  # what to do when it looks wrong; "" when it only informs


class SpanName(NamedTuple):
    pattern: str
    kind: Literal["INTERNAL", "CONSUMER", "PRODUCER"]
    meaning: str


# --- attributes -----------------------------------------------------------------------------------------------------------------

ATTRIBUTES = (
    Attribute("model", "anchorwatch.model.name", "name of the model"),
    Attribute("version", "anchorwatch.model.version", "version of the model"),
    Attribute("environment", "anchorwatch.model.environment", "where the model answers: prod, staging, ..."),
    Attribute("segment", "anchorwatch.segment.name", "such as country=DE; whole: everything; other: those without a series of their own"),
    Attribute("watch", "anchorwatch.watch.name", "which question about the model"),
    Attribute("metric", "anchorwatch.metric", "which measure of quality: accuracy, f1, ..."),
    Attribute("result", "anchorwatch.result", "how it ended; the values depend on the instrument"),
    Attribute("kind", "anchorwatch.kind", "which fault, note or repair"),
    Attribute("reason", "anchorwatch.reason", "why a feature flag answered as it did: static, targeting_match, disabled, ..."),
    Attribute("severity", "anchorwatch.severity", "critical, warning or info"),
    Attribute("stage", "anchorwatch.stage", "ingest, judge, rekey or siblings"),
    Attribute("step", "anchorwatch.step", "part of a cut: freeze, offsets or commit"),
    Attribute("replay", "anchorwatch.replay", "true: read more than 60 s late, so a latency is an age"),
    Attribute("topic", "messaging.destination.name", "topic of Kafka"),
    Attribute("host", "host.name", "the producer's host"),
    Attribute("source", "anchorwatch.hook.source", "the provider whose hook it is; other: a name that is none"),
    Attribute("signal", "anchorwatch.signal", "traces or metrics"),
)
WORDS = {attribute.word: attribute.otlp for attribute in ATTRIBUTES}
WHOLE, OTHER, OVERFLOW = "whole", "other", "otel.metric.overflow"

MODEL, ENVIRONMENT, SEGMENT, WATCH = (WORDS[word] for word in ("model", "environment", "segment", "watch"))
STAGE, REPLAY, TOPIC = WORDS["stage"], WORDS["replay"], WORDS["topic"]
PREDICTION_ID = "anchorwatch.prediction.id"
PREDICTION_TRACE_ID = "anchorwatch.prediction.trace_id"  # on O and A: few backends show a link from its far end
OUTCOME_DELAY = "anchorwatch.outcome.delay"  # s; waiting for the truth is never a span
OUTCOME_LABEL = "anchorwatch.outcome.label"
OBSERVATION_LAG = "anchorwatch.observation.lag"  # s; whole, where the span is drawn shortened
ALERT_ID, ALERT_STATE, ALERT_SEQUENCE = "anchorwatch.alert.id", "anchorwatch.alert.state", "anchorwatch.alert.sequence"
ALERT_NAME, INCIDENT_ID, OWNER = "anchorwatch.alert.name", "anchorwatch.incident.id", "anchorwatch.owner"
LINK_KIND = "anchorwatch.link.kind"  # send, prediction, trigger, evidence

SYSTEM, OPERATION, OPERATION_TYPE = "messaging.system", "messaging.operation.name", "messaging.operation.type"
GROUP, PARTITION, OFFSET = "messaging.consumer.group.name", "messaging.destination.partition.id", "messaging.kafka.offset"
CONVERSATION, CLIENT = "messaging.message.conversation_id", "messaging.client.id"

# --- spans ----------------------------------------------------------------------------------------------------------------------

SPANS = (
    SpanName("queue {topic}", "INTERNAL", "a kept prediction waited in Kafka: its record's time to polled; child of the producer's send"),
    SpanName(
        "process {topic}",
        "CONSUMER",
        "polled to counted. Prediction: child of send and linked to it. Outcome: linked to its prediction too",
    ),
    SpanName("judge {model}", "INTERNAL", "the window closed to judged; linked to the trigger and at most 16 predictions as evidence"),
    SpanName(
        "create {topic}", "PRODUCER", "an alert was decided to committed; its ids are in the alert's header, so consumers go on from it"
    ),
)

# --- metrics --------------------------------------------------------------------------------------------------------------------

_M = ("environment", "model")
_MS = (*_M, "segment")


def _counter(name: str, thing: str, labels: tuple[str, ...], meaning: str, remedy: str = "") -> Instrument:
    return Instrument(f"anchorwatch.{name}", "counter", f"{{{thing}}}", labels, meaning, remedy)


def _histogram(name: str, labels: tuple[str, ...], meaning: str, remedy: str = "") -> Instrument:
    return Instrument(f"anchorwatch.{name}", "histogram", "s", labels, meaning, remedy)


def _gauge(name: str, unit: str, labels: tuple[str, ...], meaning: str, remedy: str = "") -> Instrument:
    return Instrument(f"anchorwatch.{name}", "gauge", unit, labels, meaning, remedy)


INSTRUMENTS = (
    _counter("predictions", "prediction", _MS, "predictions counted", "none for a while: `anchorwatch status`, then the model's service"),
    _counter("labelled", "prediction", _MS, "predictions whose outcome is known", "share falls: the source of outcomes"),
    _counter("correct", "prediction", _MS, "labelled predictions that were right; correct / labelled may be summed over segments and time"),
    _counter(
        "outcomes",
        "outcome",
        (*_M, "result"),
        "outcomes by result: joined, revised, late, early (before its prediction), duplicate, unmatched, expired",
        "unmatched: ids of the producer",
    ),
    _counter(
        "decisions",
        "decision",
        (*_M, "result"),
        "decisions by result: joined, early (before its prediction), duplicate, late (its prediction was judged without it), unmatched, expired,"
        " unexpected (the contract says nothing of decisions)",
        "unmatched: ids of the producer; late: promises.impact.within",
    ),
    _counter(
        "complaints",
        "complaint",
        (*_M, "result"),
        "complaints by result, as decisions",
        "unmatched: ids of the producer; late: promises.impact.complaints_within",
    ),
    _counter(
        "inputs.faults",
        "fault",
        (*_M, "kind"),
        "inputs missing, unknown, stale, renamed, retyped or out of range",
        "the alert names the field",
    ),
    _counter("notes", "note", (*_M, "kind", "topic"), "oddities that were tolerated", "tell the producer's team"),
    _counter("repairs", "repair", (*_M, "kind", "topic"), "values that were mended before they were counted", "tell the producer's team"),
    _counter(
        "dead_letters",
        "record",
        (*_M, "kind", "topic"),
        "records that could not be used",
        "`anchorwatch tail dead-letters --json` tells path and remedy",
    ),
    _counter("alerts", "alert", (*_M, "watch", "severity"), "changes of state of alerts, written and committed"),
    _counter(
        "flag.evaluations",
        "evaluation",
        (*_M, "reason"),
        "feature flags behind predictions",
        "disabled rises: somebody switched the model off",
    ),
    _counter(
        "records.lost", "record", ("topic", "stage"), "records deleted by Kafka before they were read", "raise retention.ms, or add workers"
    ),
    _counter("records.tombstones", "record", ("topic",), "records without a value, passed over"),
    _counter(
        "records.foreign",
        "record",
        ("topic",),
        "records on a topic of ours that none of our programs wrote, passed over",
        "find who writes there; only the workers need the right to",
    ),
    _counter("blocks.late", "block", _M, "blocks of a window that was judged already", "raise grace, or look at the slowest ingest task"),
    _counter("blocks.holes", "block", _M, "blocks whose offsets do not follow on the block before", "a fault of ours: send the log"),
    _counter(
        "hooks",
        "delivery",
        ("source", "result"),
        "deliveries of hooks by result: taken, known (already), passed (changes no switch), unsigned, unread, too_large, broken, slow, method, off, "
        "unknown, kafka (it did not take it)",
        "unsigned: the secret, or somebody who tries; kafka: the log of `anchorwatch run`",
    ),
    _counter("cuts", "cut", ("stage", "result"), "cuts by result: committed, refused, failed", "failed rises: the brokers' health"),
    _counter(
        "clock.skew.negative",
        "prediction",
        (*_M, "host", "topic"),
        "latencies below zero, counted as zero",
        "clocks of producer and worker",
    ),
    _counter(
        "spans",
        "span",
        ("result",),
        "spans by result: sent, capped (over the limit per second), overflowed (queue full), refused (by the endpoint)",
        "capped: lower the producers' share; refused: the endpoint",
    ),
    _counter(
        "exports", "export", ("signal", "result"), "requests to the endpoint: delivered, refused", "refused: OTEL_EXPORTER_OTLP_ENDPOINT"
    ),
    _histogram("inference", (*_MS, "replay"), "how long the model took, as its caller measured", "the alert LatencyOverPromise"),
    _histogram(
        "produce", (*_MS, "replay"), "predicted to appended by the broker; only with LogAppendTime", "the producer's linger and buffers"
    ),
    _histogram("queue", (*_MS, "replay"), "appended by the broker to polled by us; only with LogAppendTime", "lag grows: more workers"),
    _histogram("transit", (*_MS, "replay"), "created by the producer to polled by us; only with CreateTime", "lag grows: more workers"),
    _histogram("process", (*_MS, "replay"), "polled to counted", "high: more workers"),
    _histogram("end_to_end", (*_MS, "replay"), "requested to counted; two clocks"),
    _histogram("outcome.delay", _MS, "predicted to the truth known, up to 60 days", "the alert LabelsLate"),
    _histogram("observation.lag", _M, "end of a window to judged", "high: the slowest ingest task, or grace"),
    _histogram("alert.delay", (*_M, "watch"), "estimated change point to the first record of the alert committed"),
    _histogram("cut.duration", ("stage", "step"), "how long a cut took", "commit above 1 s: the brokers; freeze: fewer segments"),
    _gauge("quality", "", (*_MS, "metric"), "latest measure of quality; for shares over time prefer the counters", "the alert QualityDrop"),
    _gauge("silence", "s", _M, "since the last prediction, in event time", "the alert ModelDark"),
    _gauge("watermark.delay", "s", ("stage", "topic"), "now minus the watermark", "a partition stands still: its producer"),
    _gauge("consumer.lag", "", ("stage", "topic"), "records not yet read", "grows: more workers"),
    _gauge("cut.age", "s", ("stage",), "since the last committed cut", "above 10: the log of that stage"),
    _gauge("evidence.days", "", (*_MS, "watch"), "evidence of a monitor, in days without a false page; a page at the mark"),
    _gauge("segments.folded", "", _M, "segments that are counted in `other`", "name the segments that matter in the contract"),
    _gauge(
        "scrape.folded",
        "",
        (),
        "latency histograms that /metrics adds up in one series of their instrument, `otel_metric_overflow`; over OTLP each is whole",
        "above 0: take the metrics over OTLP, or run a feed each for the models that matter most",
    ),
    _gauge(
        "pending.predictions",
        "",
        ("stage", *_M),
        "predictions that wait for their outcome",
        "near join.pending.max: raise it, or shorten the horizon",
    ),
)
BY_NAME = {instrument.name: instrument for instrument in INSTRUMENTS}


def prometheus(instrument: Instrument) -> str:
    """The name in Prometheus, by OTLP's standard translation: dots to `_`, unit and `_total` behind; annotations in braces are no unit."""
    seconds = "_seconds" if instrument.unit == "s" else ""
    return instrument.name.replace(".", "_") + seconds + ("_total" if instrument.kind == "counter" else "")


PROMETHEUS = {instrument.name: prometheus(instrument) for instrument in INSTRUMENTS}
