"""Cells of features: which there are, what they are called, and that counts add up."""

import itertools
from dataclasses import replace

import numpy as np
from tests.traffic import LOAN, contract_of, loan_reference

from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Columns
from anchorwatch.watches.cells import FIELDS_MAX, RANGES_MAX, Cells
from anchorwatch.watches.layout import Layout

SEARCH = LOAN.replace("segments: {by: [region, tier]}", "segments: {by: [region, tier], discover: 20}")


def layout(text: str = SEARCH) -> Layout:
    return Layout(contract_of(text), loan_reference(), catalogue())


def columns(amount: list[float], age: list[float], job: list[int]) -> Columns:
    n = len(amount)
    nothing = np.full(n, np.nan)
    return Columns(
        n,
        np.zeros(n, np.bool_),
        {"amount": np.array(amount), "age": np.array(age)},
        {"job": np.array(job)},
        nothing,
        nothing,
        nothing,
        nothing,
    )


def cells(text: str = SEARCH) -> Cells:
    found = layout(text).cells
    assert found is not None
    return found


def test_a_number_has_eight_ranges_a_category_its_values_and_both_what_is_missing() -> None:
    found = cells()

    assert [field.name for field in found.fields] == ["amount", "age", "job"]
    amount = [name for name in found.names if name.startswith("amount=")]
    assert amount[0] == "amount=(missing)"
    assert len(amount) == 1 + RANGES_MAX
    assert amount[1].startswith("amount=..")
    assert amount[-1].endswith("..")
    assert [name for name in found.names if name.startswith("job=")] == [
        "job=(missing)",
        *(f"job={v}" for v in _jobs()),
        "job=(rare)",
        "job=(new)",
    ]


def _jobs() -> tuple[str, ...]:
    return loan_reference().values["job"]


def test_ranges_hold_about_an_eighth_of_the_reference_each() -> None:
    rng = np.random.default_rng(3)
    found = cells()
    codes = found.of(columns(rng.normal(100, 20, 8_000).tolist(), rng.normal(40, 10, 8_000).tolist(), [0] * 8_000))
    shares = np.bincount(codes[:, 0], minlength=RANGES_MAX + 2)[2:] / 8_000

    assert np.abs(shares - 1 / RANGES_MAX).max() < 0.02


def test_each_prediction_is_counted_once_in_each_field_and_once_in_all() -> None:
    found = cells()
    codes = found.of(columns([90.0, np.nan, 500.0, -5.0], [40.0, 41.0, np.nan, np.nan], [0, 1, -1, 4]))
    counts = found.count(codes, np.array([True, False, False, True]))

    assert counts[-1].tolist() == [4, 2]
    ends = [*(field.first for field in found.fields), len(found.names)]
    for begin, end in itertools.pairwise(ends):
        assert counts[begin:end].sum(0).tolist() == [4, 2]
    at = {name: row for row, name in enumerate(found.names)}
    assert counts[at["amount=(missing)"]].tolist() == [1, 0]
    assert counts[at["age=(missing)"]].tolist() == [2, 1]
    assert counts[at["job=(new)"]].tolist() == [1, 1]


def test_a_pair_is_a_number_and_named_as_segments_are() -> None:
    found = cells()
    first, second = found.fields[0].first + 1, found.fields[2].first + 1
    pair = int(found.pair(np.array([first]), np.array([second]))[0])

    assert found.name(pair) == f"{found.names[first]},job={_jobs()[0]}"
    assert found.name(first) == found.names[first]
    assert (found.parts(pair), found.parts(second)) == ((first, second), (second,))
    assert [half.tolist() for half in found.halves(np.array([pair]))] == [[first], [second]]
    all_pairs = found.pair(*np.triu_indices(len(found.names), 1))
    assert len(set(all_pairs.tolist())) == len(all_pairs)
    assert all_pairs.min() >= found.rows, "no number is that of a cell too"


def test_pairs_are_counted_with_their_cells_and_all_beside_them() -> None:
    """Held against a count row by row."""
    found, rng = cells(), np.random.default_rng(1)
    codes = found.of(columns(rng.normal(100, 20, 300).tolist(), rng.normal(40, 10, 300).tolist(), rng.integers(-1, 4, 300).tolist()))
    wrong = rng.random(300) < 0.3
    of = [(f, g) for f in range(3) for g in range(f + 1, 3)]
    cell = [(found.fields[f].first + 1, found.fields[g].first + 2) for f, g in of]
    counts = found.count_pairs(codes, wrong, found.pair(*np.array(cell).T))

    for (f, g), mine in zip(of, counts, strict=True):
        one, two = codes[:, f] == 2, codes[:, g] == 3
        assert mine[:, 0].tolist() == [(one & two).sum(), one.sum(), two.sum(), 300]
        assert mine[:, 1].tolist() == [(one & two & wrong).sum(), (one & wrong).sum(), (two & wrong).sum(), wrong.sum()]


def test_what_waited_before_cells_were_kept_is_counted_nowhere() -> None:
    found = cells()
    codes = found.of(columns([90.0, 91.0], [40.0, 41.0], [0, 1]))
    codes[0] = 0

    assert found.count(codes, np.array([True, True]))[-1].tolist() == [1, 1]


def test_private_features_have_no_cells_nor_those_that_nobody_watches_nor_segments() -> None:
    text = SEARCH.replace("amount: {type: number}", "amount: {type: number, private: true}")
    text = text.replace("age: {type: number}", "age: {type: number, watch: false}")
    assert [field.name for field in cells(text).fields] == ["job"]

    assert layout(text.replace("by: [region, tier]", "by: [region, tier, job]")).cells is None


def test_without_being_asked_for_or_without_a_reference_there_are_none() -> None:
    assert layout(LOAN).cells is None
    assert Layout(contract_of(SEARCH), None, catalogue()).cells is None


def test_names_cannot_be_taken_for_another_cells() -> None:
    reference = replace(loan_reference(), values={"job": ("(missing)", "a=b", "c,d")})
    found = Layout(contract_of(SEARCH), reference, catalogue()).cells
    assert found is not None

    assert len(set(found.names)) == len(found.names)
    assert {"job=%28missing)", "job=a%3Db", "job=c%2Cd"} <= set(found.names)


def test_fields_are_bounded() -> None:
    features = "".join(f"  f{i}: {{type: category}}\n" for i in range(200))
    text = SEARCH.replace("  job: {type: category}\n", features)
    reference = replace(loan_reference(), values={f"f{i}": ("a", "b") for i in range(200)})
    found = Layout(contract_of(text), reference, catalogue()).cells
    assert found is not None

    assert len(found.fields) == FIELDS_MAX
