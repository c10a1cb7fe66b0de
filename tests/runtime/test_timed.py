import time

import msgspec
from tests.runtime.test_roster import FRAUD, applied

from anchorwatch.config import load
from anchorwatch.runtime.formats import native
from anchorwatch.runtime.job import of_settings
from anchorwatch.runtime.roster import Roster
from anchorwatch.runtime.timed import PENDING, PROCESS, Timed
from anchorwatch.runtime.worker import ingest_settings
from anchorwatch.stages.ingest import Ingest

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p."})
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LABELS = (("environment", "prod"), ("model", "fraud"))


def timed() -> Timed:
    job = of_settings(SETTINGS, [], SETTINGS.feeds([])[0])
    roster = Roster(SETTINGS.topic, job.window_ms, [applied(FRAUD)])
    return Timed(Ingest(0, 1, roster.registry, native(), ingest_settings(job, 1, frozenset({"prod/fraud"})), {}))


def rows(n: int, at_ms: int) -> list[tuple[bytes, bytes, int, int]]:
    events = [
        {"prediction_id": f"o-{i}", "model": "fraud", "prediction": 1.5, "predicted_at_ms": at_ms, "traceparent": TRACE} for i in range(n)
    ]
    return [(event["prediction_id"].encode(), msgspec.json.encode(event), i, at_ms) for i, event in enumerate(events)]  # type: ignore[attr-defined]


def test_each_prediction_counts_the_seconds_from_polled_to_counted() -> None:
    stage, now_ms = timed(), time.time_ns() // 1_000_000
    stage.take("p.predictions", rows(3, now_ms), now_ms - 250, None)
    report = stage.freeze({}).report

    assert [len(array) for array in report.latencies[PROCESS, LABELS]] == [3]
    assert report.latencies[PROCESS, LABELS][0].min() >= 0.25
    assert all(kept.counted_ms - kept.polled_ms >= 250 for kept in report.kept)
    assert len(report.kept) == 3


def test_what_was_counted_before_is_not_timed_again() -> None:
    stage, now_ms = timed(), time.time_ns() // 1_000_000
    stage.take("p.predictions", rows(3, now_ms), now_ms, None)
    stage.take("p.predictions", rows(3, now_ms), now_ms, None)

    assert sum(len(array) for array in stage.freeze({}).report.latencies[PROCESS, LABELS]) == 3


def test_figures_that_only_the_process_can_sum_do_not_leave_with_the_task() -> None:
    stage, now_ms = timed(), time.time_ns() // 1_000_000
    stage.take("p.predictions", rows(3, now_ms), now_ms, None)
    stage.tick(now_ms + 30_000, frozenset({"p.predictions", "p.outcomes"}))
    was_due = stage.due()
    gauges = stage.freeze({}).report.gauges

    assert was_due
    assert not [name for name, _ in gauges if name in (PENDING, "anchorwatch.watermark.delay")]
    assert (stage.pending, stage.watermark_ms) == ({LABELS: 3}, now_ms + 25_000)
