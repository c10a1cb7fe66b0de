from dataclasses import replace

import numpy as np
import pytest
from tests.arms import sliced, with_shadow, with_slice
from tests.traffic import CLOCKWORK, T0, Fault, loan_reference, traffic

from anchorwatch.contract import Contract
from anchorwatch.runtime.drive import Drive, Event, applied_of
from anchorwatch.stages.recent import Recent
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.stages.uplift import by_arm, by_shadow, told

END = T0 + 60_000


def recent_of(events: list[Event], contract: Contract | None = None) -> tuple[Recent, dict[str, str]]:
    drive = Drive([applied_of(contract or sliced(), reference_to_json(loan_reference()))], replace(CLOCKWORK, recent_ms=600_000))
    heard = drive.feed(events).end(END)
    return drive.judge.models["prod/loan"].recent, heard.summaries[-1].reasons


def test_the_uplift_of_right_answers_has_an_interval_that_holds_the_truth() -> None:
    """The model is right in 95 %, `no` in 60 %: 35 points."""
    recent, reasons = recent_of(with_slice(traffic(4_000)))

    found = by_arm(recent)

    assert found is not None
    assert found.value == pytest.approx(0.35, abs=0.04)
    assert found.low < 0.35 < found.high
    assert found.high - found.low < 0.2
    assert reasons["arms"].startswith("+3")
    assert "points [" in reasons["arms"]
    assert reasons["value"] == "by arms alone: the contract's baseline has no value table"


def test_money_is_compared_in_money() -> None:
    """By hand: the model 60 % no (worth 0, 5 % of them -12), 40 % yes (45, 5 % missed -60); `no` alone -60 in 40 %: -24."""
    contract = sliced(baseline='{nothing: "no", value: {unit: EUR, true_yes: 45, false_yes: -12, missed_yes: -60}}')

    recent, reasons = recent_of(with_slice(traffic(4_000)), contract)

    found = by_arm(recent)
    assert found is not None
    assert found.value == pytest.approx(0.6 * 0.05 * -12 + 0.4 * (0.95 * 45 + 0.05 * -60) + 24, rel=0.1)
    assert "EUR [" in reasons["arms"]


def test_under_thirty_labels_an_arm_there_is_no_number() -> None:
    recent, reasons = recent_of(with_slice(traffic(100)))

    assert by_arm(recent) is None
    assert by_shadow(recent) is None
    assert told(recent) == {}
    assert reasons["value"] == "not measurable: the contract's baseline has no value table, and no arm baseline has 30 labels"


def test_a_shadow_is_compared_on_the_same_predictions_and_called_no_cause() -> None:
    recent, reasons = recent_of(with_shadow(traffic(3_000, fault=Fault(error=0.2)), right=0.9))

    found = by_shadow(recent)

    assert found is not None
    assert found.value == pytest.approx(-0.1, abs=0.03)
    assert found.low < -0.1 < found.high
    assert reasons["shadow"].endswith("the same 3,000 predictions: agreement, not cause")


def test_intervals_of_an_uplift_miss_no_more_often_than_promised() -> None:
    """200 experiments, looked at 8 times each; 5 % of 200 may miss, and the bound of the intervals is generous."""
    recent, _ = recent_of(with_slice(traffic(100)))
    key = next(key for key in recent.layout.counts if key.startswith("arms@late"))
    missed = 0
    for seed in range(200):
        rng, seen = np.random.default_rng(seed), False
        counts = np.zeros(18, np.int64)
        for _ in range(8):
            counts[[0, 1]] += rng.multinomial(400, [0.7, 0.3])
            counts[[9, 10]] += rng.multinomial(40, [0.6, 0.4])
            dense = np.zeros((len(recent.layout.segments), 18), np.int64)
            dense[0] = counts
            recent.slots = {0: {key: dense}}
            found = by_arm(recent)
            seen |= found is not None and not found.low <= 0.1 <= found.high
        missed += seen

    assert missed <= 10
