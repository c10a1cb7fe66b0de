"""Settings as typed values."""

import pytest

from anchorwatch.config.model import TOPICS, Settings, Topics
from anchorwatch.config.secrets import Options


def test_standard_topics_take_the_prefix_unless_renamed() -> None:
    settings = Settings(topics=Topics(prefix="aw.", names={"alerts.state": "elsewhere"}))

    assert settings.topic("alerts.events") == "aw.alerts.events"
    assert settings.topic("alerts.state") == "elsewhere"
    assert len({settings.topic(name) for name in TOPICS}) == len(TOPICS)
    with pytest.raises(AssertionError, match="no standard topic"):
        settings.topic("alert.state")


def test_options_are_text_in_the_words_of_librdkafka() -> None:
    settings = Settings.model_validate({"kafka": {"linger.ms": 5, "enable.idempotence": True, "x": 0.5}})

    assert settings.kafka == {"linger.ms": "5", "enable.idempotence": "true", "x": "0.5"}
    assert isinstance(settings.kafka, Options)


def test_feeds_use_the_topics_in_force() -> None:
    assert Settings(topics=Topics(prefix="aw.")).feeds([])[0].topics == {"predictions": "aw.predictions", "outcomes": "aw.outcomes"}
