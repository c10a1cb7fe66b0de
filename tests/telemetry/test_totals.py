"""telemetry/totals.py: what was reported, no more and no less."""

import logging
from typing import Any

import numpy as np
import pytest
from opentelemetry.trace import SpanContext
from tests.telemetry.samples import T, alert

from anchorwatch.events import Alert
from anchorwatch.stages.report import Labels, Report
from anchorwatch.telemetry.series import SERIES_MAX
from anchorwatch.telemetry.totals import GAUGE_TTL_NS, Exemplified, Totals

S = 1_000_000_000
START = T * 1_000_000
MODEL: Labels = (("environment", "prod"), ("model", "fraud"))


def segment(name: str) -> Labels:
    return (*MODEL, ("segment", name))


def points(totals: Totals, name: str, now_ns: int = START + 100 * S) -> list[Any]:
    return [point for metric in totals.metrics(now_ns) if metric.name == name for point in metric.data.data_points]


def folded(*reports: Report) -> Totals:
    totals = Totals(START)
    for i, report in enumerate(reports, 1):
        totals.fold(report, START + i * S)
    return totals


def test_counters_add_up_and_carry_namespaced_attributes() -> None:
    report = Report()
    report.count("anchorwatch.outcomes", 3, model="fraud", environment="prod", result="joined")
    totals = folded(report, report)

    (point,) = points(totals, "anchorwatch.outcomes")
    assert point.value == 6
    assert point.attributes == {
        "anchorwatch.model.name": "fraud",
        "anchorwatch.model.environment": "prod",
        "anchorwatch.result": "joined",
    }
    assert (point.start_time_unix_nano, point.time_unix_nano) == (START, START + 100 * S)


def test_a_series_that_begins_later_starts_where_the_commit_before_it_ended() -> None:
    """So that the first increase is seen as one, not as a total since the process began."""
    report = Report()
    report.count("anchorwatch.predictions", 1, model="fraud")
    totals = folded(Report(), Report(), report)

    assert points(totals, "anchorwatch.predictions")[0].start_time_unix_nano == START + 2 * S


def test_latencies_are_counted_whole_and_nonsense_is_left_out() -> None:
    report = Report()
    report.latencies["anchorwatch.queue", MODEL] = [np.array([1.0, 2.0]), np.array([np.nan, np.inf, -3.0]), np.zeros(0)]

    (point,) = points(folded(report), "anchorwatch.queue")

    assert (point.count, point.sum, point.zero_count) == (3, 3.0, 1)


def test_the_latest_gauge_wins_and_dies_when_nobody_sets_it() -> None:
    """A retired model's quality must not stand for ever."""
    first, second = Report(), Report()
    first.gauges["anchorwatch.quality", segment("whole")] = 0.7
    second.gauges["anchorwatch.quality", segment("whole")] = 0.8
    second.gauges["anchorwatch.quality", segment("country=DE")] = float("nan")
    totals = folded(first, second)

    assert [point.value for point in points(totals, "anchorwatch.quality")] == [0.8]
    assert points(totals, "anchorwatch.quality", START + 2 * S + GAUGE_TTL_NS + 1) == []


def test_beyond_200_segments_counters_keep_their_sum_and_gauges_are_left_out() -> None:
    report = Report()
    for i in range(300):
        report.counters["anchorwatch.predictions", segment(f"s{i}")] = 1
        report.gauges["anchorwatch.quality", segment(f"s{i}")] = 0.5
        report.latencies["anchorwatch.queue", segment(f"s{i}")] = [np.ones(1)]
    totals = folded(report)

    counted = points(totals, "anchorwatch.predictions")
    assert (len(counted), sum(point.value for point in counted)) == (201, 300)
    assert sum(point.count for point in points(totals, "anchorwatch.queue")) == 300
    assert len(points(totals, "anchorwatch.quality")) == 200
    assert [point.value for point in points(totals, "anchorwatch.segments.folded")] == [100]


def test_the_stages_own_number_of_folded_segments_is_not_lowered() -> None:
    report = Report()
    report.gauges["anchorwatch.segments.folded", MODEL] = 12_345
    report.counters.update({("anchorwatch.predictions", segment(f"s{i}")): 1 for i in range(210)})

    assert [point.value for point in points(folded(report), "anchorwatch.segments.folded")] == [12_345]


