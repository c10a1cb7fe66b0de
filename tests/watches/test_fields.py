"""Exact rules over fields; numbers of records are those of detection.md 5.2."""

from collections.abc import Sequence

import pytest
from tests.traffic import LOAN
from tests.watches.seeing import facts, layout

from anchorwatch.events import FieldCount, Value
from anchorwatch.watches.fields import FieldsRule, name_likeness, shape
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.rules import Exact

FINE = {"amount": (100, 0, 0), "age": (100, 0, 0), "job": (100, 0, 0)}


def field(present: int, kind: str = "number", sample: Sequence[Value] = ()) -> FieldCount:
    return FieldCount(present, {kind: present}, [(i, value) for i, value in enumerate(sample)])


def names(found: list[Exact]) -> list[tuple[str, str, bool]]:
    return [(each.name, each.subject, each.open) for each in found]


def without(n: int, feature: str = "age") -> dict[str, tuple[int, int, int]]:
    return {**FINE, feature: (0, n, 0)}


def test_a_field_that_is_absent_thirty_times_in_a_row_has_vanished() -> None:
    of = layout()
    rule = FieldsRule(of)

    story = [rule.window(facts(i, of, without(n))) for i, n in enumerate((29, 1, 50))]

    assert [names(found) for found in story] == [[], [("InputVanished", "age", True)], []]
    assert (story[1][0].since_ms, story[1][0].evidence["n"]) == (0, 30)
    assert story[1][0].summary == "The field 'age' is gone: absent from the last 30 predictions."


def test_one_record_with_the_field_ends_its_absence() -> None:
    of = layout()
    rule = FieldsRule(of)
    rule.window(facts(0, of, without(29)))
    rule.window(facts(1, of, {**FINE, "age": (1, 40, 0)}))

    assert rule.window(facts(2, of, without(29))) == []
    assert names(rule.window(facts(3, of, without(29)))) == [("InputVanished", "age", True)]
    assert names(rule.window(facts(4, of, FINE))) == [("InputVanished", "age", False)]


def test_without_a_reference_a_field_must_have_been_there_before_it_can_vanish() -> None:
    of = layout(learning=True)
    rule = FieldsRule(of)

    assert rule.window(facts(0, of, without(1_000))) == []
    for i in range(1, 4):
        rule.window(facts(i, of, FINE))
    assert names(rule.window(facts(5, of, without(300)))) == [("InputVanished", "age", True)]


def test_an_unknown_field_is_told_from_ten_records_on() -> None:
    of = layout()
    rule = FieldsRule(of)

    story = [rule.window(facts(i, of, FINE, fields={"colour": field(n, "text")}, looked_at=n)) for i, n in enumerate((9, 1, 5))]

    assert [names(found) for found in story] == [[], [("InputUnknown", "colour", True)], []]
    assert story[1][0].summary == "A field 'colour' (text) arrives that neither the contract nor the reference knows."


def test_ten_records_over_more_than_an_hour_are_a_note_only() -> None:
    of = layout()
    rule = FieldsRule(of)

    for i in range(20):
        assert rule.window(facts(i * 600, of, FINE, fields={"colour": field(1)}, looked_at=1)) == []


def test_an_unknown_field_that_stays_away_is_over() -> None:
    of = layout()
    rule = FieldsRule(of)
    rule.window(facts(0, of, FINE, fields={"colour": field(20)}, looked_at=20))

    story = [names(rule.window(facts(i, of, FINE, looked_at=10))) for i in range(1, 4)]

    assert story == [[], [], [("InputUnknown", "colour", False)]]


def test_names_of_unknown_fields_are_bounded() -> None:
    of = layout()
    rule = FieldsRule(of)

    rule.window(facts(0, of, FINE, fields={f"f{i}": field(1) for i in range(1_000)}, looked_at=1_000))

    assert len(rule.unknown) == 200


def renamed(of: Layout, old: str, new: str, sample: Sequence[Value], kind: str = "number") -> list[Exact]:
    return FieldsRule(of).window(facts(0, of, without(50, old), fields={new: field(50, kind, sample)}, looked_at=50))


@pytest.mark.parametrize(("old", "new", "sample", "kind"), [
    ("amount", "Amount_EUR", [95.0, 100.5, 110.0, 88.0], "number"), ("job", "jobTitle", ["a", "b", "c"], "text"),
    ("job", "occupation", ["a", "b", "c", "a"], "text"),
])  # fmt: skip
def test_a_field_is_found_under_its_new_name_by_name_and_values(old: str, new: str, sample: Sequence[Value], kind: str) -> None:
    [told] = renamed(layout(), old, new, sample, kind)

    assert (told.name, told.subject, told.evidence["renamed_to"]) == ("InputRenamed", old, new)
    assert told.summary == f"The field {old!r} arrives as {new!r} since then; the model gets no {old!r}."


