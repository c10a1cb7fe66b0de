import pytest

from anchorwatch.errors import ConfigError
from anchorwatch.runtime.init import models
from anchorwatch.runtime.init.opened import Event, Opened
from anchorwatch.runtime.init.shape import shape


def spoken(*names: str | None) -> Opened:
    return Opened("json", [Event(None, {"model": name, "i": i} if name else {"i": i}) for i, name in enumerate(names)])


def of(side: Opened) -> dict[str, float]:
    return models.of(side, shape(event.document for event in side.events))


def events_of(side: Opened, model: str) -> list[Event]:
    return models.events_of(side, shape(event.document for event in side.events), model)


def test_models_of_a_topic_come_with_their_shares() -> None:
    assert of(spoken("a", "b", "b", "b")) == {"b": 0.75, "a": 0.25}
    assert of(spoken(None, None)) == {}


def test_the_most_frequent_or_the_one_that_was_named_is_meant() -> None:
    known = {"b": 0.75, "A B": 0.25}

    assert models.chosen(known, "", "t") == ("b", "b")
    assert models.chosen(known, "A B", "t") == ("A B", "a-b")
    assert models.chosen({}, "", "My.Topic") == ("", "my.topic")
    with pytest.raises(ConfigError, match="--model c: t holds no such model; it holds b, A B"):
        models.chosen(known, "c", "t")


def test_where_a_model_server_tells_its_models_apart() -> None:
    car = {"input": {"model": "beetle"}, "event": {"inferenceservicename": "scoring"}}

    assert of(Opened("kserve", [Event(None, car)] * 30)) == {"scoring": 1.0}
    assert of(Opened("sagemaker", [Event(None, car)] * 30)) == {}


def test_events_of_one_model_alone_are_looked_at() -> None:
    assert [event.document["i"] for event in events_of(spoken("a", "b", "b"), "b")] == [1, 2]
    assert len(events_of(spoken("a", "b"), "")) == 2
