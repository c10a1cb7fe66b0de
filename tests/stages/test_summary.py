from tests.traffic import LOAN, T0, contract_of, loan_drive, traffic

from anchorwatch.runtime.drive import Drive, applied_of
from anchorwatch.stages.pile import Pile
from anchorwatch.stages.report import Report
from anchorwatch.stages.summary import count_labels, summary_of, tell


def test_the_whole_stands_first_then_other_then_segments_by_volume() -> None:
    drive = loan_drive()
    drive.feed(traffic(1_000)).end(T0 + 6_000)

    summary = summary_of(drive.judge.models["prod/loan"])

    volumes = summary.columns["predictions"]
    assert summary.segments[:2] == ["whole", "other"]
    assert volumes[2:] == sorted(volumes[2:], key=lambda v: -(v or 0))
    assert volumes[0] == 1_000


def test_before_anything_matured_the_reason_stands_beside_the_null() -> None:
    drive = loan_drive()
    drive.feed(traffic(1_000)).end(T0 + 1_000)

    summary = summary_of(drive.judge.models["prod/loan"])

    assert summary.columns["quality"][0] is None
    assert summary.reasons["quality"].startswith("waiting for labels; by its scores accuracy 0.95")
    assert (summary.columns["p50_ms"][0] or 0) > 10


def test_a_learning_model_says_so() -> None:
    drive = Drive([applied_of(contract_of(LOAN.replace("by: [region, tier]", "by: [region]")))])
    drive.feed(traffic(300)).end(T0 + 20_000)

    summary = summary_of(drive.judge.models["prod/loan"])

    assert (summary.state, summary.segments) == ("learning", ["whole"])
    assert "learning" in summary.reasons["state"]


def test_labelled_and_correct_are_counters_that_may_be_summed() -> None:
    drive = loan_drive()
    layout = drive.registry.versions["prod/loan"][0].layout
    pile, report = Pile(layout), Report()
    key = next(key for key in layout.counts if key.startswith("confusion@late"))
    layout.view(pile.flat, key)[0, [0, 1, 4, 9]] = [10, 3, 20, 99]

    count_labels(pile, report)

    whole = {name: n for (name, labels), n in report.counters.items() if ("segment", "whole") in labels}
    assert whole == {"anchorwatch.labelled": 33, "anchorwatch.correct": 30}


def test_only_numbers_become_gauges() -> None:
    drive, report = loan_drive(), Report()
    drive.feed(traffic(1_000)).end(T0 + 1_000)

    tell(summary_of(drive.judge.models["prod/loan"]), report)

    assert {name for name, _ in report.gauges} == {"anchorwatch.evidence.days"}
