"""telemetry/scrape.py: read back by the Prometheus client's own parser."""

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from anchorwatch.stages.report import Report
from anchorwatch.telemetry import scrape
from anchorwatch.telemetry.histograms import BOUNDS
from anchorwatch.telemetry.series import SCRAPED_MAX
from anchorwatch.telemetry.totals import Snapshot, Totals

S = 1_000_000_000


def snapshot(worker: str) -> Snapshot:
    report, totals = Report(), Totals(0)
    report.count("anchorwatch.predictions", 7, model="fraud", segment='country="DE"\n')
    report.gauges["anchorwatch.silence", (("model", "fraud"),)] = 1.5
    report.latencies["anchorwatch.end_to_end", (("model", "fraud"),)] = [np.array([0.0004, 0.02, 3.0, 1e7])]
    totals.fold(report, S)
    return totals.snapshot(worker, 2 * S)


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_what_was_counted_is_read_back() -> None:
    read = samples(scrape.text([snapshot("ingest.w1")]))

    where = (("model", "fraud"), ("worker", "ingest.w1"))
    assert read["anchorwatch_predictions_total", (("model", "fraud"), ("segment", 'country="DE"\n'), ("worker", "ingest.w1"))] == 7
    assert read["anchorwatch_silence_seconds", where] == 1.5
    assert read["anchorwatch_end_to_end_seconds_count", where] == 4
    assert read["anchorwatch_end_to_end_seconds_sum", where] == 0.0004 + 0.02 + 3 + 1e7
    buckets = {dict(labels)["le"]: value for (name, labels), value in read.items() if name.endswith("_bucket")}
    assert len(buckets) == len(BOUNDS) + 1 == 25
    assert (buckets["0.001"], buckets["0.025"], buckets["5"], buckets["604800"], buckets["+Inf"]) == (1, 2, 3, 3, 4)


def test_several_processes_share_families_and_are_told_apart() -> None:
    text = scrape.text([snapshot("ingest.w1"), snapshot("judge.w1")])

    assert text.count("# TYPE anchorwatch_predictions_total counter") == 1
    assert text.count("# TYPE anchorwatch_end_to_end_seconds histogram") == 1
    assert len(samples(text)) == 2 * len(samples(scrape.text([snapshot("ingest.w1")])))


def test_a_thousand_models_make_no_flood_and_sums_stay_right() -> None:
    """Each histogram costs 27 lines: the first of an instrument keep their own, the others are one series, and it is said how many they are."""
    report, totals = Report(), Totals(0)
    for i in range(1_000):
        report.latencies["anchorwatch.end_to_end", (("model", f"m{i:04}"),)] = [np.array([0.02, 3.0])]
    totals.fold(report, S)
    text = scrape.text([totals.snapshot("w", 2 * S)])
    totals.fold(report, 2 * S)
    later = samples(scrape.text([totals.snapshot("w", 3 * S)]))

    read = samples(text)
    counts = {dict(labels).get("model", "others"): n for (name, labels), n in read.items() if name.endswith("_count")}
    quick = sum(n for (name, labels), n in read.items() if name.endswith("_bucket") and ("le", "0.025") in labels)
    assert text.count("\n") < 27 * (SCRAPED_MAX + 2)
    assert (len(counts), counts["m0000"], counts["others"], sum(counts.values())) == (SCRAPED_MAX + 1, 2, 2 * (1_000 - SCRAPED_MAX), 2_000)
    assert quick == 1_000
    assert read["anchorwatch_scrape_folded", (("worker", "w"),)] == 1_000 - SCRAPED_MAX
    assert set(later) == set(read), "whose turn it is does not change from scrape to scrape"


def test_nothing_counted_is_an_empty_text() -> None:
    assert scrape.text([]) == scrape.text([Totals(0).snapshot("w", S)]) == ""
