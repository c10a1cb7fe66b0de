import json
from collections.abc import Sequence

import numpy as np
import pytest
from tests.traffic import T0, Fault, contract_of, edited, in_order, learnt, loan_drive, quiet_then, traffic
from tests.watches.seeing import layout

from anchorwatch.watches.base import Ints
from anchorwatch.watches.rules import Exact, Facts
from anchorwatch.watches.stuck import StuckRule, hashes, stillness


def facts(rule: StuckRule, second: int, *, job: list[int] | None = None, amount: Sequence[float] = ()) -> Facts:
    """job: predictions by value; amount: its values, as ingest sums them."""
    of = rule.layout
    flat = np.zeros(of.size, np.int64)
    if job:
        of.view(flat, of.shape_keys["job"])[0, : len(job)] = job
    if len(amount):
        summed = hashes(np.asarray(amount, np.float64))
        of.view(flat, of.shape_keys["amount"])[0, 3] = len(amount)
        of.view(flat, of.state_keys["amount"])[0] = len(amount), 0, 0, summed.sum(), (summed * summed).sum()
    return Facts(second * 1_000, (second + 1) * 1_000, flat, {}, 0, -1, (), {})


def names(found: list[Exact]) -> list[tuple[str, str, bool]]:
    return [(each.subject, each.name, each.open) for each in found]


def test_the_longest_run_and_the_changes_are_counted_by_hand() -> None:
    at = np.array([0, 10, 20, 40, 50, 90])

    assert stillness(np.array([1, 1, 1, 2, 2, 1]), at) == (3.0, 20.0, 2.0)
    assert stillness(np.array([1, -1, -1, -1, 2, 2]), at) == (2.0, 40.0, 4.0)  # rare values are of no run
    assert stillness(np.zeros(0, np.int64), np.zeros(0, np.int64)) == (0.0, 0.0, 0.0)


def test_one_value_in_window_after_window_is_stuck_from_its_first_window_and_moves_with_the_first_other_value() -> None:
    rule = StuckRule(layout())

    story = [names(rule.window(facts(rule, second, amount=[17.25] * n))) for second, n in enumerate((70, 29, 1, 5))]
    ended = rule.window(facts(rule, 4, amount=[17.25, 17.25, 17.26]))

    assert story == [[], [], [("amount.stuck", "InputStale", True)], []]
    assert names(ended) == [("amount.stuck", "InputStale", False)]
    assert ended[0].since_ms == 0


def test_values_of_one_bin_are_not_one_value() -> None:
    rule = StuckRule(layout())

    told = [rule.window(facts(rule, second, amount=[17.0 + second % 2 / 1_000] * 99)) for second in range(50)]

    assert not any(told)


