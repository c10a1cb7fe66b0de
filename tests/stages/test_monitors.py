import numpy as np
import pytest
from tests.traffic import LOAN, contract_of, loan_reference

from anchorwatch.stages.monitors import Monitors
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout

DAY = 86_400_000


def layout(text: str = LOAN, *, learning: bool = False) -> Layout:
    return Layout(contract_of(text), None if learning else loan_reference(), catalogue())


def flat_of(of: Layout, name: str, counts: dict[int, int], row: int = 0) -> Ints:
    flat: Ints = np.zeros(of.size, np.int64)
    for symbol, n in counts.items():
        of.view(flat, next(key for key, count in of.counts.items() if count.name == name))[row, symbol] = n
    return flat


def test_each_monitor_has_one_key_and_one_place() -> None:
    monitors = Monitors(layout(LOAN.replace("promises: {", "promises: {quality: {metric: error, at_most: 0.2}, ")), 30.0)

    keys = [m.key for m in monitors.every]
    assert len(set(keys)) == len(keys)
    assert set(monitors.places) == set(keys)


def test_while_learning_nobody_judges_other() -> None:
    """No segment is listed yet, so all are `other`: each broken promise would be told twice."""
    of = layout(learning=True)

    assert {m.segment for m in Monitors(of, 30.0).every} == {"whole"}
    assert of.expand(of.segments_of(np.zeros(1, np.int64)), np.array([[7]])).tolist() == [[7], [0]]


def test_the_banks_see_the_counts_that_the_watches_mean() -> None:
    """By hand: 200 calls, 60 over the promised 80 ms, on the whole; nobody else hears of it."""
    of = layout()
    monitors = Monitors(of, 30.0)

    heard = monitors.window(flat_of(of, "inference.over_p99", {0: 140, 1: 60}), 1.0, 0, DAY)

    [only] = heard
    assert (only.monitor.key, only.change.verdict, only.change.n, only.change.k) == ("latency:inference_p99/whole", "page", 200, 60)
    assert (only.current, only.label, only.direction) == (0.3, "80 ms", "up")
    assert only.line == pytest.approx(0.01)


def test_a_fall_is_told_as_the_share_that_fell() -> None:
    of = layout()
    monitors = Monitors(of, 30.0)

    heard = monitors.window(flat_of(of, "answer", {0: 20, 1: 980}), 1.0, 0, DAY)

    fall = next(h for h in heard if h.monitor.subject == "answer")
    assert (fall.label, fall.direction) in {("no", "down"), ("yes", "up")}
    assert fall.current == pytest.approx(0.02 if fall.label == "no" else 0.98)
    assert fall.reference is not None
    assert abs(fall.reference - (0.58 if fall.label == "no" else 0.42)) < 0.05


def test_a_window_without_events_changes_nothing() -> None:
    of = layout()
    monitors = Monitors(of, 30.0)

    assert monitors.window(np.zeros(of.size, np.int64), 1.0, 0, DAY) == []
    assert max(monitors.evidence().values()) <= 1.0


def test_a_monitor_that_a_person_reset_starts_from_nothing() -> None:
    of = layout()
    monitors = Monitors(of, 30.0)
    monitors.window(flat_of(of, "inference.over_p99", {0: 140, 1: 60}), 1.0, 0, DAY)
    busy = monitors.is_busy("latency:inference_p99/whole")

    monitors.reset(["latency:inference_p99/whole", "of nobody"])

    assert (busy, monitors.busy()) == (True, [])


def test_evidence_of_unchanged_monitors_goes_on_under_a_new_contract() -> None:
    old, new = Monitors(layout(), 30.0), Monitors(layout(LOAN.replace("80ms", "90ms")), 60.0)
    old.window(flat_of(old.layout, "answer", {0: 40, 1: 60}) + flat_of(old.layout, "inference.over_p99", {0: 99, 1: 1}), 1.0, 0, DAY)
    before = old.evidence()

    going_on = new.take_over(old)

    after = new.evidence()
    assert {key for key in before if key not in going_on} == {k for k in before if k.startswith("latency:inference_p99/")}
    assert all(after[key] == pytest.approx(2 * before[key], rel=1e-5) for key in going_on), "M / N is what the promise is about"


def test_a_snapshot_of_other_monitors_is_not_taken() -> None:
    keys, arrays = Monitors(layout(), 30.0).snapshot()

    assert Monitors(layout(), 30.0).restore(keys, arrays)
    assert not Monitors(layout(learning=True), 30.0).restore(keys, arrays)


def test_labels_that_wait_for_the_other_class_live_through_a_restart_and_a_changed_contract() -> None:
    """Eight negatives in one life, the first positive in the next: one draw of the order of scores."""
    of = layout()
    before = Monitors(of, 30.0)
    before.window(flat_of(of, "ranks@late", {2: 8}), 1.0, 0, DAY)
    restored, applied = Monitors(of, 30.0), Monitors(layout(LOAN.replace("age: {type: number}", "age: {type: number, watch: false}")), 30.0)
    assert restored.restore(*before.snapshot())
    applied.take_over(before)

    for monitors in (restored, applied):
        flat = flat_of(monitors.layout, "ranks@late", {5: 1})
        monitors.window(flat, 1.0, DAY, 2 * DAY)
        draws = next(key for key, count in monitors.layout.counts.items() if count.name == "auc@late")
        assert monitors.layout.view(flat, draws)[0].sum() == 1


def test_a_state_of_before_anything_waited_is_restored() -> None:
    of = layout()
    header, arrays = Monitors(of, 30.0).snapshot()
    monitors = Monitors(of, 30.0)

    assert monitors.restore(header, {name: a for name, a in arrays.items() if not name.startswith("carried/")})
    assert monitors.carried == {}
