from dataclasses import replace

from tests.runtime.doctor.cases import PREDICTIONS, contract, facts, fixes, found, sample, seen, settings
from tests.runtime.installation import CONTRACT

from anchorwatch.config import Route, Sink
from anchorwatch.contract import from_json
from anchorwatch.runtime.doctor.facts import Address
from anchorwatch.runtime.doctor.people import PLACEHOLDER, look


def test_without_a_contract_nothing_is_watched() -> None:
    bare = replace(facts(), contracts=(), feeds=(), applied={})

    assert found(list(look(bare))) == ["no contract: nothing is watched"]


def test_a_model_that_nobody_owns_is_named() -> None:
    ownerless = from_json({"contract": 1, "model": "fraud", "task": "regression"}, "t", owned=False)
    unnamed = contract("", CONTRACT.replace("risk-ml", PLACEHOLDER))

    assert "nobody owns prod/fraud" in found(list(look(facts([ownerless]))))
    assert "nobody owns prod/fraud" in found(list(look(facts([unnamed]))))


def test_a_route_that_nobody_declared_is_told_with_the_line_to_write() -> None:
    escalating = contract("", CONTRACT.replace("{team: group:default/risk-ml}", "{team: t, escalation: [{to: pager, after: 0m}]}"))

    assert found(list(look(facts([escalating])))) == ["prod/fraud escalates to pager, which is no route"]


def test_an_empty_fallback_owner_is_a_fault() -> None:
    assert found(list(look(facts(settings=settings().model_copy(update={"fallback_owner": ""})))))[0].startswith("fallback_owner is empty")


def test_contracts_that_read_one_topic_in_two_ways_are_both_named() -> None:
    churn = contract("source: {predictions: {fields: {score: p}}}\n", CONTRACT.replace("model: fraud", "model: churn"))

    told = list(look(facts([contract(), churn])))

    assert found(told)[0] == (
        f"prod/churn and prod/fraud share {PREDICTIONS} and read it differently: source.predictions.fields.score (p; none)"
    )
    assert fixes(told)[0] == "write the same in both, or give one of them a topic of its own"


def test_models_without_a_contract_are_found_in_the_records() -> None:
    records = [seen(i, model=("fraud", "churn", "Bad Name", "fraud")[i % 4]) for i in range(200)]

    told = list(look(facts(samples=[sample(PREDICTIONS, records)])))

    assert found(told) == [
        "churn sends predictions and has no contract (50 of 200 records)",
        f"{PREDICTIONS}: model 'Bad Name' is no name that a contract may have (50 records)",
    ]
    assert fixes(told)[0] == f"anchorwatch init --topic {PREDICTIONS} --model churn"


def test_records_without_a_model_are_fine_where_the_topic_has_one_contract() -> None:
    nameless = sample(PREDICTIONS, [seen(i, model="") for i in range(200)])
    two = [contract(), contract("", CONTRACT.replace("model: fraud", "model: churn"))]

    assert found(list(look(facts(samples=[nameless])))) == []
    assert found(list(look(facts(two, samples=[nameless])))) == [f"{PREDICTIONS}: 100% of the records name no model"]


def test_a_contract_not_applied_or_still_learning_is_noted() -> None:
    assert found(list(look(facts(applied={}))), "note")[0] == "not applied yet, learning by itself: prod/fraud"
    assert found(list(look(facts(applied={"prod/fraud": False}))), "note")[0] == "still learning, only promises are judged: prod/fraud"


def test_a_receiver_that_does_not_answer_is_a_fault() -> None:
    told = list(look(facts(addresses=(Address("pager:9093", "sinks.pager", "no such host"),))))

    assert found(told) == ["sinks.pager at pager:9093: no such host"]


def test_a_route_to_a_sink_that_is_not_there_is_a_fault() -> None:
    lost = settings().model_copy(update={"routes": {"default": Route(sinks=("pagr",))}, "sinks": {"pager": Sink(kind="webhook")}})

    assert found(list(look(facts(settings=lost)))) == ["route default names pagr, which is no sink"]
