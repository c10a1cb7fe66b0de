"""What a real Jaeger shows of the three traces: whole, linked, searchable, and a map of who speaks to whom."""

import random
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind
from tests.backends.programs import JAEGER, Running, eventually, running
from tests.telemetry.samples import alert, outcome, prediction

from anchorwatch import trace
from anchorwatch.stages.report import Report
from anchorwatch.telemetry import Telemetry
from anchorwatch.telemetry.spans import Spans, link
from anchorwatch.trace import TraceContext

pytestmark = pytest.mark.backends

KINDS = {1: "INTERNAL", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}


class Sent(NamedTuple):
    prediction: TraceContext  # the producers' send spans
    outcome: TraceContext
    alert: TraceContext
    now_ms: int


@pytest.fixture(scope="module")
def jaeger() -> Iterator[Running]:
    with running(JAEGER) as started:
        yield started


@pytest.fixture(scope="module")
def sent(jaeger: Running) -> Sent:
    """Two producers with spans of their own, then our three reports: a prediction an hour ago, its outcome, an alert."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", jaeger.url("/v1/traces", port=2))
        now = time.time_ns() // 1_000_000
        exporter = OTLPSpanExporter(timeout=3)
        shop, bank = (Spans(Resource.create({"service.name": name}), random.Random(f"{name}{now}")) for name in ("shop", "bank"))
        request = shop.root()
        p, o = shop.child(request), bank.root()
        hour = now - 3_600_000
        exporter.export(
            [
                shop.make("predict fraud", SpanKind.INTERNAL, (hour, hour + 30), request, attributes={}),
                shop.make("send predictions", SpanKind.PRODUCER, (hour + 31, hour + 38), p, parent=request, attributes={}),
                bank.make(
                    "send outcomes", SpanKind.PRODUCER, (now - 20_000, now - 19_995), o, links=[link(p, "prediction")], attributes={}
                ),
            ]
        )
        kept = prediction(traceparent=trace.format(p), appended_ms=hour + 38, polled_ms=hour + 1_238, counted_ms=hour + 1_241)
        known = outcome(
            traceparent=trace.format(o), linked=trace.format(p), appended_ms=now - 19_995, polled_ms=now - 19_990, counted_ms=now - 19_988
        )
        raised = alert(id=f"{now:016x}", evidence={"traceparents": [trace.format(p)]})
        ours = Telemetry("anchorwatch", "judge", "w1", group="anchorwatch-ingest")
        report = Report(kept=[kept, known], alerts=[raised], judged=[("prod/fraud", 0, now - 10_000, now - 9_940)])
        ours.take(report, (now - 9_800) * 1_000_000)
        assert ours.close()
        return Sent(p, o, trace.alert_context(raised.id, 1), now)


def spans_of(jaeger: Running, trace_id: str, n: int) -> dict[str, dict[str, Any]]:
    """By name. Over /api/v3 (OTLP as JSON): the older /api/traces loses the attributes of links."""

    def ask() -> dict[str, dict[str, Any]]:
        answer = jaeger.get(f"/api/v3/traces/{trace_id}")
        resources = answer["result"]["resourceSpans"] if answer else []
        return {span["name"]: span for one in resources for scope in one["scopeSpans"] for span in scope["spans"]}

    return eventually(ask, lambda found: len(found) == n)


def links(span: dict[str, Any]) -> dict[str, str]:
    """kind -> trace id"""
    return {one["attributes"][0]["value"]["stringValue"]: one["traceId"] for one in span.get("links", ())}


def times_ms(span: dict[str, Any]) -> tuple[int, int]:
    return int(span["startTimeUnixNano"]) // 1_000_000, int(span["endTimeUnixNano"]) // 1_000_000


def test_a_prediction_s_trace_is_a_waterfall_without_a_hole(jaeger: Running, sent: Sent) -> None:
    spans = spans_of(jaeger, sent.prediction.trace_id, 4)

    queue, process, send = (spans[name] for name in ("queue predictions", "process predictions", "send predictions"))
    assert {queue["parentSpanId"], process["parentSpanId"]} == {send["spanId"]} == {sent.prediction.span_id}
    assert (KINDS[queue["kind"]], KINDS[process["kind"]]) == ("INTERNAL", "CONSUMER")
    assert times_ms(send)[1] == times_ms(queue)[0]
    assert times_ms(queue)[1] == times_ms(process)[0]
    assert links(process) == {"send": sent.prediction.trace_id}


def test_an_outcome_s_trace_leads_to_its_prediction(jaeger: Running, sent: Sent) -> None:
    process = spans_of(jaeger, sent.outcome.trace_id, 2)["process outcomes"]

    assert process["parentSpanId"] == sent.outcome.span_id
    assert links(process) == {"send": sent.outcome.trace_id, "prediction": sent.prediction.trace_id}


def test_an_alert_s_trace_has_the_ids_of_its_header_and_leads_to_its_evidence(jaeger: Running, sent: Sent) -> None:
    spans = spans_of(jaeger, sent.alert.trace_id, 2)

    create, judge = spans["create alerts"], spans["judge fraud"]
    assert create["spanId"] == sent.alert.span_id
    assert create["parentSpanId"] == judge["spanId"]
    assert (KINDS[judge["kind"]], KINDS[create["kind"]]) == ("INTERNAL", "PRODUCER")
    assert links(judge) == {"trigger": sent.prediction.trace_id}


def test_a_prediction_is_found_by_its_id(jaeger: Running, sent: Sent) -> None:
    found = eventually(
        lambda: jaeger.get(
            "/api/traces",
            service="anchorwatch",
            tags='{"anchorwatch.prediction.id":"p-1"}',
            start=(sent.now_ms - 7_200_000) * 1_000,
            end=(sent.now_ms + 60_000) * 1_000,
            limit=20,
        )["data"],
        lambda answer: len(answer) >= 2,
    )

    assert {one["traceID"] for one in found} >= {sent.prediction.trace_id, sent.outcome.trace_id}


def test_the_map_shows_who_is_watched(jaeger: Running, sent: Sent) -> None:
    edges = eventually(
        lambda: jaeger.get("/api/dependencies", endTs=sent.now_ms + 1_000, lookback=7_200_000)["data"], lambda found: len(found) >= 2
    )

    assert {("shop", "anchorwatch"), ("bank", "anchorwatch")} <= {(edge["parent"], edge["child"]) for edge in edges}
