import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from tests.traffic import CLOCKWORK, LOAN, T0, contract_of, in_order, learnt, traffic
from tests.watches.seeing import layout, seen

from anchorwatch.runtime.drive import Drive, Event, applied_of
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Columns, Ints, Monitor
from anchorwatch.watches.inputs import WATCH, bounds
from anchorwatch.watches.layout import Layout


def monitors(of: Layout, segment: str = "whole") -> dict[str, Monitor]:
    return {m.subject: m for m in WATCH.monitors(of) if m.segment == segment}


def test_values_are_fine_missing_or_outside() -> None:
    of, found = layout(LOAN.replace("age: {type: number}", "age: {type: number, range: [0, 120]}")), dict[str, list[int]]()
    sums = dict[tuple[str, int], list[int]]()

    class Add:
        def __call__(self, key: str, cells: Ints, where: np.typing.NDArray[np.bool_] | None = None) -> None:
            found[of.counts[key].name] = (cells if where is None else cells[where]).tolist()

        def weighted(self, key: str, cells: Ints, weights: Ints) -> None:
            sums[of.counts[key].name, int(cells[0])] = weights.tolist()

    nothing = np.full(5, np.nan)
    age = np.array([0.0, 120.0, 120.1, np.nan, 50.0])
    columns = Columns(
        5,
        np.array([False] * 4 + [True]),
        {"age": age, "amount": nothing},
        {"job": np.array([0, -1, 3, 4, 0])},
        nothing,
        nothing,
        nothing,
        nothing,
    )
    WATCH.count(of, columns, Add())

    assert found["feature/age.state"] == [0, 0, 2, 1]
    assert found["feature/job.state"] == [0, 1, 0, 0]
    assert found["feature/job.values"] == [0, 3, 4]
    assert found["feature/amount.state"] == [1, 1, 1, 1]
    assert len(found["feature/age.bins"]) == 3
    assert sums["feature/age.state", 3][3:] == [0, 0]  # missing, and of a failed call
    assert sums["feature/age.state", 4] == [weight**2 for weight in sums["feature/age.state", 3]]


def test_the_range_is_the_contracts_or_the_references_widened_by_a_tenth() -> None:
    low, high = bounds(layout(), "age") or (0, 0)

    assert bounds(layout(LOAN.replace("age: {type: number}", "age: {type: number, range: [0, 120]}")), "age") == (0, 120)
    limits = layout().reference.limits["age"]  # type: ignore[union-attr]
    assert (low, high) == pytest.approx((limits[0] - 0.1 * (limits[1] - limits[0]), limits[1] + 0.1 * (limits[1] - limits[0])))
    assert bounds(layout(learning=True), "age") is None


def test_a_promise_on_missing_values_is_judged_without_a_reference() -> None:
    text = LOAN.replace("age: {type: number}", "age: {type: number, missing_max: 0.02}")

    found = monitors(layout(text, learning=True))

    assert {name: m.streams[0].line for name, m in found.items()} == {"age.missing": 0.02}


def test_each_field_is_judged_by_state_and_shape() -> None:
    assert set(monitors(layout())) == {"amount", "amount.missing", "amount.range", "age", "age.missing", "age.range", "job", "job.missing"}
    assert not any(monitor.harm for monitor in WATCH.monitors(layout()))


STALE = LOAN.replace("age: {type: number}", "age: {type: number, stale_after: 1h}")


def told_ages(events: Sequence[Event], minutes: Callable[[int], int]) -> list[Event]:
    """Each prediction tells when the value of `age` was made: minutes(i) before it."""
    places = {e.value: i for i, e in enumerate(e for e in events if e.role == "predictions")}

    def told(record: dict[str, Any], i: int) -> dict[str, Any]:
        return record | {"feature_meta": {"age": {"at_ms": record["predicted_at_ms"] - 60_000 * minutes(i), "status": "present"}}}

    return [
        e._replace(value=json.dumps(told(json.loads(e.value), places[e.value])).encode()) if e.role == "predictions" else e for e in events
    ]


def test_the_age_of_a_value_is_judged_where_the_contract_says_how_old_it_may_be() -> None:
    assert not any(m.subject == "age.stale" for m in WATCH.monitors(layout()))

    learning = monitors(layout(STALE, learning=True))["age.stale"]

    assert (learning.streams[0].line, learning.reference) == (0.02, None)


def test_a_feature_that_is_served_too_old_is_told_and_one_that_is_not_says_nothing() -> None:
    """Twenty minutes old, then two hours: a job that fills the store has stopped."""
    quiet, faulty = traffic(3_000), traffic(1_500, start_ms=T0 + 6_000, seed=8)
    stale = told_ages(quiet, lambda _: 20) + told_ages(faulty, lambda _: 120)

    def heard(events: list[Event]) -> list[tuple[str, str, str]]:
        found = Drive([applied_of(contract_of(STALE))], CLOCKWORK).feed(in_order(events)).end(T0 + 15_000).findings
        return [(f.name, f.subject, f.segment) for f in found if f.watch == "inputs" and f.verdict == "warning"]

    assert heard(told_ages(quiet, lambda _: 20) + told_ages(faulty, lambda i: 120 if i % 100 == 0 else 20)) == []
    assert ("InputStale", "age.stale", "whole") in heard(stale)


def test_a_reference_that_knows_old_values_has_its_own_line() -> None:
    events = told_ages(traffic(2_000), lambda i: 120 if i % 10 == 0 else 20)

    reference = learnt(contract_of(STALE), events)
    of = Layout(contract_of(STALE), reference, catalogue())

    found = monitors(of)["age.stale"]
    assert found.reference == pytest.approx(0.1, abs=0.001)
    assert found.streams[0].line == pytest.approx(0.12, abs=0.02)


def test_free_text_has_no_shares() -> None:
    assert "job" not in monitors(layout(LOAN.replace("job: {type: category}", "job: {type: text}")))


@pytest.mark.parametrize(("subject", "more", "name", "text"), [
    ("age.missing", {}, "InputMissing", "The field 'age' is missing in 20 % of predictions (reference 5 %)."),
    ("age.missing", {"direction": "down", "current": 0.0, "reference": 1.0}, "InputMissing",
     "The field 'age' is missing in only 0 % of predictions (reference 100 %)."),
    ("age.missing", {"reference": None}, "InputMissing", "The field 'age' is missing in 20 % of predictions (promised at most 7 %)."),
    ("age.stale", {}, "InputStale", "20 % of the values of 'age' are older than they may be (reference 5 %)."),
    ("age.stale", {"reference": None, "line": 0.02}, "InputStale", "20 % of the values of 'age' are older than they may be (at most 2 % may)."),
    ("a.b.range", {"segment": "region=eu"}, "InputOutOfRange",
     "20 % of the values of 'a.b' on region=eu lie outside their range (reference 5 %)."),
    ("age", {"label": "place", "direction": "down"}, "InputShifted", "Values of 'age' are lower than in the reference."),
    ("age", {"label": "spread"}, "InputShifted", "Values of 'age' are more spread than in the reference."),
    ("job", {"label": "never seen values"}, "InputShifted", "'job' is 'never seen values' in 20 % of predictions (reference 5 %)."),
])  # fmt: skip
def test_sentences_of_inputs(subject: str, more: dict[str, object], name: str, text: str) -> None:
    told = WATCH.explain(seen(subject, **more))

    assert (told.name, told.summary) == (name, text)
