"""An OTLP/HTTP endpoint for one machine: keeps the newest spans in memory, so that a demo can show a trace without a backend."""

import gzip
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # its stubs are a package of their own
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from anchorwatch.telemetry.names import LINK_KIND

TRACES_MAX = 20_000  # the oldest leave
SPANS_OF_TRACE_MAX = 64  # above: passed over
REQUEST_BYTES_MAX = 16_000_000


class Link(NamedTuple):
    trace_id: str
    kind: str  # send, prediction, trigger, evidence


class SeenSpan(NamedTuple):
    """Ids are lower-case hex; times ms since 1970."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str  # "": a root
    start_ms: float
    end_ms: float
    service: str
    attributes: dict[str, str]
    links: tuple[Link, ...]


class Endpoint:
    """`url` for OTEL_EXPORTER_OTLP_ENDPOINT; on the loopback interface, any free port. Metrics are taken and thrown away."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, list[SeenSpan]] = OrderedDict()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="otlp", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def trace(self, trace_id: str) -> list[SeenSpan]:
        """What has come of one trace so far, by start; empty when nothing has, or it left again."""
        with self._lock:
            return sorted(self._traces.get(trace_id, ()), key=lambda span: (span.start_ms, -span.end_ms))

    def linked(self, trace_id: str) -> list[SeenSpan]:
        """Spans of other traces that link to this one: outcomes, alerts."""
        with self._lock:
            others = [span for of, spans in self._traces.items() if of != trace_id for span in spans]
        return [span for span in others if any(link.trace_id == trace_id for link in span.links)]

    def take(self, body: bytes) -> None:
        """One request's body, uncompressed. Raises DecodeError."""
        for traced in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _texts(traced.resource.attributes).get("service.name", "")
            for span in (span for scope in traced.scope_spans for span in scope.spans):
                links = tuple(Link(one.trace_id.hex(), _texts(one.attributes).get(LINK_KIND, "")) for one in span.links)
                self._keep(
                    SeenSpan(
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.start_time_unix_nano / 1e6,
                        span.end_time_unix_nano / 1e6,
                        service,
                        _texts(span.attributes),
                        links,
                    )
                )

    def _keep(self, span: SeenSpan) -> None:
        with self._lock:
            spans = self._traces.setdefault(span.trace_id, [])
            if len(spans) < SPANS_OF_TRACE_MAX:
                spans.append(span)
            while len(self._traces) > TRACES_MAX:
                self._traces.popitem(last=False)


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > REQUEST_BYTES_MAX:
                self.close_connection = True  # its body stays unread
                self._answer(413)
                return
            body = self.rfile.read(length)
            try:
                if self.path == "/v1/traces":
                    endpoint.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self._answer(200)
            except (DecodeError, OSError, EOFError, zlib.error):
                self._answer(400)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            """Silent: a line per request helps nobody."""

    return Handler


def _texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    found = {}
    for pair in attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = str(getattr(pair.value, kind)) if kind else ""
    return found
