"""The quick form of `./scripts/foreign`: one of its installations, with a service that was at work for two minutes and windows of a second."""

from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.foreign import newcomer

QUICK = {
    f"ANCHORWATCH__{name}": value for name, value in (("WINDOW", "1s"), ("LATENESS", "1s"), ("CUT", "200ms"), ("TOPICS__PARTITIONS", "3"))
}


@pytest.mark.kafka
@pytest.mark.slow
def test_from_topics_of_a_model_server_to_a_first_alert_by_four_commands(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """Unequal counts of partitions, keys that are none, names of another world; nothing is written by hand."""
    said: list[str] = []

    told = newcomer.kserve(kafka.client, tmp_path / "home", topic_prefix, minutes=2, rate=40, say=said.append, environment=QUICK)

    assert [words.split()[1] for words in told.commands] == ["init", "doctor", "apply", "doctor", "run"], said
    assert told.edits == []
    assert "prod/churn" in told.alert
