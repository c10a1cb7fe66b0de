import json

import pytest

from anchorwatch.config import load
from anchorwatch.errors import ConfigError, EventRejected
from anchorwatch.runtime import emit

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p."})


def test_words_become_an_event() -> None:
    words = ["model=fraud", "prediction=block", "score=0.9", "features.amount=99.5", "features.vip=true", "segments.country=DE"]

    assert emit.from_words(words) == {
        "model": "fraud", "prediction": "block", "score": 0.9, "features": {"amount": 99.5, "vip": True}, "segments": {"country": "DE"},
    }  # fmt: skip


def test_an_id_stays_text() -> None:
    assert emit.from_words(["prediction_id=0815", "label=1"]) == {"prediction_id": "0815", "label": 1}


@pytest.mark.parametrize("words", [["model"], ["=x"], ["features=1", "features.amount=2"]])
def test_words_that_make_no_event_are_refused(words: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"name=value|keep one"):
        emit.from_words(words)


def test_a_prediction_gets_an_id_and_is_keyed_by_it() -> None:
    record = emit.record(SETTINGS, "prediction", {"model": "fraud", "prediction": "block"})

    assert record.topic == "p.predictions"
    assert record.key == json.loads(record.value or b"")["prediction_id"].encode()


def test_a_complaint_is_keyed_by_the_prediction_that_it_is_about() -> None:
    record = emit.record(SETTINGS, "complaint", {"prediction_id": "o-1", "model": "fraud", "kind": "ticket"})

    assert (record.topic, record.key) == ("p.complaints", b"o-1")
    with pytest.raises(EventRejected, match=r"\$\.prediction_id"):
        emit.record(SETTINGS, "complaint", {"model": "fraud"})


def test_a_flag_is_keyed_by_environment_and_name() -> None:
    assert emit.record(SETTINGS, "flag", {"key": "fraud-on", "state": "off"}).key == b"prod/fraud-on"


def test_what_ingest_would_refuse_is_refused_with_its_remedy() -> None:
    with pytest.raises(EventRejected, match=r"\$\.label"):
        emit.record(SETTINGS, "outcome", {"prediction_id": "a", "model": "fraud"})
    with pytest.raises(ConfigError, match="must be one of"):
        emit.record(SETTINGS, "heartbeat", {})
