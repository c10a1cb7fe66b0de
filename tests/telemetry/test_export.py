"""telemetry/export.py: from reports of cuts to a real endpoint, and what happens when there is none."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from tests.telemetry.otlp_sink import OtlpSink, ReceivedSpan, plain
from tests.telemetry.samples import BANK, SHOP, T, alert, outcome, prediction, traceparent

from anchorwatch import trace
from anchorwatch.errors import ConfigError
from anchorwatch.stages.report import Report
from anchorwatch.telemetry import Telemetry
from anchorwatch.telemetry.export import KEPT_WAITING_MAX, REPORTS_MAX, describe

MODEL = (("environment", "prod"), ("model", "fraud"))
NOW = (T + 2_000) * 1_000_000


def telemetry(spans_per_second_max: int = 500) -> Telemetry:
    return Telemetry("anchorwatch", "ingest", "worker-1", group="anchorwatch-ingest", spans_per_second_max=spans_per_second_max)


def report(n: int = 1) -> Report:
    made = Report()
    made.count("anchorwatch.predictions", n, model="fraud", environment="prod")
    made.latencies["anchorwatch.queue", MODEL] = [np.full(n, 0.25)]
    return made


def counted(of: Telemetry, name: str, **labels: str) -> int:
    wanted = tuple(sorted(labels.items()))
    return sum(value for each, given, value in of.snapshot()["counters"] if each == name and given == wanted)


def spans_by_result(of: Telemetry) -> dict[str, int]:
    return {result: n for result in ("sent", "capped", "overflowed", "refused") if (n := counted(of, "anchorwatch.spans", result=result))}


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "telemetry"]


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")


@pytest.fixture
def silent_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes the connection and never answers: worse than none."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as held:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{held.getsockname()[1]}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        yield


def test_without_an_endpoint_there_is_no_thread_and_the_figures_are_there() -> None:
    ours = telemetry()
    ours.take(report(4), NOW)

    assert threads() == []
    text = ours.prometheus()
    assert 'anchorwatch_predictions_total{environment="prod",model="fraud",worker="ingest.worker-1"} 4.0' in text
    assert 'anchorwatch_queue_seconds_count{environment="prod",model="fraud",worker="ingest.worker-1"} 4.0' in text
    assert ours.close()


def test_without_an_endpoint_reports_do_not_pile_up() -> None:
    ours = telemetry()
    for _ in range(10 * REPORTS_MAX + 1):
        made = report()
        made.kept = [prediction()] * 2_000
        ours.take(made, NOW)

    assert len(ours._reports) < REPORTS_MAX
    assert ours._waiting.kept == []
    assert counted(ours, "anchorwatch.predictions", **dict(MODEL)) == 10 * REPORTS_MAX + 1


def test_the_three_traces_arrive_whole(sink: OtlpSink) -> None:
    ours = telemetry()
    ours.take(
        Report(kept=[prediction(), outcome()], alerts=[alert()], judged=[("prod/fraud", T - 10_000, T, T + 400)]),
        NOW,
    )
    assert ours.close()

    by_name = {span.name: span for span in sink.spans()}
    assert sorted(by_name) == ["create alerts", "judge fraud", "process outcomes", "process predictions", "queue predictions"]
    queue, process = by_name["queue predictions"], by_name["process predictions"]
    assert (queue.kind, queue.trace_id, queue.parent, queue.start_ms, queue.end_ms) == ("INTERNAL", SHOP[3:35], SHOP[36:52], T, T + 1_200)
    assert (process.kind, process.trace_id, process.parent) == ("CONSUMER", SHOP[3:35], SHOP[36:52])
    assert (process.start_ms, process.end_ms) == (T + 1_200, T + 1_203)
    assert process.links == [(SHOP[3:35], SHOP[36:52], "send")]
    joined = by_name["process outcomes"]
    assert (joined.kind, joined.trace_id, joined.parent) == ("CONSUMER", BANK[3:35], BANK[36:52])
    assert joined.links == [(BANK[3:35], BANK[36:52], "send"), (SHOP[3:35], SHOP[36:52], "prediction")]
    assert joined.attributes["anchorwatch.prediction.trace_id"] == SHOP[3:35]
    _check_alert(by_name["judge fraud"], by_name["create alerts"])
    assert process.resource["service.instance.id"] == "ingest.worker-1"
    assert spans_by_result(ours) == {"sent": 5}


def _check_alert(judge: ReceivedSpan, create: ReceivedSpan) -> None:
    header = trace.alert_context("5f1c0e5b7a31d2c4", 1)
    assert (create.kind, create.trace_id, create.span_id) == ("PRODUCER", header.trace_id, header.span_id)
    assert (judge.kind, judge.parent, create.parent, judge.trace_id) == ("INTERNAL", "", judge.span_id, header.trace_id)
    assert (judge.start_ms, judge.end_ms, create.start_ms, create.end_ms) == (T, T + 400, T + 400, T + 2_000)
    assert judge.links == [(SHOP[3:35], SHOP[36:52], "trigger")]


def test_figures_arrive_exact_and_exemplars_lead_to_spans_that_arrived(sink: OtlpSink) -> None:
    seconds = np.random.default_rng(1).lognormal(-3, 0.7, 50_000)
    ours = telemetry()
    for part in np.array_split(seconds, 20):
        made = report(0)
        made.latencies["anchorwatch.queue", MODEL] = [part]
        made.kept = [prediction()]
        ours.take(made, NOW)
    assert ours.close()

    points = [one.metric.exponential_histogram.data_points[0] for one in sink.metrics("anchorwatch.queue")]
    point = points[-1]
    assert (point.count, point.sum) == (50_000, pytest.approx(seconds.sum()))
    assert plain(point.attributes) == {"anchorwatch.model.name": "fraud", "anchorwatch.model.environment": "prod"}
    cumulative = np.cumsum([point.zero_count, *point.positive.bucket_counts])
    for q in (0.5, 0.99):
        bucket = int(np.searchsorted(cumulative, q * point.count)) - 1
        assert 2 ** ((point.positive.offset + bucket + 0.5) / 2**point.scale) == pytest.approx(np.quantile(seconds, q), rel=0.05)
    hung = {(one.trace_id.hex(), one.span_id.hex()) for each in points for one in each.exemplars}
    arrived = {(span.trace_id, span.span_id) for span in sink.spans("queue")}
    assert hung
    assert hung <= arrived


def test_figures_go_on_while_the_process_lives(sink: OtlpSink) -> None:
    ours = telemetry()
    for n in (1, 2, 3):
        ours.take(report(n), NOW)
        sink.wait(lambda _, n=n: counted_there(sink) == n * (n + 1) // 2)  # type: ignore[misc]  # bound early on purpose
    assert ours.close()
    assert threads() == []


def counted_there(sink: OtlpSink) -> int:
    return max((one.metric.sum.data_points[0].as_int for one in sink.metrics("anchorwatch.predictions")), default=0)


def test_after_an_outage_the_totals_are_right_and_the_lost_spans_are_counted(sink: OtlpSink) -> None:
    sink.status = 400
    ours = telemetry()
    ours.take(report(5), NOW)
    ours.take(Report(kept=[prediction()] * 3), NOW)
    wait(lambda: spans_by_result(ours).get("refused") == 6)
    sink.status = 200
    ours.take(Report(kept=[prediction()]), NOW)
    sink.wait(lambda there: counted_there(there) == 5)
    assert ours.close()

    assert spans_by_result(ours) == {"refused": 6, "sent": 2}
    assert len(sink.spans()) == 2
    assert counted(ours, "anchorwatch.exports", signal="traces", result="refused") >= 1


def wait(until: Callable[[], bool], patience_s: float = 10.0) -> None:
    deadline = time.monotonic() + patience_s
    while not until():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def test_no_more_than_the_limit_of_spans_a_second_and_alerts_come_through(sink: OtlpSink) -> None:
    ours = telemetry(spans_per_second_max=100)
    ours.take(Report(kept=[prediction(traceparent=traceparent(i)) for i in range(2_000)], alerts=[alert()]), NOW)
    assert ours.close()

    by_result = spans_by_result(ours)
    assert by_result["capped"] + by_result["sent"] == 4_002
    assert by_result["sent"] == 102
    assert len(sink.spans("create alerts")) == 1


def test_of_a_flood_what_finds_no_room_is_counted(sink: OtlpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")  # nobody takes anything away
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "50")
    ours = telemetry(spans_per_second_max=100_000)
    for _ in range(10):
        ours.take(Report(kept=[prediction()] * 2_000, alerts=[alert()] * 200), NOW)
    assert len(ours._waiting.kept) == KEPT_WAITING_MAX
    assert ours.close()

    by_result = spans_by_result(ours)
    assert by_result["sent"] == 50
    assert sum(by_result.values()) == 2 * (20_000 + 2_000)


@pytest.mark.usefixtures("closed_port")
def test_a_dead_endpoint_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    _does_not_block(caplog)


@pytest.mark.usefixtures("silent_port")
def test_a_silent_endpoint_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    _does_not_block(caplog)


def _does_not_block(caplog: pytest.LogCaptureFixture) -> None:
    """500 reports are put down at once, `close` keeps its own deadline, memory stays bounded."""
    with caplog.at_level(logging.WARNING):
        ours = telemetry()
        began = time.monotonic()
        for _ in range(500):
            made = report(1_000)
            made.kept = [prediction()] * 100
            ours.take(made, NOW)
        taken = time.monotonic()
        assert not ours.close(1.0)
        closed = time.monotonic()

    assert taken - began < 2.0  # one request alone may last 3 s
    assert closed - taken < 2.0
    assert len(ours._reports) < REPORTS_MAX
    assert len(ours._spans) <= ours.outlets.queue_max
    assert len(ours._waiting.kept) <= KEPT_WAITING_MAX
    assert counted(ours, "anchorwatch.predictions", **dict(MODEL)) == 500_000
    assert "telemetry_abandoned" in caplog.text


def test_reports_of_many_threads_are_all_counted(sink: OtlpSink) -> None:
    ours = telemetry()

    def work() -> None:
        for _ in range(200):
            ours.take(report(), NOW)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert ours.close()

    assert counted(ours, "anchorwatch.predictions", **dict(MODEL)) == 800
    assert counted_there(sink) == 800


@pytest.mark.expects_errors
def test_a_report_that_cannot_be_added_up_costs_only_itself() -> None:
    """Monitoring goes on; the log, and so every test, says it."""
    broken = Report(judged=[("prod/fraud", 0, None, 7)])  # type: ignore[list-item]  # what a faulty stage may say
    ours = telemetry()
    for made in [broken, report(3)] * REPORTS_MAX:
        ours.take(made, NOW)

    assert counted(ours, "anchorwatch.predictions", **dict(MODEL)) == 3 * REPORTS_MAX


def test_closing_twice_is_harmless(sink: OtlpSink) -> None:
    ours = telemetry()

    assert ours.close()
    assert ours.close()


def test_a_protocol_that_we_do_not_speak_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, sink: OtlpSink) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")

    with pytest.raises(ConfigError, match="4318"):
        telemetry()


@pytest.mark.parametrize(
    ("environ", "name"),
    [({}, "anchorwatch"), ({"OTEL_SERVICE_NAME": "watch-eu"}, "watch-eu"), ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=w,cloud=x"}, "w")],
)
def test_the_resource_says_whose_it_is_and_the_operator_has_the_last_word(
    environ: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)

    about = describe("anchorwatch", "ingest", "ingest.worker-1").attributes

    assert about["service.name"] == name
    assert about["service.instance.id"] == "ingest.worker-1"
    assert about["host.name"] == socket.gethostname()
    assert about["process.pid"] == os.getpid()
    assert about["anchorwatch.stage"] == "ingest"
