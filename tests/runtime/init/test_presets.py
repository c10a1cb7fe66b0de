"""What a model server answers: one value, a list of probabilities, a list of anything, a mapping; and which of it a contract must name."""

import pytest
from tests.runtime.init.test_opened import served
from tests.runtime.init.topics_of_others import T

from anchorwatch.errors import ConfigError
from anchorwatch.runtime import init
from anchorwatch.runtime.init import presets
from anchorwatch.runtime.init.roles import Found
from anchorwatch.runtime.init.shape import shape


def test_what_a_format_reads_by_itself_is_not_written() -> None:
    mine = shape([{"id": "1", "input": {"a": 1}, "answered_at": 5, "status": None}] * 20)
    fields = {"features": Found(("input",)), "predicted_at_ms": Found(("answered_at",)), "status": Found(("event", "code"))}

    assert presets.own("kserve", "predictions", fields, mine, 20) == {"status": Found(("event", "code"))}
    assert presets.own("oip", "predictions", fields, mine, 20) == {name: fields[name] for name in ("predicted_at_ms", "status")}
    assert presets.carried("kserve", mine) >= {"prediction_id", "predicted_at_ms"}


def test_lists_get_names_and_a_probability_a_threshold() -> None:
    made = init.write(
        *served(lambda i: 0.9 if i % 4 == 0 else 0.123, lambda i: [i % 50, 30.5], lambda i: "fraud" if i % 4 == 0 else "ok"), T
    )

    source = made.contract.source.predictions
    assert (source.feature_names, source.threshold, source.keyed) == (("f0", "f1"), 0.5, True)
    assert list(made.contract.features) == ["f0", "f1"]
    assert (made.contract.labels.classes, made.contract.labels.positive, made.times.accuracy) == (("ok", "fraud"), "fraud", 1.0)
    assert "# inputs are lists: write their names" in made.text


def test_the_order_of_a_list_of_probabilities_is_told_by_the_labels_that_follow() -> None:
    made = init.write(
        *served(lambda i: [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]][i % 3], lambda i: {"x": i % 7}, lambda i: "cab"[i % 3]), T
    )

    assert made.contract.labels.classes == ("c", "a", "b")
    assert made.contract.task == "multiclass"
    assert made.times.accuracy == 1.0


def test_single_values_are_one_feature_and_numbers_a_regression() -> None:
    made = init.write(*served(lambda i: 100.0 + i, lambda i: i * 1.5, lambda i: 100.5 + i), T)

    assert made.contract.task == "regression"
    assert (made.contract.source.predictions.fields["features.value"].path, list(made.contract.features)) == ("input", ["value"])
    assert f"Read by this contract: {400} of {400} predictions, 400 outcomes; none is refused." in made.text


def test_outputs_that_are_no_answers_are_refused_with_what_to_write() -> None:
    with pytest.raises(ConfigError, match=r"outputs are lists, but no probabilities; .*prediction: output\[0\]"):
        init.write(*served(lambda i: [i, 7 * i], lambda i: [i], lambda i: "ab"[i % 2]), T)
    with pytest.raises(ConfigError, match="outputs are 400 different texts"):
        init.write(*served(lambda i: f"text {i}", lambda i: [i], lambda i: "ab"[i % 2]), T)
