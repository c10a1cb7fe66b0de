import numpy as np

from anchorwatch.stages.report import KEPT_MAX, Kept, Report


def kept(i: int) -> Kept:
    return Kept("predictions", "prod", "loan", f"p-{i}", "predictions", 0, i, "", 0, 0, 0)


def test_labels_stand_in_one_order_however_they_are_given() -> None:
    report = Report()

    report.count("anchorwatch.outcomes", 2, model="loan", result="joined")
    report.count("anchorwatch.outcomes", 3, result="joined", model="loan")

    assert report.counters == {("anchorwatch.outcomes", (("model", "loan"), ("result", "joined"))): 5}


def test_nothing_is_counted_of_nothing() -> None:
    report = Report()

    report.count("anchorwatch.outcomes", 0, model="loan")

    assert report.counters == {}


def test_the_report_of_a_refused_cut_goes_with_the_next() -> None:
    first, later = Report(), Report()
    for report, n in ((first, 1), (later, 2)):
        report.count("anchorwatch.notes", n)
        report.latencies["anchorwatch.inference", ()] = [np.array([float(n)])]
        report.gauges["anchorwatch.lag", ()] = float(n)
        report.judged.append(("prod/loan", 0, 10, n))

    first.add(later)

    assert first.counters["anchorwatch.notes", ()] == 3
    assert [float(a[0]) for a in first.latencies["anchorwatch.inference", ()]] == [1.0, 2.0]
    assert first.gauges["anchorwatch.lag", ()] == 2.0
    assert [at for *_, at in first.judged] == [1, 2]


def test_spans_asked_for_are_bounded_over_cuts() -> None:
    first = Report(kept=[kept(i) for i in range(KEPT_MAX - 1)])

    first.add(Report(kept=[kept(i) for i in range(10)]))

    assert len(first.kept) == KEPT_MAX
