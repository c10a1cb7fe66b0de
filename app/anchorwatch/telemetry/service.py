"""OpenTelemetry for a service that uses our client, such as the demo's: its own spans, of so many in a hundred requests."""

import logging
import threading

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

DELAY_MS = 500  # between two requests


class _Once(logging.Filter):
    """The exporter logs every failed request; the first tells it all."""

    told = False

    def filter(self, record: logging.LogRecord) -> bool:
        del record
        self.told, first = True, not self.told
        return first


class ServiceTraces:
    """`provider` for `Client(tracer_provider=...)`.

    endpoint: base address of an OTLP/HTTP endpoint; "": what OTEL_EXPORTER_OTLP_* say. share: of requests traced, 0..1.
    """

    def __init__(self, service: str, endpoint: str, share: float) -> None:
        self._log, self._once = logging.getLogger(OTLPSpanExporter.__module__), _Once()
        self._log.addFilter(self._once)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces") if endpoint else OTLPSpanExporter()
        self.provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(share)), resource=Resource.create({"service.name": service}), shutdown_on_exit=False
        )
        self.provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=DELAY_MS))

    def close(self, seconds: float = 2.0) -> None:
        """Sends what is left; gives up after so long, since the SDK waits half a minute for a dead endpoint."""
        ending = threading.Thread(target=self._end, name="traces-end", daemon=True)
        ending.start()
        ending.join(seconds)

    def _end(self) -> None:
        self.provider.shutdown()
        self._log.removeFilter(self._once)
