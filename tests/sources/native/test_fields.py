"""One table for the strict types and the careful readers: both must want the same."""

import typing
from typing import get_args

import msgspec
import pytest

from anchorwatch import events
from anchorwatch.sources.base import Shape
from anchorwatch.sources.native import fields, readers
from anchorwatch.sources.native.fields import NEEDED, Field, features_of, struct_of

TABLES = {
    events.Prediction: fields.PREDICTION,
    events.Outcome: fields.OUTCOME,
    events.Decision: fields.DECISION,
    events.Complaint: fields.COMPLAINT,
    events.FlagChange: fields.FLAG_CHANGE,
}
ALL = [(event, field) for event, table in TABLES.items() for field in table]
NOT_READ = {"features", "model"}  # they have their own way


@pytest.mark.parametrize("event", TABLES)
def test_every_field_of_an_event_is_read_and_no_other(event: type[msgspec.Struct]) -> None:
    assert {field.name for field in TABLES[event]} == set(event.__struct_fields__) - NOT_READ


@pytest.mark.parametrize(("event", "field"), ALL, ids=lambda each: getattr(each, "name", getattr(each, "__name__", "")))
def test_words_and_defaults_are_those_of_the_published_event(event: type[msgspec.Struct], field: Field) -> None:
    published = next(each for each in msgspec.structs.fields(event) if each.name == field.name)

    if typing.get_origin(field.kind) is typing.Literal:
        words = {
            word
            for each in (published.type, *get_args(published.type))
            if typing.get_origin(each) is typing.Literal
            for word in get_args(each)
        }
        assert set(get_args(field.kind)) == words
    if published.default not in {msgspec.NODEFAULT, None}:
        assert field.default == published.default


def test_features_have_attributes_in_the_order_of_the_shape() -> None:
    found = features_of(Shape("m", {"b": "number", "a": "category", "c": "bool", "t": "text"}))

    assert found.strict.__struct_fields__ == found.loose.__struct_fields__ == ("f0", "f1", "f2", "f3")
    assert found.types == (float, str, bool, str)
    assert found.matchable
    assert not features_of(Shape("m", {'a"b': "number"})).matchable


def test_a_strict_struct_wants_what_is_needed_and_a_loose_one_wants_nothing() -> None:
    table = (Field("id", str, NEEDED, readers.identity), Field("n", int, 3, readers.whole_number))
    strict, loose = (struct_of("E", table, model=None, tag=None, features=None, loose=loose) for loose in (False, True))

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"{}", type=strict)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"id":"a","n":null}', type=strict)
    found: object = msgspec.json.decode(b'{"n":null}', type=loose)
    assert (getattr(found, "id", 0), getattr(found, "n", 0)) == (None, None)