def test_a_segment_that_lost_its_place_loses_its_series() -> None:
    report, later = Report(), Report()
    report.counters.update({("anchorwatch.predictions", segment(f"s{i}")): 1 for i in range(200)})
    later.count("anchorwatch.predictions", 1, **dict(segment("new")))
    totals = folded(report)
    totals.fold(later, START + 3_600 * S)

    shown = {point.attributes["anchorwatch.segment.name"]: point for point in points(totals, "anchorwatch.predictions", START + 3_700 * S)}
    assert "s0" not in shown
    assert shown["new"].value == 1
    assert len(shown) == 200


def test_series_of_one_instrument_are_bounded_and_the_sum_stays_right() -> None:
    report = Report()
    report.counters.update({("anchorwatch.predictions", (("model", f"m{i}"),)): 1 for i in range(SERIES_MAX + 500)})

    found = points(folded(report), "anchorwatch.predictions")

    assert len(found) == SERIES_MAX + 1
    assert [point.value for point in found if point.attributes == {"otel.metric.overflow": "true"}] == [500]
    assert sum(point.value for point in found) == SERIES_MAX + 500


@pytest.mark.expects_errors
def test_what_is_not_in_the_list_is_told_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    report = Report()
    report.count("anchorwatch.nonsense", 1)
    report.count("anchorwatch.queue", 1)  # a histogram
    report.count("anchorwatch.cuts", 1, customer="4711")  # an id on a metric
    with caplog.at_level(logging.ERROR):
        totals = folded(report, report)

    assert totals.metrics(START) == []
    assert len(caplog.messages) == 3
    assert "names.py" in caplog.messages[0]


def test_the_lag_of_an_observation_is_measured_when_a_stage_does_not() -> None:
    report = Report(judged=[("prod/fraud", T - 10_000, T, T + 1_500)])

    (point,) = points(folded(report), "anchorwatch.observation.lag")

    assert (point.count, point.sum) == (1, 1.5)


def test_the_delay_of_an_alert_ends_at_the_commit_of_its_first_record() -> None:
    """Began 09:50:00, committed 09:53:01."""
    began = 1_795_341_000_000
    report = Report(alerts=[alert(startsAt="2026-11-22T09:50:00Z"), alert(sequence=2), alert(startsAt="nonsense")])
    totals = Totals(START)
    totals.fold(report, (began + 181_000) * 1_000_000)

    (point,) = points(totals, "anchorwatch.alert.delay", START + 1_000 * S)
    assert (point.count, point.sum) == (1, 181.0)
    assert point.attributes["anchorwatch.watch.name"] == "quality"


def test_a_stage_that_measured_a_lag_itself_is_believed() -> None:
    made: list[Alert] = [alert()]
    report = Report(judged=[("prod/fraud", 0, T, T + 1_500)], alerts=made)
    report.latencies["anchorwatch.observation.lag", MODEL] = [np.array([7.0])]
    report.latencies["anchorwatch.alert.delay", MODEL] = [np.array([8.0])]
    totals = folded(report)

    assert [point.sum for point in points(totals, "anchorwatch.observation.lag")] == [7.0]
    assert [point.sum for point in points(totals, "anchorwatch.alert.delay")] == [8.0]


def test_an_exemplar_hangs_on_the_series_of_the_whole_model() -> None:
    report = Report()
    for where in (segment("country=DE"), segment("whole"), (*MODEL, ("replay", "true"))):
        report.latencies["anchorwatch.queue", where] = [np.ones(3)]
    totals, context = folded(report), SpanContext(1, 2, is_remote=True)

    assert totals.exemplar("anchorwatch.queue", Exemplified("prod", "fraud", False, 1.0), context, START)
    assert not totals.exemplar("anchorwatch.queue", Exemplified("prod", "unknown", False, 1.0), context, START)
    assert not totals.exemplar("anchorwatch.transit", Exemplified("prod", "fraud", False, 1.0), context, START)
    hung = {point.attributes.get("anchorwatch.segment.name"): len(point.exemplars) for point in points(totals, "anchorwatch.queue")}
    assert hung == {"country=DE": 0, "whole": 1, None: 0}
