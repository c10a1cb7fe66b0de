"""Clients are made of librdkafka's own names; what is wrong is told with a next step."""

import pytest

from anchorwatch.engine.settings import consumer, counts, producer, reader, same_counts
from anchorwatch.errors import ConfigError, TopicsMismatch, Unreachable

NOWHERE = {"bootstrap.servers": "127.0.0.1:9"}


@pytest.mark.parametrize("wrong", [{"bootstrap.server": "x"}, {"security.protocol": "NONE"}, {"linger.ms": "soon"}])
def test_a_setting_that_librdkafka_does_not_know_is_a_config_error(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"kafka: .*CONFIGURATION.md"):
        producer(NOWHERE, wrong)


def test_a_consumer_is_refused_in_the_same_words() -> None:
    with pytest.raises(ConfigError, match="kafka: "):
        consumer(NOWHERE, {"group.id": "g", "no.such.name": "1"})


def test_topics_with_unequal_counts_are_named_with_their_counts() -> None:
    with pytest.raises(TopicsMismatch, match=r"payments.scored has 12 partitions, payments.settled has 8 partitions: .*keyed: false"):
        same_counts({"payments.scored": 12, "payments.settled": 8})


def test_missing_topics_are_named_with_the_command_that_makes_them() -> None:
    with pytest.raises(TopicsMismatch, match="a, c: no such topic; `anchorwatch topics create`"):
        same_counts({"a": 0, "b": 4, "c": 0})


def test_a_kafka_that_is_not_there_is_unreachable() -> None:
    client = reader(NOWHERE)
    with pytest.raises(Unreachable, match=r"topic p: .*bootstrap.servers"):
        counts(client, ["p"], 0.3)
    client.close()


def test_a_kafka_that_is_away_is_told_once_and_not_at_every_attempt(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    client = reader(NOWHERE)
    with pytest.raises(Unreachable):
        counts(client, ["p"], 1.0)
    client.close()
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if "_TRANSPORT" in line and "127.0.0.1:9/bootstrap" in line], told
    assert len(told) <= 3, told  # a code each
    assert "FAIL" not in capfd.readouterr().err
