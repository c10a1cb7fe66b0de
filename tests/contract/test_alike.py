from tests.contract.examples import SMALL

from anchorwatch.contract import Contract, disputes, parse

READ = "source: {predictions: {topic: shop.scored, format: json, threshold: 0.5, fields: {prediction_id: id, score: p}}}\n"


def of(model: str, source: str = READ, classes: str = "[pass, block]") -> Contract:
    return parse(SMALL.replace("model: fraud", f"model: {model}").replace("[pass, block]", classes) + source, f"{model}.yaml")


def test_contracts_that_read_a_topic_in_one_way_agree() -> None:
    assert disputes([of("fraud"), of("churn"), of("taste", "")]) == []
    assert disputes([]) == []


def test_both_contracts_and_all_that_differs_are_named() -> None:
    other = READ.replace("format: json", "format: oip").replace("score: p", "score: {path: prob}, latency_ms: {path: took, unit: us}")

    (told,) = disputes([of("fraud"), of("churn", other)])

    assert told == (
        "prod/churn and prod/fraud share shop.scored and read it differently: source.predictions.format (oip; json), "
        "source.predictions.fields.score (prob; p), source.predictions.fields.latency_ms (took in us; none); "
        "write the same in both, or give one of them a topic of its own"
    )


def test_a_score_that_becomes_an_answer_needs_the_same_classes() -> None:
    """Else the second model's answers would bear the first one's names."""
    (told,) = disputes([of("churn", classes="[stay, leave]"), of("fraud")])

    assert "labels.classes ([stay, leave]; [pass, block])" in told
    assert disputes([of("churn", "", "[stay, leave]"), of("fraud", "")]) == []


def test_many_differences_are_told_in_short() -> None:
    more = READ.replace("score: p", "score: p, " + ", ".join(f"features.f{i}: f{i}" for i in range(9)))

    assert "fields.features.f3 (f3; none) and 5 more; write" in disputes([of("churn", more), of("fraud")])[0]


def test_the_standard_topic_is_one_topic_whether_named_or_not() -> None:
    named = "source: {predictions: {topic: my.predictions, fields: {score: p}}}\n"

    assert disputes([of("churn", named), of("fraud", "")], "my.{}".format) != []
    assert disputes([of("churn", named), of("fraud", "")], "other.{}".format) == []


def test_feeds_of_their_own_may_differ() -> None:
    """Other outcomes: another feed, which reads the predictions for itself."""
    apart = READ.replace("source: {", "source: {outcomes: {topic: churn.settled}, ").replace("score: p", "score: prob")

    assert disputes([of("churn", apart), of("fraud")]) == []


def test_decisions_are_one_topic_where_somebody_expects_them() -> None:
    """Whoever expects none is asked too: the first by name says how the topic is read."""
    mapped = of("fraud", "decisions: {block: decline}\nsource: {decisions: {fields: {action: did}}}\n")
    apart = of("fraud", "decisions: {block: decline}\nsource: {decisions: {topic: shop.actions, fields: {action: did}}}\n")

    assert "share anchorwatch.decisions" in disputes([of("churn", ""), mapped])[0]
    assert disputes([of("churn", ""), apart]) == []
