"""telemetry/sender.py: losses are known, an outage is told once."""

import logging
import os
import random

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from tests.telemetry.otlp_sink import OtlpSink, plain
from tests.telemetry.samples import prediction

from anchorwatch.stages.report import Report
from anchorwatch.telemetry import outlets
from anchorwatch.telemetry.sender import Sender
from anchorwatch.telemetry.spans import Spans
from anchorwatch.telemetry.totals import Totals
from anchorwatch.telemetry.traces import Traces


def sender() -> Sender:
    return Sender(outlets.read(os.environ), Resource({"service.name": "anchorwatch"}))


def spans() -> list[ReadableSpan]:
    return Traces(Spans(Resource({"service.name": "anchorwatch"}), random.Random(1)), "g", "c", "a").prediction(prediction())


def test_spans_and_metrics_arrive_whole(sink: OtlpSink) -> None:
    report, totals, out = Report(), Totals(0), sender()
    report.count("anchorwatch.predictions", 7, model="fraud")
    totals.fold(report, 1)

    assert out.send_spans(spans())
    assert out.send_metrics(totals.metrics(2))
    assert [span.name for span in sink.spans()] == ["queue predictions", "process predictions"]
    (received,) = sink.metrics()
    assert (received.metric.name, received.metric.unit) == ("anchorwatch.predictions", "{prediction}")
    assert received.resource == {"service.name": "anchorwatch"}
    (point,) = received.metric.sum.data_points
    assert (point.as_int, plain(point.attributes)) == (7, {"anchorwatch.model.name": "fraud"})
    assert (received.metric.sum.aggregation_temporality, received.metric.sum.is_monotonic) == (2, True)  # cumulative


def test_an_outage_is_told_once_with_its_reason_and_its_end(sink: OtlpSink, caplog: pytest.LogCaptureFixture) -> None:
    out = sender()
    with caplog.at_level(logging.INFO):
        sink.status = 400
        assert [out.send_spans(spans()) for _ in range(3)] == [False] * 3
        sink.status = 200
        assert out.send_spans(spans())

    assert len(caplog.messages) == 2
    assert "telemetry_refused signal=traces" in caplog.messages[0]
    assert sink.url in caplog.messages[0]
    assert "400" in caplog.messages[0]
    assert "telemetry_delivered_again signal=traces" in caplog.messages[1]
    assert "requests_refused=3" in caplog.messages[1]


def test_only_the_named_signal_has_an_exporter(sink: OtlpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")

    out = sender()

    assert (out.traces is not None, out.metrics is None) == (True, True)


def test_a_password_in_the_endpoint_is_not_logged(
    sink: OtlpSink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url.replace("//", "//ann:secret@"))
    sink.status = 400

    assert not sender().send_spans(spans())
    assert sink.url in caplog.text
    assert "secret" not in caplog.text
