"""A real OTLP/HTTP endpoint inside the test: standard library and opentelemetry-proto, ready in a millisecond.

with OtlpSink() as sink:
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Plain = str | int | float | bool


class Link(NamedTuple):
    trace_id: str
    span_id: str
    kind: str  # anchorwatch.link.kind


class ReceivedSpan(NamedTuple):
    name: str
    kind: str  # INTERNAL, CONSUMER, PRODUCER, ...
    trace_id: str
    span_id: str
    parent: str  # span id, "" for a root
    start_ms: float
    end_ms: float
    attributes: dict[str, Plain]
    links: list[Link]
    resource: dict[str, Plain]


class ReceivedMetric(NamedTuple):
    resource: dict[str, Plain]
    metric: Metric


class OtlpSink:
    """`.url` for OTEL_EXPORTER_OTLP_ENDPOINT; `.spans()` and `.metrics()` hold what came; `status` other than 200 refuses it."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.requests = 0
        self._spans: list[ReceivedSpan] = []
        self._metrics: list[ReceivedMetric] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "OtlpSink":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self, name: str = "") -> list[ReceivedSpan]:
        return [span for span in list(self._spans) if span.name.startswith(name)]

    def metrics(self, name: str = "") -> list[ReceivedMetric]:
        """Every export that came, oldest first: totals repeat."""
        return [one for one in list(self._metrics) if one.metric.name.startswith(name)]

    def wait(self, until: Callable[["OtlpSink"], bool], patience_s: float = 10.0) -> None:
        deadline = time.monotonic() + patience_s
        while not until(self):
            if time.monotonic() > deadline:
                raise AssertionError(f"not seen within {patience_s} s; spans {[span.name for span in self._spans]}")
            time.sleep(0.01)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.requests += 1
                if sink.status == 200:
                    sink._receive(self.path, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self.send_response(sink.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                """Silent."""

        return Handler

    def _receive(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for traced in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = plain(traced.resource.attributes)
                self._spans += [_span(span, resource) for scope in traced.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for measured in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                resource = plain(measured.resource.attributes)
                self._metrics += [ReceivedMetric(resource, metric) for scope in measured.scope_metrics for metric in scope.metrics]


def plain(attributes: Iterable[KeyValue]) -> dict[str, Plain]:
    """Attributes of a point, span or resource as a dict."""
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: AnyValue) -> Plain:
    kind = value.WhichOneof("value")
    found: Plain = getattr(value, kind) if kind else ""
    return found


def _span(span: Span, resource: dict[str, Plain]) -> ReceivedSpan:
    return ReceivedSpan(
        span.name,
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano / 1e6,
        span.end_time_unix_nano / 1e6,
        plain(span.attributes),
        [Link(one.trace_id.hex(), one.span_id.hex(), str(plain(one.attributes).get("anchorwatch.link.kind", ""))) for one in span.links],
        resource,
    )
