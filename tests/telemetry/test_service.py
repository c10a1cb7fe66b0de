"""Spans of a service that uses our client."""

import logging
import time

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from anchorwatch.telemetry.endpoint import Endpoint
from anchorwatch.telemetry.service import ServiceTraces


def test_spans_of_a_service_reach_the_endpoint_with_its_name() -> None:
    with Endpoint() as there:
        traces = ServiceTraces("loan-service", there.url, 1.0)
        with traces.provider.get_tracer("t").start_as_current_span("predict loan") as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
        traces.close()
        (seen,) = there.trace(trace_id)

    assert (seen.name, seen.service) == ("predict loan", "loan-service")


def test_only_the_given_share_is_kept_and_all_have_a_context() -> None:
    with Endpoint() as there:
        traces = ServiceTraces("loan-service", there.url, 0.25)
        tracer = traces.provider.get_tracer("t")
        spans = [tracer.start_span("predict") for _ in range(2_000)]
        kept = sum(span.is_recording() for span in spans)
        traces.close(10)

    assert 350 < kept < 650  # 8 standard deviations
    assert all(span.get_span_context().is_valid for span in spans)


def test_a_dead_endpoint_does_not_hold_up_the_end_and_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(OTLPSpanExporter.__module__), "filters", [])  # those of a worker in the same process
    traces = ServiceTraces("loan-service", "http://127.0.0.1:9", 1.0)
    traces.provider.get_tracer("t").start_span("predict").end()
    began = time.monotonic()
    traces.close(0.5)
    took = time.monotonic() - began

    def told() -> int:
        return sum(record.name.startswith("opentelemetry") for record in caplog.records)

    while not told() and time.monotonic() - began < 30:  # the exporter goes on in its thread
        time.sleep(0.05)

    assert took < 3
    assert told() == 1
