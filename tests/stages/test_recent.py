import numpy as np
import pytest
from tests.traffic import LOAN, contract_of

from anchorwatch.stages.recent import SLOTS, Recent
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout

SPAN = 24_000  # a slot a second


def layout(promise: str = "") -> Layout:
    text = LOAN if not promise else LOAN.replace("promises: {", f"promises: {{quality: {promise}, ")
    return Layout(contract_of(text), None, catalogue())


def regression(promise: str = "{metric: mae, at_most: 2}") -> Layout:
    text = LOAN.replace("task: binary", "task: regression").replace('classes: ["no", "yes"], positive: "yes", ', "")
    return Layout(contract_of(text.replace("promises: {", f"promises: {{quality: {promise}, ")), None, catalogue())


def flat_of(of: Layout, name: str, counts: dict[int, int]) -> Ints:
    flat: Ints = np.zeros(of.size, np.int64)
    key = next(key for key, count in of.counts.items() if count.name == name)
    for symbol, n in counts.items():
        of.view(flat, key)[0, symbol] = n
    return flat


# cells of two classes and `other`: label * 3 + answer; 0 no, 1 yes
CELLS = {0: 50, 1: 10, 3: 20, 4: 20, 9: 7}  # 9: without a label


def test_accuracy_by_hand_with_its_interval() -> None:
    recent = Recent(layout(), SPAN)
    recent.add(flat_of(recent.layout, "confusion@late", CELLS), 1_000)

    quality = (recent.qualities() or [])[0]

    assert (quality.metric, quality.value, quality.n) == ("accuracy", 0.7, 100)
    assert quality.interval is not None
    assert quality.interval[0] < 0.7 < quality.interval[1]


@pytest.mark.parametrize(("metric", "value"), [("f1", 40 / 70), ("precision", 20 / 30), ("recall", 0.5)])
def test_ratios_by_hand(metric: str, value: float) -> None:
    recent = Recent(layout(f"{{metric: {metric}, at_least: 0.5}}"), SPAN)
    recent.add(flat_of(recent.layout, "confusion@late", CELLS), 1_000)

    assert (recent.qualities() or [])[0].value == pytest.approx(value)


def test_error_is_one_minus_accuracy_and_its_interval_turned_round() -> None:
    recent = Recent(layout("{metric: error, at_most: 0.2}"), SPAN)
    recent.add(flat_of(recent.layout, "confusion@late", CELLS), 1_000)

    quality = (recent.qualities() or [])[0]

    assert quality.value == pytest.approx(0.3)
    assert quality.interval is not None
    assert quality.interval[0] < 0.3 < quality.interval[1]


def test_no_label_gives_no_number_and_no_interval() -> None:
    recent = Recent(layout("{metric: f1, at_least: 0.5}"), SPAN)
    recent.add(flat_of(recent.layout, "confusion@late", {9: 100}), 1_000)

    assert (recent.qualities() or [])[0][1:] == (None, None, 0)


def test_one_class_alone_has_no_f1() -> None:
    recent = Recent(layout("{metric: f1, at_least: 0.5}"), SPAN)
    recent.add(flat_of(recent.layout, "confusion@late", {0: 100}), 1_000)

    assert (recent.qualities() or [])[0][1:] == (None, None, 100)


def test_errors_of_a_regression_come_from_their_sums() -> None:
    """Clip is 20 (ten times the promise): |e| of 1 and 5 are sums of .05 and .25, squares of .0025 and .0625."""
    recent = Recent(regression(), SPAN)
    flat = flat_of(recent.layout, "abs_error@late", {1: 1, 8: 1, 32: 9})
    flat += flat_of(recent.layout, "error_moments@late", {0: round(0.3 * 2**20), 1: round(0.065 * 2**20)})
    recent.add(flat, 1_000)

    mae, rmse = (recent.qualities() or [])[0], (recent.qualities(error="rmse") or [])[0]

    assert (mae.metric, mae.n) == ("mae", 2)
    assert mae.value == pytest.approx(3.0, rel=1e-5)
    assert rmse.value == pytest.approx(13**0.5, rel=1e-5)


def test_slots_older_than_the_span_are_forgotten() -> None:
    recent = Recent(layout(), SPAN)
    for second in range(1, 2 * SLOTS):
        recent.add(flat_of(recent.layout, "confusion@late", {0: 1}), second * 1_000)

    assert len(recent.slots) == SLOTS
    assert (recent.qualities() or [])[0].n == SLOTS


def test_numbers_since_a_moment_leave_out_what_lies_before() -> None:
    recent = Recent(layout(), SPAN)
    for second in range(1, 11):
        recent.add(flat_of(recent.layout, "confusion@late", {0: 1}), second * 1_000)

    assert (recent.qualities(since_ms=7_000) or [])[0].n == 3


def test_latencies_of_no_call_are_no_numbers() -> None:
    assert Recent(layout(), SPAN).latencies()[0] == (None, None)


def test_failed_calls_have_no_latency() -> None:
    recent = Recent(layout(), SPAN)
    symbols = recent.layout.counts["inference.seconds"].symbols
    recent.add(flat_of(recent.layout, "inference.seconds", {40: 99, symbols - 1: 1}), 1_000)

    p50, p99 = recent.latencies()[0]

    assert p50 is not None
    assert p99 is not None
    assert p99 / p50 < 1.1, "one bin"


def test_a_restored_table_shows_the_same_numbers() -> None:
    recent, twin = Recent(layout(), SPAN), Recent(layout(), SPAN)
    recent.add(flat_of(recent.layout, "confusion@late", CELLS), 1_000)
    recent.add(flat_of(recent.layout, "inference.seconds", {40: 99}), 2_000)

    twin.restore(*recent.snapshot())

    assert (twin.qualities(), twin.latencies(), twin.volume().tolist()) == (
        recent.qualities(), recent.latencies(), recent.volume().tolist(),
    )  # fmt: skip
