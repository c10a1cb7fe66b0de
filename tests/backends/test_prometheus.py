"""What a real Prometheus keeps of our metrics, pushed over OTLP and scraped: names, sums, quantiles, exemplars."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.backends.programs import PROMETHEUS as PROGRAM
from tests.backends.programs import Running, eventually, running
from tests.telemetry.samples import SHOP, prediction

from anchorwatch.stages.report import Labels, Report
from anchorwatch.telemetry import Telemetry, scrape
from anchorwatch.telemetry.names import INSTRUMENTS, PROMETHEUS

pytestmark = pytest.mark.backends

MODEL: Labels = (("environment", "prod"), ("model", "fraud"))
OWN = ("anchorwatch.spans", "anchorwatch.exports")  # counted by telemetry itself


class Pushed(NamedTuple):
    waits: NDArray[np.float64]
    now_ms: int
    text: str  # of /metrics


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Running]:
    with running(PROGRAM) as started:
        yield started


def everything(waits: NDArray[np.float64]) -> Report:
    """One value of each instrument."""
    report = Report()
    for one in INSTRUMENTS:
        if one.name not in OWN and one.kind == "counter":
            report.counters[one.name, MODEL] = 1_000
        elif one.kind == "gauge":
            report.gauges[one.name, MODEL] = 0.5
        elif one.kind == "histogram":
            report.latencies[one.name, MODEL] = [waits]
    return report


@pytest.fixture(scope="module")
def pushed(prometheus: Running) -> Iterator[Pushed]:
    waits, now = np.random.default_rng(1).lognormal(-3, 0.8, 100_000), time.time_ns() // 1_000_000
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", prometheus.url("/api/v1/otlp/v1/metrics"))
        environment.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", prometheus.url("/nowhere"))  # spans are refused, exemplars are made
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        environment.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
        ours = Telemetry("anchorwatch", "ingest", "w1")
        report = everything(waits)
        report.kept = [prediction(appended_ms=now - 1_200, polled_ms=now, counted_ms=now + 3)]
        ours.take(report, time.time_ns())
        text = ours.prometheus()
        served = serve(text, prometheus.ports[1])
        eventually(lambda: value(prometheus, 'anchorwatch_exports_total{anchorwatch_signal="metrics"}'), lambda found: found is not None)
        ours.close()
    yield Pushed(waits, now, text)
    served.shutdown()
    served.server_close()


def serve(text: str, port: int) -> ThreadingHTTPServer:
    """`/metrics`, as the supervisor will."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", scrape.CONTENT_TYPE)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def query(prometheus: Running, expression: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = prometheus.get("/api/v1/query", query=expression)["data"]["result"]
    return found


def value(prometheus: Running, expression: str) -> float | None:
    found = query(prometheus, expression)
    return float(found[0]["value"][1]) if found else None


@pytest.mark.parametrize("job", ["anchorwatch", "scraped"])
def test_every_name_is_the_one_that_dashboards_are_made_from(prometheus: Running, pushed: Pushed, job: str) -> None:
    """Pushed, histograms are native and keep their bare name; scraped, they are `_bucket`, `_sum`, `_count`."""
    suffix = {"counter": "", "gauge": "", "histogram": "" if job == "anchorwatch" else "_count"}
    wanted = {PROMETHEUS[one.name] + suffix[one.kind] for one in INSTRUMENTS if one.name not in OWN}

    def missing() -> set[str]:
        shown = query(prometheus, f'count by (__name__) ({{job="{job}"}})')
        return wanted - {one["metric"]["__name__"] for one in shown}

    assert eventually(missing, lambda found: not found) == set()


def test_quantiles_of_pushed_histograms_are_within_five_per_cent(prometheus: Running, pushed: Pushed) -> None:
    for q in (0.5, 0.9, 0.99):
        found = value(prometheus, f'histogram_quantile({q}, anchorwatch_queue_seconds{{job="anchorwatch"}})')

        assert found == pytest.approx(np.quantile(pushed.waits, q), rel=0.05)
    assert value(prometheus, 'histogram_count(anchorwatch_queue_seconds{job="anchorwatch"})') == 100_000
    assert value(prometheus, 'histogram_sum(anchorwatch_queue_seconds{job="anchorwatch"})') == pytest.approx(pushed.waits.sum())


def test_scraped_counts_at_fixed_bounds_are_near_the_exact_ones(prometheus: Running, pushed: Pushed) -> None:
    for bound in ("0.025", "0.1", "1"):
        expression = f'anchorwatch_queue_seconds_bucket{{job="scraped",le=~"{bound}(\\\\.0)?"}}'
        found = eventually(lambda expression=expression: value(prometheus, expression), lambda answer: answer is not None)  # type: ignore[misc]

        assert found == pytest.approx((pushed.waits <= float(bound)).sum(), rel=0.02)


def test_labels_pushed_are_namespaced_and_scraped_are_words(prometheus: Running, pushed: Pushed) -> None:
    (given,) = query(prometheus, 'anchorwatch_predictions_total{job="anchorwatch"}')
    (scraped,) = eventually(lambda: query(prometheus, 'anchorwatch_predictions_total{job="scraped"}'), len)

    assert given["metric"]["anchorwatch_model_name"] == "fraud"
    assert given["metric"]["instance"] == "ingest.w1"
    assert (scraped["metric"]["model"], scraped["metric"]["worker"]) == ("fraud", "ingest.w1")
    assert given["value"][1] == scraped["value"][1] == "1000"


def test_an_exemplar_leads_to_the_trace_of_a_kept_prediction(prometheus: Running, pushed: Pushed) -> None:
    window: dict[str, str | int] = {"start": pushed.now_ms // 1_000 - 60, "end": pushed.now_ms // 1_000 + 60}
    found = eventually(
        lambda: prometheus.get("/api/v1/query_exemplars", query='anchorwatch_queue_seconds{job="anchorwatch"}', **window)["data"], len
    )

    (exemplar,) = found[0]["exemplars"]
    assert exemplar["labels"]["trace_id"] == SHOP[3:35]
    assert float(exemplar["value"]) == 1.2
