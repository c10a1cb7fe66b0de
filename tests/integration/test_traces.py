"""Three traces through real processes: a service with the client and OpenTelemetry's SDK, both stages, and an OTLP endpoint.

P: the service's send, with `queue` and `process` as its children. O: the outcome's own trace, linked to its prediction. A: an alert, linked
to the predictions that are its evidence. Spans are of the few whose producer sampled them, histograms of all.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from tests.integration.ground import Ground, until
from tests.integration.stream import now_ms
from tests.telemetry.otlp_sink import OtlpSink, ReceivedSpan
from tests.traffic import Fault, traffic

from anchorwatch.client import Client

N, SHARE = 3_000, 0.2
OTEL = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}


@contextmanager
def tracing(sink: OtlpSink) -> Iterator[TracerProvider]:
    """As a service sets it up that samples a fifth of its requests."""
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(SHARE)), resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{sink.url}/v1/traces"), max_queue_size=20_000))
    try:
        yield provider
    finally:
        provider.shutdown()


def serve(there: Ground, provider: TracerProvider, n: int, fault: Fault) -> None:
    """n predictions of the loan model and their outcomes, answered by a service."""
    client = Client(there.kafka["bootstrap.servers"], "loan", "7", prefix=there.prefix, tracer_provider=provider)
    begin, rng = now_ms(), random.Random(4)
    of: dict[str, str | None] = {}
    for event in traffic(n, start_ms=begin, rate=n / 2, seed=5, fault=fault, name=f"t{rng.random()}"):
        record = json.loads(event.value)
        if event.role == "predictions":
            with client.predict(record["features"], record["segments"], prediction_id=record["prediction_id"]) as predicting:
                predicting.answer(
                    record["prediction"], record["score"], latency_ms=record["latency_ms"], predicted_at_ms=record["predicted_at_ms"]
                )
            of[predicting.id] = predicting.traceparent
        else:
            name = record["prediction_id"]
            client.outcome(name, record["label"], of=of[name], known_at_ms=record["known_at_ms"])
    assert client.flush(30) == 0
    client.close()


def counted(sink: OtlpSink, name: str) -> int:
    """Events of a histogram's newest export, over its points and workers."""
    newest = {one.resource["service.instance.id"]: one.metric for one in sink.metrics(name) if one.metric.name == name}
    points = [p for metric in newest.values() for p in (*metric.exponential_histogram.data_points, *metric.histogram.data_points)]
    return sum(point.count for point in points)


def test_three_traces_arrive_and_lead_to_one_another(ground: Callable[..., Ground]) -> None:
    with OtlpSink() as sink:
        there = ground(more="telemetry: {spans_per_second_max: 10000}\n").prepare()
        there.otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, **OTEL}
        with there.run() as running, tracing(sink) as provider:
            running.wait_ready()
            serve(there, provider, N, Fault(slow={"af": 9}))
            alert = until(lambda: next(iter(slow_alerts(there)), None), what=lambda: running.words)
            until(lambda: counted(sink, "anchorwatch.outcome.delay") == N, what=lambda: counted(sink, "anchorwatch.outcome.delay"))
            provider.force_flush()
            predictions, outcomes = f"{there.prefix}predictions", f"{there.prefix}outcomes"
            until(
                lambda: len(sink.spans(f"process {outcomes}")) == len(sampled(sink, f"send {predictions}")),
                what=lambda: Counter(span.name for span in sink.spans()),
            )
            until(lambda: sink.spans("create"), what=lambda: running.words)
        histograms = {name: counted(sink, f"anchorwatch.{name}") for name in ("inference", "transit", "outcome.delay")}
        spans = {span.span_id: span for span in sink.spans()}

    assert histograms == dict.fromkeys(histograms, N)
    sends = sampled(sink, f"send {predictions}")
    assert 0.7 * SHARE < len(sends) / N < 1.3 * SHARE
    for kind in ("queue", "process"):
        assert {span.parent for span in sink.spans(f"{kind} {predictions}")} == {send.span_id for send in sends}
    assert {span.resource["service.name"] for span in sink.spans("predict loan")} == {"shop"}
    linked = [link for span in sink.spans(f"process {outcomes}") for link in span.links if link.kind == "prediction"]
    assert {link.trace_id for link in linked} == {send.trace_id for send in sends}
    assert all(spans[link.span_id].trace_id == link.trace_id for link in linked)
    judge = next(span for span in sink.spans("judge loan") if span.attributes["anchorwatch.alert.id"] == alert["id"])
    evidence = [link for link in judge.links if link.kind in ("trigger", "evidence")]
    assert evidence
    assert all(spans[link.span_id].attributes["messaging.destination.name"] == predictions for link in evidence)
    assert alert["trace_ids"]
    assert set(alert["trace_ids"]) <= {send.trace_id for send in sends}
    create = next(span for span in sink.spans("create") if span.parent == judge.span_id)
    header = next(dict(told.headers) for told in there.told("alerts.events") if json.loads(told.value or b"")["id"] == alert["id"])
    assert header["traceparent"].decode() == f"00-{create.trace_id}-{create.span_id}-01"


def sampled(sink: OtlpSink, name: str) -> list[ReceivedSpan]:
    return [span for span in sink.spans(name) if span.resource["service.name"] == "shop"]


def slow_alerts(there: Ground) -> list[dict[str, object]]:
    return [alert for alert in there.told_json("alerts.events") if alert["labels"]["watch"] == "latency"]
