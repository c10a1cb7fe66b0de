import math

import numpy as np
import pytest
from tests.traffic import LOAN, T0, Fault, contract_of, loan_applied, loan_drive, loan_reference, quiet_then, traffic
from tests.watches.seeing import layout, seen

from anchorwatch.events import Finding
from anchorwatch.runtime.drive import Drive, applied_of
from anchorwatch.stages.monitors import Monitors
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints, Matured, Monitor
from anchorwatch.watches.labels import MISSING, WATCH, count_of, promised_at
from anchorwatch.watches.layout import Layout

PROMISED = LOAN.replace("promises: {", "promises: {labels: {coverage_at_least: 0.9, by: 20s}, ")


def monitors(of: Layout, segment: str = "whole") -> dict[str, Monitor]:
    return {m.subject: m for m in WATCH.monitors(of) if m.segment == segment}


def labels(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(f.name, f.subject, f.segment) for f in findings if f.watch == "labels" and f.verdict in ("warning", "page")]


def test_at_each_horizon_a_prediction_is_labelled_revised_or_without_a_label() -> None:
    found: dict[str, list[int]] = {}

    class Add:
        def __call__(self, key: str, cells: Ints, where: object = None) -> None:
            found[key] = cells.tolist()

        def weighted(self, key: str, cells: Ints, weights: Ints) -> None: ...

    of = layout(PROMISED)
    for horizon in of.horizons:
        known = np.array([0, 1, -1])
        WATCH.mature(of, Matured(3, np.zeros(3, np.int64), known, np.full(3, np.nan), np.array([False, True, False]), horizon), Add())

    assert found == {f"labels@{h}": [0, 1, 2] for h in ("late", "by")}


def test_the_horizons_are_the_contracts_else_the_references_and_the_promised_one_where_it_differs() -> None:
    assert layout().horizons == {"late": 3_000, "typical": 2_000}
    assert layout(PROMISED).horizons == {"late": 3_000, "typical": 2_000, "by": 20_000}
    assert (promised_at(layout(PROMISED)), promised_at(layout())) == ("by", None)
    assert promised_at(layout(PROMISED.replace("by: 20s", "by: 3s"))) == "late"
    bare = Layout(contract_of(LOAN.replace(", delay: {typical: 2s, late: 3s, final: 30s}", "")), loan_reference(), catalogue())
    assert 1_500 < bare.horizons["typical"] < 1_900 < 2_500 < bare.horizons["late"]


def test_lines_are_the_references_share_and_five_points_or_what_the_promise_leaves() -> None:
    of = layout(PROMISED)
    counts = of.reference_counts(count_of("late").key)
    assert counts is not None

    found = monitors(of)

    assert set(found) == {"coverage@by", "missing@late", "revised@late"}
    assert found["coverage@by"].streams[0].line == pytest.approx(0.1)
    assert found["missing@late"].streams[0].line == pytest.approx(counts[0, MISSING] / counts[0].sum() + 0.05, abs=1e-3)
    assert all(m.harm for m in found.values())
    assert set(monitors(layout(PROMISED, learning=True))) == {"coverage@by"}


def test_labels_that_stop_are_heard_as_late_before_they_are_missing() -> None:
    events, begin, end = quiet_then(4_000, Fault(labelled=0.3))
    drive = Drive([applied_of(contract_of(PROMISED), reference_to_json(loan_reference()))], loan_drive().clockwork)

    heard = drive.feed(events).end(end + 25_000)

    whole = {
        f.subject: f.window[1] for f in reversed(heard.findings) if f.watch == "labels" and f.segment == "whole" and f.verdict == "page"
    }
    assert begin + 3_000 < whole["missing@late"] < begin + 8_000
    assert whole["coverage@by"] > begin + 20_000
    assert {name for name, _, _ in labels(heard.findings)} <= {"LabelsLate", "LabelsMissing"}


def test_revisions_are_told_apart_from_first_labels() -> None:
    events, _, end = quiet_then(3_000, Fault(revised=0.5))

    heard = loan_drive().feed(events).end(end + 5_000)

    assert ("LabelsRevised", "revised@late", "whole") in labels(heard.findings)
    assert not any(name == "LabelsLate" for name, _, _ in labels(heard.findings))


def test_labels_as_usual_say_nothing() -> None:
    heard = loan_drive().feed(traffic(12_000, start_ms=T0, seed=31)).end(T0 + 30_000)

    assert labels(heard.findings) == []


def test_quiet_arrival_alarms_no_more_often_than_promised() -> None:
    """Labels by chance alone, windows of an hour with 40 predictions, 30 days each, a mark of 3 days: .1 / 3 * 30 = 1 false page each allowed."""
    of, pages = layout(), 0
    rates = {key: _rate(of, key) for key in (count_of("late").key,)}
    for seed in range(5):
        rng, bank = np.random.default_rng(seed), Monitors(of, 3.0)
        for hour in range(720):
            flat = np.zeros(of.size, np.int64)
            for key, rate in rates.items():
                of.view(flat, key)[0] = rng.multinomial(40, rate)
            heard = bank.window(flat, 1 / 24, hour, hour + 1)
            pages += sum(h.change.verdict == "page" and h.monitor.watch == "labels" for h in heard)

    assert pages <= 5


def _rate(of: Layout, key: str) -> np.typing.NDArray[np.float64]:
    counts = of.reference_counts(key)
    assert counts is not None
    found: np.typing.NDArray[np.float64] = counts[0] / counts[0].sum()
    return found


def test_without_labels_in_the_reference_their_absence_is_no_news() -> None:
    of = layout()
    assert of.reference is not None
    usual = of.reference.counts.pop("labels@late")
    try:
        of.reference.counts["labels@late"] = np.zeros_like(usual)
        of.reference.counts["labels@late"][:, MISSING] = usual.sum(1)
        assert "missing@late" not in monitors(of)
    finally:
        of.reference.counts["labels@late"] = usual
    assert "missing@late" in monitors(of)
    assert math.isclose(sum(_rate(of, "labels@late")), 1.0)
    assert loan_applied().reference is not None


@pytest.mark.parametrize(("subject", "more", "name", "text"), [
    ("coverage@by", {"reference": None, "line": 0.1}, "LabelsMissing", "20 % of predictions have no label at the promised age; 10 % may."),
    ("missing@late", {"segment": "region=eu"}, "LabelsLate",
     "20 % of predictions on region=eu have no label yet when they are `labels.delay.late` old (reference 5 %)."),
    ("revised@late", {}, "LabelsRevised", "20 % of predictions had their label replaced (reference 5 %)."),
])  # fmt: skip
def test_sentences_of_labels(subject: str, more: dict[str, object], name: str, text: str) -> None:
    told = WATCH.explain(seen(subject, **more))

    assert (told.name, told.summary) == (name, text)