def test_a_field_that_is_often_null_is_found_under_its_new_name_too() -> None:
    """Provinces of a real table, null in half of its rows, under a name with a byte-order mark before it: told eight hours late."""
    of, new = layout(), "\ufeffjob"
    half = FieldCount(25, {"text": 25, "null": 25}, [(i, "a") for i in range(25)])

    [told] = FieldsRule(of).window(facts(0, of, without(50, "job"), fields={new: half}, looked_at=50))

    assert (told.name, told.evidence["renamed_to"]) == ("InputRenamed", new)


def test_two_fields_that_are_unlike_are_one_gone_and_one_new() -> None:
    found = renamed(layout(), "amount", "zip", [99_999.0, 12_345.0])

    assert sorted(names(found)) == [("InputUnknown", "zip", True), ("InputVanished", "amount", True)]


def test_a_rename_ends_when_the_old_name_is_back() -> None:
    of = layout()
    rule = FieldsRule(of)
    rule.window(facts(0, of, without(50, "amount"), fields={"Amount": field(50, sample=[100.0])}, looked_at=50))
    gone = rule.gone

    assert gone == {"amount"}
    assert names(rule.window(facts(1, of, FINE))) == [("InputRenamed", "amount", False)]
    assert rule.gone == set()


def retyped(of: Layout, rule: FieldsRule, second: int, wrong: int, right: int = 0) -> list[Exact]:
    fields = {"amount": FieldCount(wrong + right, {"text": wrong, "number": right}, [(1, "J/Y=")])} if wrong else {}
    return rule.window(facts(second, of, {**FINE, "amount": (right, wrong, 0)}, fields=fields, looked_at=wrong))


def test_ten_values_of_another_type_are_told_with_an_example_and_the_field_is_not_gone() -> None:
    of = layout()
    rule = FieldsRule(of)

    story = [retyped(of, rule, i, n) for i, n in enumerate((9, 40, 40))]

    assert [names(found) for found in story] == [[], [("InputRetyped", "amount", True)], []]
    assert story[1][0].summary == (
        "The field 'amount' should be a number but arrives as text, such as \"J/Y=\"; those values are not used."
    )


def test_a_field_is_as_before_when_good_values_outlast_the_usual_distance_of_bad_ones() -> None:
    of = layout()
    rule = FieldsRule(of)
    for i in range(10):
        retyped(of, rule, i, 2, 98)  # one in fifty: over after 500 good ones

    story = [names(retyped(of, rule, 10 + i, 0, 100)) for i in range(6)]

    assert story[:4] == [[], [], [], []]
    assert [("InputRetyped", "amount", False)] in story[4:]


def test_a_window_without_traffic_changes_nothing() -> None:
    of = layout()
    rule = FieldsRule(of)
    retyped(of, rule, 0, 40)

    assert rule.window(facts(1, of, {})) == []
    assert rule.window(facts(2)) == []
    assert rule.holds() == {"amount"}


def test_what_a_new_contract_does_not_watch_or_now_knows_is_forgotten() -> None:
    of = layout()
    rule = FieldsRule(of)
    rule.window(facts(0, of, without(50), fields={"colour": field(50)}, looked_at=50))
    assert rule.holds() == {"age", "colour"}

    twin = FieldsRule(layout(LOAN.replace("age: {type: number}", "colour: {type: category}"), learning=True))
    twin.restore(rule.snapshot())

    assert twin.holds() <= {"colour"}
    assert twin.unknown == {}


def test_a_restored_rule_goes_on_counting() -> None:
    of = layout()
    rule, twin = FieldsRule(of), FieldsRule(of)
    rule.window(facts(0, of, without(29)))

    twin.restore(rule.snapshot())

    assert names(twin.window(facts(1, of, without(1)))) == [("InputVanished", "age", True)]


def test_case_and_punctuation_do_not_tell_names_apart() -> None:
    assert name_likeness("Country/Region", "Country_Region") == 1.0
    assert name_likeness("amount", "zip") < 0.3


def test_a_shape_is_letters_and_digits_as_one_sign_each() -> None:
    assert [shape(text) for text in ("ab 12-7", "12345", "é1", "")] == ["a 9-9", "9", "a9", ""]
