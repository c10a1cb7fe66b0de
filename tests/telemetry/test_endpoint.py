"""The endpoint that a demo keeps its traces in, spoken to by the SDK's own exporter."""

import gzip
import http.client
import time
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanKind

from anchorwatch.telemetry import endpoint as module
from anchorwatch.telemetry.endpoint import Endpoint
from anchorwatch.telemetry.spans import Spans, link
from anchorwatch.trace import TraceContext

T0 = 1_795_338_720_000


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as there:
        yield there


def make(spans: Spans, context: TraceContext, **more: object) -> ReadableSpan:
    return spans.make("queue predictions", SpanKind.INTERNAL, (T0, T0 + 40), context, attributes={"n": 3}, **more)  # type: ignore[arg-type]


def send(endpoint: Endpoint, *spans: ReadableSpan) -> None:
    assert OTLPSpanExporter(endpoint=f"{endpoint.url}/v1/traces").export(spans) is SpanExportResult.SUCCESS


def test_a_span_comes_back_with_all_that_a_waterfall_needs(endpoint: Endpoint) -> None:
    spans = Spans(Resource({"service.name": "anchorwatch"}))
    root = spans.root()
    send(endpoint, make(spans, spans.child(root), parent=root))
    (seen,) = endpoint.trace(root.trace_id)

    assert (seen.name, seen.parent_id, seen.service, seen.attributes) == ("queue predictions", root.span_id, "anchorwatch", {"n": "3"})
    assert (seen.start_ms, seen.end_ms) == (T0, T0 + 40)


def test_a_span_of_another_trace_is_found_by_its_link(endpoint: Endpoint) -> None:
    spans = Spans(Resource({}))
    prediction, alert = spans.root(), spans.root()
    send(endpoint, make(spans, prediction), make(spans, alert, links=[link(prediction, "trigger")]))

    assert [one.trace_id for one in endpoint.linked(prediction.trace_id)] == [alert.trace_id]
    assert endpoint.linked(prediction.trace_id)[0].links[0].kind == "trigger"


def test_the_oldest_traces_leave(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRACES_MAX", 2)
    spans = Spans(Resource({}))
    roots = [spans.root() for _ in range(3)]
    send(endpoint, *(make(spans, root) for root in roots))

    assert [len(endpoint.trace(root.trace_id)) for root in roots] == [0, 1, 1]


def test_one_trace_cannot_grow_for_ever(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPANS_OF_TRACE_MAX", 2)
    spans = Spans(Resource({}))
    root = spans.root()
    send(endpoint, *(make(spans, spans.child(root)) for _ in range(5)))

    assert len(endpoint.trace(root.trace_id)) == 2


@pytest.mark.parametrize("body", [b"\xff\xff\xff", gzip.compress(b"\xff\xff", mtime=0), b"not gzip"])
def test_what_is_no_otlp_is_refused_and_the_next_request_is_answered(endpoint: Endpoint, body: bytes) -> None:
    address = endpoint.url.removeprefix("http://")
    for sent in (body, b""):
        client = http.client.HTTPConnection(address, timeout=5)
        client.request("POST", "/v1/traces", sent, {"Content-Encoding": "gzip"} if body != b"\xff\xff\xff" and sent else {})
        status = client.getresponse().status
        client.close()

        assert status == (400 if sent else 200)


def test_metrics_are_taken_and_thrown_away(endpoint: Endpoint) -> None:
    client = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=5)
    client.request("POST", "/v1/metrics", b"whatever")

    assert client.getresponse().status == 200
    client.close()


def test_it_is_ready_at_once() -> None:
    began = time.monotonic()
    with Endpoint() as there:
        send(there)

    assert time.monotonic() - began < 5
