"""A tree against a model: every fault at once, in the order of the file."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from anchorwatch.contract.faults import Fault, Kind, Rule, model_at, nearest, validate, value_at
from anchorwatch.contract.model import Part
from anchorwatch.contract.reading import read
from anchorwatch.contract.values import Number, Text


class Dish(Part):
    name: Text = Field(description="what the card says")
    price: Number = 1.0
    course: Literal["first", "main"] = "main"


class Card(Part):
    title: Text
    dishes: tuple[Dish, ...] = ()
    by_name: dict[Text, Dish] = Field(default={})
    best: Dish | None = None
    code: Text | None = None


def _dear(card: Card) -> Iterator[Fault]:
    for name, dish in card.by_name.items():
        if dish.price > 100:
            yield ("by_name", name, "price"), "is dear"
    if card.best and card.best.price > 100:
        yield ("best", "price"), "is dear"


CARD = Kind(
    Card,
    (Rule((("best", "price"),), _dear),),
    {("by_name", "*", "cost"): "write price"},
    {"title": "untitled"},
    lambda path: path == ("code",),
)


def problems(text: str) -> list[str]:
    tree, places, found = read(text, "f")
    assert not found
    return validate(CARD, tree, places)[1]


def test_faults_of_places_and_of_rules_are_told_together() -> None:
    text = """\
by_name:
  soup: {name: soup, price: 500}
  cake: {cost: 3, pric: 2}
dishes: [{name: x, course: second}, {name: y, course: third}]
best: {name: steak, price: 200}
"""
    assert problems(text) == [
        "title: is needed (f:1)",
        "by_name.soup.price = 500: is dear (f:2)",
        "by_name.cake.name: is needed: what the card says (f:3)",
        "by_name.cake.cost = 3: is not a key; write price (f:3)",
        'by_name.cake.pric = 2: unknown key; did you mean "price"? (f:3)',
        "dishes[0].course = second: must be first or main (f:4)",
        "dishes[1].course = third: must be first or main (f:4)",
        "best.price = 200: is dear (f:5)",
    ]


def test_a_rule_is_not_asked_about_what_is_faulty_itself() -> None:
    assert problems("title: x\nbest: {name: steak, price: dear}\nby_name: {soup: {name: soup, price: 500}}\n") == [
        "best.price = dear: must be a number (f:2)",
    ]


def test_a_secret_is_not_repeated() -> None:
    assert problems("title: x\ncode: 'a\\x01'\n") == []
    assert problems('title: x\ncode: "geheim\\x01"\n') == [
        "code = ***: must not hold control characters or halves of surrogate pairs (f:2)",
    ]


def test_a_bad_name_is_told_as_a_key() -> None:
    assert problems(f"title: x\nby_name: {{{'y' * 501}: {{name: z}}}}\n")[0].endswith("as a key: must have at most 500 characters (f:2)")


def test_a_file_that_is_no_mapping_is_told_so() -> None:
    assert problems("- 1\n")[0] == "this file: must be a mapping: lines of key: value, of which `title: …` may be the first (f:1)"
    assert (
        problems("just words\n")[0]
        == "this file = just words: must be a mapping: lines of key: value, of which `title: …` may be the first (f:1)"
    )


def test_the_number_of_problems_is_bounded() -> None:
    text = "title: x\n" + "".join(f"unknown{n}: 1\n" for n in range(500))

    assert len(problems(text)) == 100


def test_the_keys_of_a_place_are_found_through_lists_mappings_and_options() -> None:
    assert model_at(Card, ()) is Card
    assert model_at(Card, ("best",)) is Dish
    assert model_at(Card, ("dishes", 3)) is Dish
    assert model_at(Card, ("by_name", "x")) is Dish
    assert model_at(Card, ("by_name",)) is None
    assert model_at(Card, ("title", "x")) is None


def test_the_nearest_name_is_offered_or_the_list_of_names() -> None:
    assert nearest("contry", ["country", "tier"]) == 'did you mean "country"?'
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", [f"n{n:02}" for n in range(30)]).endswith("n19, …")


def test_values_are_looked_up_without_surprises() -> None:
    tree = {"a": [1, {"b": 2}]}

    assert value_at(tree, ("a", 1, "b")) == 2
    assert value_at(tree, ("a", 5)) is None
    assert value_at(tree, ("a", "b")) is None
