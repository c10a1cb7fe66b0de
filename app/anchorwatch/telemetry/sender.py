"""How do spans and metrics reach an endpoint over OTLP/HTTP? By the stock exporters, one request at a time, every loss counted.

Not by the SDK's batch processor and metric reader: those flush for 28 s against a dead endpoint whatever deadline they are given, do not
count what they drop, and skip a collection in which the SDK itself has nothing.
"""

import logging
import os
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import Metric, MetricExportResult, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from anchorwatch.telemetry.outlets import TIMEOUT_S, Outlets
from anchorwatch.telemetry.spans import SCOPE

log = logging.getLogger(__name__)


class _LastWords(logging.Filter):
    """The exporters log every failed request; an outage is told once, by us, with their last words."""

    text = ""

    def filter(self, record: logging.LogRecord) -> bool:
        self.text = record.getMessage()
        return False


_last_words = _LastWords()


class Sender:
    """Blocks for at most TIMEOUT_S a call (or what OTEL_EXPORTER_OTLP_TIMEOUT says); belongs on a thread of its own."""

    def __init__(self, outlets: Outlets, resource: Resource) -> None:
        for module in (OTLPSpanExporter.__module__, OTLPMetricExporter.__module__):
            logging.getLogger(module).addFilter(_last_words)
        self.outlets, self.resource = outlets, resource
        self.traces = OTLPSpanExporter(**_options("TRACES")) if outlets.traces else None
        self.metrics = OTLPMetricExporter(**_options("METRICS")) if outlets.metrics else None
        self.failed: dict[str, int] = {}  # signal -> requests refused since the last one that was not

    def send_spans(self, spans: Sequence[ReadableSpan]) -> bool:
        """True when the endpoint took them."""
        assert self.traces, "no endpoint for traces: whoever asks looks at outlets.traces first"
        return self._told("traces", self.outlets.traces, self.traces.export(spans) is SpanExportResult.SUCCESS)

    def send_metrics(self, metrics: Sequence[Metric]) -> bool:
        """Cumulative: what one refused request held is in the next one too."""
        assert self.metrics, "no endpoint for metrics: whoever asks looks at outlets.metrics first"
        data = MetricsData([ResourceMetrics(self.resource, [ScopeMetrics(SCOPE, metrics, "")], "")])
        return self._told("metrics", self.outlets.metrics, self.metrics.export(data) is MetricExportResult.SUCCESS)

    def shutdown(self) -> None:
        """Ends waits between retries; a request under way goes on to its own timeout."""
        for exporter in (self.traces, self.metrics):
            if exporter:
                exporter.shutdown()

    def _told(self, signal: str, endpoint: str, delivered: bool) -> bool:
        before = self.failed.get(signal, 0)
        if delivered and before:
            log.info("telemetry_delivered_again signal=%s endpoint=%s requests_refused=%d", signal, _shown(endpoint), before)
        if not delivered and not before:
            advice = "is a collector there? see OTEL_EXPORTER_OTLP_ENDPOINT; monitoring goes on without"
            log.warning("telemetry_refused signal=%s endpoint=%s reason=%r; %s", signal, _shown(endpoint), _last_words.text, advice)
        self.failed[signal] = 0 if delivered else before + 1
        return delivered


def _shown(endpoint: str) -> str:
    """Without the password that may stand before the host."""
    scheme, _, rest = endpoint.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _options(signal: str) -> dict[str, Any]:
    """Our defaults, where the standard variables say nothing."""
    options: dict[str, Any] = {}
    if not _says(signal, "TIMEOUT"):
        options["timeout"] = TIMEOUT_S
    if not _says(signal, "COMPRESSION"):
        options["compression"] = Compression.Gzip  # 356 -> 40 bytes a span, for 3 us
    return options


def _says(signal: str, what: str) -> bool:
    return bool(os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{what}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{what}"))
