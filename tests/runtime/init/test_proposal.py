import json
from typing import Any

import pytest
from tests.runtime.init import topics_of_others as topics
from tests.runtime.init.topics_of_others import N, T, side

from anchorwatch.errors import ConfigError
from anchorwatch.runtime.init.proposal import propose
from anchorwatch.runtime.init.roles import Found


def test_native_events_need_no_mapping() -> None:
    found = propose(*topics.native())

    assert (found.predictions, found.outcomes) == ({}, {})
    assert (found.model, found.task, found.classes, found.positive) == ("fraud", "binary", ("pass", "block"), "block")
    assert [segment.name for segment in found.segments] == ["tier", "country"]
    assert found.missing == []


def test_other_names_units_and_types_are_mapped() -> None:
    found = propose(*topics.flat())

    assert found.predictions == {
        "prediction_id": Found(("paymentId",)), "predicted_at_ms": Found(("scored_at",), "s"), "latency_ms": Found(("took_us",), "us"),
        "score": Found(("p_block",)), "prediction": Found(("verdict",)), "features": Found(()),
    }  # fmt: skip
    assert found.outcomes == {"prediction_id": Found(("payment",)), "known_at_ms": Found(("booked_at",)), "label": Found(("outcome",))}
    assert {name for name, _ in found.missing} == {"model_version", "traceparent"}


def test_a_postal_code_is_no_number_and_personal_names_are_private() -> None:
    kinds = {feature.name: (feature.kind, feature.private, feature.watched) for feature in propose(*topics.flat()).features}

    assert kinds["zip"] == ("category", False, True)
    assert kinds["email"] == ("category", True, True)
    assert kinds["accountId"] == ("number", False, False)
    assert kinds["vip"] == ("bool", False, True)


def test_values_of_a_private_feature_stand_in_no_comment() -> None:
    (email,) = [feature for feature in propose(*topics.flat()).features if feature.name == "email"]

    assert "@" not in email.seen


def test_a_score_alone_is_an_answer_by_a_threshold() -> None:
    found = propose(*topics.nested())

    assert (found.threshold, found.classes) == (0.5, ("0", "1"))
    assert found.predictions["score"] == Found(("response", "probability"))
    assert found.predictions["features"] == Found(("request", "features"))


def test_of_several_models_the_most_frequent_or_the_one_that_was_named() -> None:
    assert propose(*topics.nested()).model == "churn-eu"
    assert propose(*topics.nested(), "churn-us").rows == N // 4
    with pytest.raises(ConfigError, match="holds no such model; it holds churn-eu, churn-us"):
        propose(*topics.nested(), "churn-asia")


def test_numbers_of_many_values_are_a_regression() -> None:
    found = propose(*topics.houses())

    assert (found.task, found.classes, found.positive) == ("regression", (), "")
    assert found.outcomes["label"] == Found(("actual_price",))


def test_keys_are_compared_with_the_id_on_each_side() -> None:
    assert propose(*topics.flat()).keyed == (False, True, "keys of payments.scored are not the prediction's id")
    assert propose(*topics.native()).keyed == (True, True, "")


def test_what_is_missing_is_told_with_its_cost() -> None:
    bare = side("log", [(f"k{i}", {"id": f"k{i}", "verdict": "ab"[i % 2]}, T + i) for i in range(N)])

    costs = dict(propose(bare, None).missing)

    assert costs.keys() == {"outcomes", "latency_ms", "predicted_at_ms", "score", "model_version", "traceparent", "features", "segments"}
    assert "--outcomes TOPIC" in costs["outcomes"]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"a": 1.5, "b": "x"}, "no field looks like an answer"),
        (
            {"specversion": "1.0", "id": "1", "type": "org.kubeflow.serving.inference.request"},
            "log holds 0 events of kserve and 1 of another kind .the other half of its event is not there: .*mode: all",
        ),
        ({"captureData": {}, "eventMetadata": {}}, "holds 0 events of sagemaker and 400 of another kind .*neither inferenceId nor eventId"),
    ],
)
def test_what_cannot_be_guessed_is_said_with_what_to_do(event: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        propose(side("log", [(f"k{i}", event, T + i) for i in range(N)]), None)


def test_too_few_records_or_none_of_json_are_refused() -> None:
    with pytest.raises(ConfigError, match="holds 3 JSON records, 20 are needed"):
        propose(side("log", [(None, {"a": 1}, T)] * 3), None)
    avro = side("log", [(None, {"a": 1}, T)])
    with pytest.raises(ConfigError, match="holds 1 JSON records and 40 of another kind"):
        propose(type(avro)("log", (*avro.rows, *[(None, b"\0\0\0\0\x2a", 0, T)] * 40)), None)


def test_outcomes_without_anything_like_a_label_are_refused() -> None:
    truths = side("settled", [(f"o-{i}", {"prediction_id": f"o-{i}", "note": f"n{i}"}, T) for i in range(N)])

    with pytest.raises(ConfigError, match="no field looks like a label"):
        propose(topics.native()[0], truths)


def test_a_field_whose_values_are_no_answers_is_no_label() -> None:
    """It is the only one of few values; but its name says nothing, and no answer is called so."""
    truths = side("settled", [(f"o-{i}", {"prediction_id": f"o-{i}", "region": "ab"[i % 2]}, T) for i in range(N)], "outcomes")

    with pytest.raises(ConfigError, match="no field looks like a label"):
        propose(topics.native()[0], truths)


def test_values_of_any_kind_make_no_trouble() -> None:
    odd = [None, "", 0, -1, 1e300, True, [1, 2], {"x": {"y": None}}, "é\u2028", 10**30]
    events = [(f"k{i}", {"id": f"k{i}", "verdict": "ab"[i % 2], "odd": odd[i % len(odd)], "a.b": 1, 'q"': 2}, T + i) for i in range(N)]

    found = propose(side("log", events), None)

    assert json.dumps([feature._asdict() for feature in found.features])