def test_sums_of_hashes_tell_one_value_from_several() -> None:
    """Equal values hash alike, zero has one sign; of pairs of other values about one in 4,096 is taken for one."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=40_000)

    assert hashes(np.array([0.0, -0.0, 2.5, 2.5])).tolist()[0::2] == hashes(np.array([-0.0, 0.0, 2.5, 2.5])).tolist()[0::2]
    assert 0 <= hashes(values).min() <= hashes(values).max() < 4_096
    assert (hashes(values[1:]) == hashes(values[:-1])).sum() < 30
    assert (hashes(np.round(values, 1)) == hashes(np.round(values, 1) + 0.1)).sum() < 400


def test_windows_without_the_field_neither_break_nor_lengthen_a_run() -> None:
    rule = StuckRule(layout())

    story = [names(rule.window(facts(rule, second, amount=[3.0] * n))) for second, n in enumerate((80, 0, 0, 20))]

    assert story == [[], [], [], [("amount.stuck", "InputStale", True)]]


def test_many_rare_values_are_not_one_value() -> None:
    """Of a category the last two cells hold whatever is rare or new."""
    rule = StuckRule(layout())
    size = len(rule.layout.view(np.zeros(rule.layout.size, np.int64), rule.layout.shape_keys["job"])[0])

    assert rule.window(facts(rule, 0, job=[0] * (size - 2) + [5_000])) == []
    assert rule.window(facts(rule, 1, job=[0] * (size - 1) + [5_000])) == []
    assert names(rule.window(facts(rule, 2, job=[5_000]))) == [("job.stuck", "InputStale", True)]


def test_a_feed_that_moves_once_an_hour_may_stand_for_three_whatever_the_traffic() -> None:
    """60 predictions an hour in the reference, 6,000 today: only time tells."""
    hours = np.arange(400)
    of = layout()
    assert of.reference is not None
    of.reference.still["amount"] = stillness(np.repeat(hours % 7, 60), np.arange(400 * 60) * 60_000)
    try:
        rule = StuckRule(of)
        told = [second for second in range(0, 12_000, 10) if rule.window(facts(rule, second, amount=[4.0] * 17))]
    finally:
        of.reference.still["amount"] = (5.0, 8.0, 1_000.0)

    assert told == [pytest.approx(3 * 59 * 60, abs=10)]


def test_a_field_that_hardly_moved_in_the_reference_is_not_judged() -> None:
    of = layout()
    assert of.reference is not None
    usual = of.reference.still["amount"]
    of.reference.still["amount"] = (7_000.0, 9e6, 29.0)
    try:
        assert "amount" not in StuckRule(of).patience
    finally:
        of.reference.still["amount"] = usual
    assert "amount" in StuckRule(of).patience
    assert StuckRule(layout(learning=True)).patience == {}


def test_a_frozen_feed_is_told_once_and_nothing_else_of_that_field() -> None:
    events, begin, end = quiet_then(2_000, Fault())
    frozen = edited(
        events, lambda record: record | {"features": record["features"] | ({"age": 40.0} if record["predicted_at_ms"] >= begin else {})}
    )

    heard = loan_drive().feed(frozen).end(end)

    told = [f for f in heard.findings if f.watch == "inputs" and f.verdict != "quiet"]
    alerts = {(a.labels["alertname"], a.labels["subject"]) for a in heard.alerts if a.labels["watch"] == "inputs"}
    assert [(f.name, f.subject) for f in told if f.verdict == "exact"] == [("InputStale", "age.stuck")]
    assert alerts == {("InputStale", "age.stuck")}
    assert told[0].window[1] - begin <= 1_000


def test_quiet_values_of_any_kind_are_never_stuck() -> None:
    """A flag that is on in 97 of 100 predictions, a rounded normal, a geometric one: fifty thousand predictions each, five seeds."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        for values in (rng.random(60_000) < 0.97, np.rint(rng.normal(3, 1, 60_000)), rng.geometric(0.6, 60_000)):
            cells = np.asarray(values, np.int64).clip(0, 5)
            assert stuck(cells[:10_000], cells[10_000:]) == []


def stuck(reference: Ints, live: Ints) -> list[Exact]:
    of = layout()
    assert of.reference is not None
    usual = of.reference.still["amount"]
    of.reference.still["amount"] = stillness(reference, np.arange(len(reference)) * 100)
    try:
        rule = StuckRule(of)
        windows = live.reshape(-1, 5)  # five predictions a window
        return [e for second, each in enumerate(windows) for e in rule.window(facts(rule, second, amount=each.tolist()))]
    finally:
        of.reference.still["amount"] = usual


def test_a_restored_rule_goes_on_and_one_of_other_bins_starts_anew() -> None:
    rule, twin = StuckRule(layout()), StuckRule(layout())
    rule.window(facts(rule, 0, amount=[5.5] * 99))

    twin.restore(json.loads(json.dumps(rule.snapshot())))

    assert names(twin.window(facts(twin, 1, amount=[5.5]))) == [("amount.stuck", "InputStale", True)]
    assert twin.holds() == {"amount.stuck"}
    assert twin.gone == {"amount"}
    assert StuckRule(layout(learning=True)).holds() == set()


def test_the_reference_learns_how_long_each_field_stands_still() -> None:
    events = in_order(traffic(600, start_ms=T0))
    still = edited(
        events, lambda record: record | {"features": record["features"] | {"age": 20.0 + (record["predicted_at_ms"] - T0) // 200}}
    )

    found = learnt(contract_of(), still).still

    assert found["age"] == (100.0, 198.0, 5.0)
    assert found["amount"][2] > 500
    assert set(found) == {"amount", "age", "job"}
