"""Values from their places; what each odd one becomes."""

from typing import Any

import pytest

from anchorwatch.contract.fields import steps
from anchorwatch.errors import EventRejected
from anchorwatch.events import Role
from anchorwatch.sources.foreign.mapper import Mapper, Reading, Spot


def mapper(role: Role = "predictions", places: dict[str, str] | None = None, **more: Any) -> Mapper:
    fields = {name: Spot(steps(path)) for name, path in (places or {}).items()}
    return Mapper(Reading(role, "json", fields, **more), {})


def test_values_are_taken_from_where_they_stand_and_nothing_else_is() -> None:
    found = mapper(places={"prediction_id": "a.id", "prediction": "out[1]", "segments.country": "geo.cc"}).event(
        {"a": {"id": "x"}, "out": [0, "block"], "geo": {"cc": "DE", "tier": 1}, "status": "APPROVED", "arm": "treatment"}
    )

    assert found == {"prediction_id": "x", "prediction": "block", "segments": {"country": "DE"}}


@pytest.mark.parametrize(("given", "kept"), [(4711, "4711"), ("4711", "4711"), (0, "0"), (True, True), (1.5, 1.5)])
def test_an_id_that_is_a_number_of_a_database_becomes_its_text(given: Any, kept: Any) -> None:
    """What is no id at all is left for the decoder to refuse."""
    assert mapper(places={"prediction_id": "id"}).event({"id": given})["prediction_id"] == kept


def test_a_needed_value_that_is_not_there_is_refused_by_the_path_of_its_producer() -> None:
    with pytest.raises(EventRejected) as caught:
        mapper("outcomes", {"prediction_id": "id", "label": "after.truth"}).event({"id": "x", "after": {"truth": None}})

    assert (caught.value.path, caught.value.kind) == ("$.after.truth", "field")
    assert "source.outcomes.fields" in caught.value.fix


def test_the_whole_document_is_features_but_for_what_other_places_begin_with() -> None:
    document = {"id": "x", "out": {"p": 1}, "amount": 3, "new": None}

    found = mapper(places={"prediction_id": "id", "score": "out.p", "features": "$"}).event(document)

    assert found["features"] == {"amount": 3, "new": None}
    assert document == {"id": "x", "out": {"p": 1}, "amount": 3, "new": None}


def test_a_single_entry_wins_over_the_mapping_it_is_of() -> None:
    found = mapper(places={"features": "f", "features.age": "person.age"}).event({"f": {"age": 1, "job": "a"}, "person": {"age": 40}})

    assert found["features"] == {"age": 40, "job": "a"}


def test_lists_are_named_by_the_contract() -> None:
    made = mapper(places={"features": "row", "scores": "p"}, feature_names=("amount", "age"), classes=("no", "yes"))

    found = made.event({"row": [9.5, None], "p": [0.3, 0.7]})

    assert (found["features"], found["scores"], found["prediction"]) == ({"amount": 9.5, "age": None}, {"no": 0.3, "yes": 0.7}, "yes")


@pytest.mark.parametrize("values", [[], [1], [1, 2, 3]])
def test_a_list_of_another_length_is_refused(values: list[int]) -> None:
    with pytest.raises(EventRejected, match="2 names"):
        mapper(places={"features": "row"}, feature_names=("a", "b")).event({"row": values})


@pytest.mark.parametrize(("score", "answer"), [(0.4, "yes"), (0.39, "no"), (1, "yes"), ("0.9", None), (None, None), (float("nan"), None)])
def test_a_score_alone_is_an_answer_by_the_threshold(score: Any, answer: str | None) -> None:
    made = mapper(places={"score": "p"}, classes=("no", "yes"), positive="yes", threshold=0.4)

    assert made.event({"p": score}).get("prediction") == answer


def test_of_equal_scores_the_answer_does_not_depend_on_their_order() -> None:
    made = mapper(places={"scores": "p"})

    assert made.event({"p": {"a": 0.5, "b": 0.5}})["prediction"] == made.event({"p": {"b": 0.5, "a": 0.5}})["prediction"]


def test_events_that_name_no_model_are_of_the_one_contract() -> None:
    made = mapper(places={"model": "m"}, model="fraud", environment="staging")

    assert [made.event(document) for document in ({}, {"m": "churn"})] == [
        {"model": "fraud", "environment": "staging"},
        {"model": "churn", "environment": "staging"},
    ]


@pytest.mark.parametrize(
    ("value", "unit", "ms"),
    [(1_800_000_000_123_456_789, "ns", 1_800_000_000_123), (1_800_000_000.123, "s", 1_800_000_000_123), (10**400, "s", 10**400)],
)
def test_times_are_exact_whatever_their_unit(value: Any, unit: str, ms: int) -> None:
    made = Mapper(Reading("predictions", "json", {"predicted_at_ms": Spot(("at",), unit)}), {})

    assert made.event({"at": value}) == {"predicted_at_ms": ms}
