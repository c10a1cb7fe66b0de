import numpy as np
import pytest
from tests.traffic import LOAN
from tests.watches.seeing import layout, seen

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


def test_free_text_has_no_shares() -> None:
    assert "job" not in monitors(layout(LOAN.replace("job: {type: category}", "job: {type: text}")))


@pytest.mark.parametrize(("subject", "more", "name", "text"), [
    ("age.missing", {}, "InputMissing", "The field 'age' is missing in 20 % of predictions (reference 5 %)."),
    ("age.missing", {"direction": "down", "current": 0.0, "reference": 1.0}, "InputMissing",
     "The field 'age' is missing in only 0 % of predictions (reference 100 %)."),
    ("age.missing", {"reference": None}, "InputMissing", "The field 'age' is missing in 20 % of predictions (promised at most 7 %)."),
    ("a.b.range", {"segment": "region=eu"}, "InputOutOfRange",
     "20 % of the values of 'a.b' on region=eu lie outside their range (reference 5 %)."),
    ("age", {"label": "place", "direction": "down"}, "InputShifted", "Values of 'age' are lower than in the reference."),
    ("age", {"label": "spread"}, "InputShifted", "Values of 'age' are more spread than in the reference."),
    ("job", {"label": "never seen values"}, "InputShifted", "'job' is 'never seen values' in 20 % of predictions (reference 5 %)."),
])  # fmt: skip
def test_sentences_of_inputs(subject: str, more: dict[str, object], name: str, text: str) -> None:
    told = WATCH.explain(seen(subject, **more))

    assert (told.name, told.summary) == (name, text)
