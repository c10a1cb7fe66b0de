from typing import Any

import numpy as np
import pytest
from tests.traffic import LOAN, T0, contract_of, loan_reference, prediction

from anchorwatch.runtime import formats
from anchorwatch.stages.columns import Codes, Maker, Objects
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import ANSWER, Columns
from anchorwatch.watches.layout import Layout

LAYOUT = Layout(contract_of(), loan_reference(), catalogue())


def decoded(records: list[dict[str, Any]], layout: Layout = LAYOUT) -> Objects:
    shapes = [(layout.contract.model, dict(layout.features))]
    rows = []
    for i, record in enumerate(records):
        event = prediction(T0, **{"prediction_id": f"p-{i}", "model": "loan", "prediction": "yes", **record})
        rows.append((event.key, event.value, i, event.at_ms))
    found = formats.make("predictions", shapes, "loan").decode(rows)
    assert not found.refused, found.refused
    records_found: Objects = found.records
    return records_found


def maker(layout: Layout = LAYOUT) -> Maker:
    return Maker(layout, {name: i for i, name in enumerate(layout.features)})


def columns(records: list[dict[str, Any]], layout: Layout = LAYOUT) -> Columns:
    nothing = np.full(len(records), np.nan)
    return maker(layout).columns(decoded(records, layout), nothing, nothing)


def features(**values: Any) -> dict[str, Any]:
    return {"features": values}


def test_numbers_that_are_absent_null_or_of_another_type_are_nan() -> None:
    found = columns([features(amount=0, age=1), features(amount=None), features(amount="x"), {}])

    np.testing.assert_array_equal(found.numbers["amount"], [0, np.nan, np.nan, np.nan])


def test_categories_are_codes_by_the_reference_and_absence_is_minus_one() -> None:
    named = loan_reference().values["job"]
    found = columns([features(job=named[0]), features(job=named[2]), features(job="unheard of"), features(job=""), features(job=None)])

    assert found.codes["job"].tolist() == [0, 2, len(named) + 1, len(named) + 1, -1]


def test_answers_are_compared_by_their_canonical_text() -> None:
    layout = Layout(
        contract_of(
            LOAN.replace("binary", "multiclass").replace('classes: ["no", "yes"], positive: "yes"', 'classes: ["0", "1", "true", "01"]')
        ),
        None,
        catalogue(),
    )

    found = columns([{"prediction": value} for value in (0, 1.0, "1", True, "01", False, "2")], layout)

    assert found.codes[ANSWER].tolist() == [0, 1, 1, 2, 3, 4, 4]


def test_a_failed_call_is_marked_and_has_no_answer() -> None:
    found = columns([{"status": 503, "prediction": None}, {"status": 200}, {}])

    assert found.failed.tolist() == [True, False, False]
    assert found.codes[ANSWER].tolist() == [-1, 1, 1]


def test_confidence_is_the_larger_side_of_one_score_or_the_largest_of_many() -> None:
    found = columns([{"score": 0.0}, {"score": 0.3}, {"scores": {"no": 0.9, "yes": 0.1}}, {}])

    np.testing.assert_allclose(found.confidence, [1.0, 0.7, 0.9, np.nan])
    np.testing.assert_allclose(found.score, [0.0, 0.3, 0.1, np.nan])


MANY = LOAN.replace("binary", "multiclass").replace('classes: ["no", "yes"], positive: "yes"', 'classes: ["no", "yes", "maybe"]')


@pytest.mark.parametrize("others", [[], [{}, {"scores": {"no": 0.7, "yes": 0.3}}, {"scores": {"no": 1.0}}]], ids=["all alike", "some lack"])
def test_the_margin_of_many_classes_is_how_far_the_likeliest_is_above_the_next(others: list[dict[str, Any]]) -> None:
    alike = [{"scores": {"no": a, "yes": b, "maybe": c}} for a, b, c in ((0.5, 0.3, 0.2), (0.1, 0.1, 0.8), (0.4, 0.4, 0.2))]
    found = columns([*alike, *others], Layout(contract_of(MANY), None, catalogue()))
    assert found.margin is not None

    np.testing.assert_allclose(found.margin, [0.2, 0.7, 0.0, np.nan, 0.4, np.nan][: len(alike) + len(others)])
    np.testing.assert_allclose(found.confidence, [0.5, 0.8, 0.4, np.nan, 0.7, 1.0][: len(alike) + len(others)])


def test_two_classes_and_records_without_probabilities_have_no_margin() -> None:
    many = Layout(contract_of(MANY), None, catalogue())

    assert columns([{"scores": {"no": 0.9, "yes": 0.1}}]).margin is None
    assert columns([{}, {}], many).margin is None


def test_segments_come_from_the_record_and_only_listed_values_have_rows() -> None:
    combos = maker().combos(decoded([{"segments": {"region": "eu", "tier": "gold"}}, {"segments": {"region": "EU"}}, {}]))

    rows = [sorted(LAYOUT.segments[r] for r in rows if r >= 0) for rows in zip(*LAYOUT.segments_of(combos), strict=True)]
    assert rows == [["region=eu", "tier=gold", "whole"], ["other", "whole"], ["other", "whole"]]


def test_a_declared_feature_stands_in_for_a_segment_of_its_name() -> None:
    layout = Layout(contract_of(segments="{by: [job], always: [job=a]}"), None, catalogue())

    combos = maker(layout).combos(decoded([features(job="a"), {"segments": {"job": "a"}}, features(job="b")], layout))

    assert [bool(c) for c in combos] == [True, True, False]


def test_a_record_lacks_a_field_when_one_that_is_always_there_is_not() -> None:
    whole = {"amount": 1.0, "age": 2.0, "job": "a"}
    records = [features(**whole), features(**{**whole, "age": None}), features(**{**whole, "job": None}), {"status": 500}]

    assert maker().lacking(columns(records)).tolist() == [False, True, True, False]


def test_text_in_a_number_column_is_nan_since_an_older_contract_read_it() -> None:
    """The batch in which `job` becomes a number was read with the struct of the contract before."""
    changed = Layout(contract_of(LOAN.replace("job: {type: category}", "job: {type: number}")), None, catalogue())
    records = decoded([features(amount=1.0, age=2.0, job="a")])
    nothing = np.full(1, np.nan)

    found = Maker(changed, {name: i for i, name in enumerate(LAYOUT.features)}).columns(records, nothing, nothing)

    assert (found.numbers["amount"][0], np.isnan(found.numbers["job"][0])) == (1.0, np.True_)


def test_a_feature_called_like_the_answer_stays_itself() -> None:
    text = LOAN.replace("job: {type: category}", "job: {type: category}\n  prediction: {type: category}\n  score: {type: number}")
    layout = Layout(contract_of(text), None, catalogue())

    found = columns([{"score": 0.25, **features(prediction="p", score=600)}], layout)

    assert (found.numbers["score"].tolist(), found.score.tolist(), found.codes[ANSWER].tolist()) == ([600.0], [0.25], [1])


def test_what_no_code_is_known_for_does_not_grow_the_table() -> None:
    codes = Codes(["a", "1"], rest=3, others=["b"])

    assert codes.of(["a", 1.0, "b", "x", True, None]).tolist() == [0, 1, 2, 3, 3, -1]
    assert len(codes) == 4


def test_raw_categories_are_text_or_none() -> None:
    raw = maker().raw_categories(decoded([features(job="a"), {}]))

    assert {name: list(column) for name, column in raw.items()} == {"job": ["a", None]}
