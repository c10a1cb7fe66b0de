from typing import Any

import pytest

from anchorwatch.runtime.init import roles
from anchorwatch.runtime.init.roles import Found
from anchorwatch.runtime.init.shape import shape

T = 1_795_341_180_000


def of(**columns: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_the_id_is_the_field_that_both_topics_share_whatever_its_name() -> None:
    """Labels come with `ref`, predictions with `request`; both have an `id` of their own."""
    mine = shape(of(id=[f"p{i}" for i in range(50)], request=[f"r{i}" for i in range(50)]))
    theirs = shape(of(id=[f"l{i}" for i in range(50)], ref=[f"r{i}" for i in range(50)]))

    assert roles.identity(mine, theirs, [], 50) == (("request",), ("ref",))


def test_without_outcomes_the_id_is_what_the_key_holds() -> None:
    mine = shape(of(uuid=[f"u{i}" for i in range(50)], order=[f"o{i}" for i in range(50)]))

    assert roles.identity(mine, {}, [f"o{i}" for i in range(50)], 50) == (("order",), None)


def test_an_id_that_stands_in_the_key_alone_is_nowhere_in_the_record() -> None:
    assert roles.identity(shape(of(x=["a", "b"] * 25)), {}, [], 50) == (None, None)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (T, ""),
        (T // 1_000, "s"),
        (T / 1_000, "s"),
        (T * 1_000, "us"),
        (T * 1_000_000, "ns"),
        ("2026-11-22T09:12:00Z", ""),
        (17, None),
        ("soon", None),
    ],
)
def test_the_unit_of_a_time_is_read_off_its_size(value: Any, unit: str | None) -> None:
    assert roles.time_unit(shape([{"at": value}])[("at",)]) == unit


def test_a_large_id_is_no_time() -> None:
    mine = shape(of(order_id=list(range(T, T + 50)), scored_at=[T + i for i in range(50)]))

    assert roles.when(mine, "predicted_at_ms", set()) == Found(("scored_at",))
    assert roles.identity(mine, {}, [], 50) == (("order_id",), None)


def test_an_answer_has_few_values_and_those_of_the_labels_speak_loudest() -> None:
    mine = shape(of(action=["sms", "mail"] * 25, verdict=["a", "b"] * 25, kind=["yes", "no"] * 25))

    assert roles.answer(mine, "prediction", set(), set()) == Found(("verdict",))
    assert roles.answer(mine, "prediction", set(), {"yes", "no"}) == Found(("kind",))
    assert roles.answer(shape(of(x=list(range(50)))), "prediction", set(), set()) is None


def test_the_term_of_a_loan_is_no_latency() -> None:
    documents = of(duration_months=[12, 24] * 15, elapsed_ms=[7, 9] * 15)

    assert roles.others(shape(documents), set(), 30) == {"latency_ms": Found(("elapsed_ms",), "")}
    assert roles.others(shape(of(duration_months=[12, 24] * 15)), set(), 30) == {}


def test_of_one_field_that_could_be_an_answer_the_name_need_not_say_so() -> None:
    truths = of(call=[f"c{i}" for i in range(50)], churned=["yes", "no"] * 25)

    assert roles.alone(shape(truths), {("call",)}) == Found(("churned",))
    assert roles.alone(shape(of(churned=["yes", "no"] * 25, region=["a", "b"] * 25)), set()) is None
    assert roles.alone(shape(of(price=[i * 1.5 for i in range(60)])), set()) is None


def test_a_score_lies_between_0_and_1_and_is_not_the_answer_itself() -> None:
    mine = shape(of(score=[0, 1] * 25, p_block=[0.25, 0.75] * 25, probability_pct=[25.5, 75.5] * 25))

    assert roles.score(mine, set()) == Found(("p_block",))


def test_probabilities_of_all_classes_are_found_by_their_sum() -> None:
    documents = [{"out": {"cat": 0.2, "dog": 0.8}, "other": {"a": 0.2, "b": 0.2}}] * 30

    assert roles.scores(shape(documents), documents) == (("out",), ("cat", "dog"))
    assert roles.scores(shape([{"a": {"b": 0.2, "c": 0.3}}]), [{"a": {"b": 0.2, "c": 0.3}}]) is None


def test_what_makes_more_watches_speak_is_found_with_its_unit() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    documents = of(
        took_us=[9_000.0] * 30, status_code=[200] * 30, model_name=["m"] * 30, model_version=["7"] * 30, tp=[trace] * 30, env=["prod"] * 30
    )

    assert roles.others(shape(documents), set(), 30) == {
        "latency_ms": Found(("took_us",), "us"), "status": Found(("status_code",)), "model": Found(("model_name",)),
        "model_version": Found(("model_version",)), "traceparent": Found(("tp",)), "environment": Found(("env",)),
    }  # fmt: skip


def test_features_are_the_group_of_that_name_else_the_largest() -> None:
    assert roles.group(shape([{"a": 1, "b": 2, "c": 3, "inputs": {"x": 1}}]), set()) == ("inputs",)
    assert roles.group(shape([{"a": 1, "body": {"x": 1, "y": 2}}]), set()) == ("body",)
    assert roles.group(shape([{"a": 1, "b": 2}]), set()) == ()
    assert roles.group(shape([{"a": 1}]), {("a",)}) is None
