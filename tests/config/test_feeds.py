"""Each distinct set of source topics is a feed, whose name depends on its own topics alone."""

from anchorwatch.config.feeds import Feed, feeds, siblings_group
from anchorwatch.contract import Contract, parse


def topic(name: str) -> str:
    return f"aw.{name}"


def contract(model: str, source: str = "", more: str = "") -> Contract:
    text = f"contract: 1\nmodel: {model}\ntask: regression\nowner: {{team: t}}\n{more}\n"
    return parse(text + (f"source: {{{source}}}\n" if source else ""), "f.yaml")


def test_models_share_the_standard_topics_or_bring_their_own() -> None:
    a, b = contract("a"), contract("b")
    own = contract("c", "predictions: {topic: pay.scored}, outcomes: {topic: pay.settled}")

    found = feeds(topic, [own, a, b])

    assert found[0] == Feed("default", {"predictions": "aw.predictions", "outcomes": "aw.outcomes"}, (a, b))
    assert found[1].topics == {"predictions": "pay.scored", "outcomes": "pay.settled"}
    assert found[1].contracts == (own,)
    assert found[1].name.startswith("pay.scored-")


def test_a_feed_keeps_its_name_whatever_other_models_do() -> None:
    """Its name is the name of its group, and so of its state."""
    own = contract("c", "predictions: {topic: pay.scored}, outcomes: {topic: pay.settled}")
    near = contract("d", "predictions: {topic: pay.scored}, outcomes: {topic: pay.refunds}, decisions: {topic: x}")

    alone, together = feeds(topic, [own]), feeds(topic, [near, contract("a"), own])

    assert alone[0].name in [feed.name for feed in together]
    assert len({feed.name for feed in together}) == 3


def test_own_predictions_with_standard_outcomes_are_named_by_their_topic() -> None:
    assert [feed.name for feed in feeds(topic, [contract("a", "predictions: {topic: pay.scored}")])] == ["pay.scored"]
    assert feeds(topic, [contract("a", "predictions: {topic: default}")])[0].name.startswith("default-")
    assert len(feeds(topic, [contract("a", f"predictions: {{topic: {'x' * 249}}}")])[0].name) < 120


def test_naming_the_standard_topics_is_the_standard_feed() -> None:
    assert [feed.name for feed in feeds(topic, [contract("a", "predictions: {topic: aw.predictions}")])] == ["default"]


def test_decisions_are_read_where_a_contract_expects_them() -> None:
    """The standard topic of them leaves the feed, its name and so its state as they are; another one makes another feed."""
    said = "promises: {impact: {followed_at_least: 0.5}}"
    plain, lending = contract("a"), contract("b", more=said)
    own = contract("c", "predictions: {topic: pay.scored}", more=said)
    elsewhere = contract("d", "decisions: {topic: pay.done, keyed: false}", more=said)

    found = feeds(topic, [plain, lending, own, elsewhere])

    assert [feed.topics.get("decisions") for feed in found] == ["aw.decisions", "pay.done", "aw.decisions"]
    assert [feed.name for feed in (found[0], found[2])] == ["default", "pay.scored"]
    assert found[1].rekeyed == {"decisions": f"aw.rekeyed.{found[1].name}.decisions"}
    assert "decisions" not in feeds(topic, [plain, contract("e", "decisions: {topic: pay.done}")])[0].topics


def test_complaints_are_read_where_a_contract_speaks_of_them() -> None:
    """As decisions; and a topic of complaints is another feed than the same topic of decisions."""
    few = "promises: {impact: {complaints_at_most: 0.01}}"
    decided = "promises: {impact: {followed_at_least: 0.5}}"
    plain, heeding, named = contract("a"), contract("b", more=few), contract("c", "complaints: {topic: aw.complaints}")
    crm, done = contract("d", "complaints: {topic: crm, keyed: false}"), contract("e", "decisions: {topic: crm}", more=decided)

    found = feeds(topic, [plain, heeding, named, crm, done])

    assert [feed.contracts for feed in found if feed.name == "default"] == [(plain, heeding, named)]
    assert found[0].topics == {"predictions": "aw.predictions", "outcomes": "aw.outcomes", "complaints": "aw.complaints"}
    (apart,) = [feed for feed in found if crm in feed.contracts]
    assert apart.contracts == (crm,)
    assert apart.read["complaints"] == f"aw.rekeyed.{apart.name}.complaints"
    assert "complaints" not in next(feed for feed in found if done in feed.contracts).topics


def test_a_feed_of_decisions_keeps_the_name_that_it_had_before_complaints_were_read() -> None:
    """Golden: its state stands under that name."""
    own = contract("d", "predictions: {topic: pay.scored}, outcomes: {topic: pay.refunds}")
    done = contract("d", "predictions: {topic: p}, decisions: {topic: x}", "promises: {impact: {followed_at_least: 0.5}}")

    assert [feeds(topic, [each])[0].name for each in (own, done)] == ["pay.scored-8c1937c1", "p-bc476893"]


def test_without_contracts_the_standard_topics_are_read() -> None:
    assert [feed.name for feed in feeds(topic, [])] == ["default"]


def test_a_topic_that_is_not_keyed_by_the_id_is_read_from_where_it_is_written_anew() -> None:
    own = contract("c", "predictions: {topic: pay.scored, keyed: false}, outcomes: {topic: pay.settled}")

    (feed,) = feeds(topic, [own])

    assert feed.topics == {"predictions": "pay.scored", "outcomes": "pay.settled"}
    assert feed.read == {"predictions": f"aw.rekeyed.{feed.name}.predictions", "outcomes": "pay.settled"}
    assert feed.name == feeds(topic, [contract("c", "predictions: {topic: pay.scored}, outcomes: {topic: pay.settled}")])[0].name


def test_siblings_on_topics_of_other_feeds_or_of_none_are_outside() -> None:
    named = "promises: {alive: {siblings: [aw.outcomes, pay.scored, paid]}}"
    a, b, own = contract("a", more=named), contract("b"), contract("c", "predictions: {topic: pay.scored}", more=named)

    found = feeds(topic, [a, b, own])

    assert [feed.siblings for feed in found] == [["pay.scored", "paid"], ["paid"]]
    assert (found[0].outside(a), found[0].outside(b)) == (["pay.scored", "paid"], [])


def test_outcomes_that_are_written_anew_are_counted_where_they_come_from_and_predictions_are_not() -> None:
    source = "predictions: {topic: scored, keyed: false}, outcomes: {topic: settled, keyed: false}"
    [feed] = feeds(topic, [contract("a", source, "promises: {alive: {siblings: [scored, settled]}}")])

    assert feed.siblings == ["settled"]


def test_groups_of_siblings_have_names_that_kafka_takes() -> None:
    long = "x" * 249

    assert siblings_group("paid") == "siblings.paid"
    assert len(siblings_group(long)) < 130
    assert siblings_group(long) != siblings_group("x" * 248)
