"""Topics are made once, never changed behind a person's back, and told when they differ."""

from collections.abc import Iterator

import pytest
from tests.engine.chain import delete
from tests.engine.conftest import Kafka

from anchorwatch.engine.topics import Layout, Topic, check, create, differences, standard
from anchorwatch.errors import ConfigError, TopicsMismatch, Unreachable


@pytest.fixture
def small(kafka: Kafka, topic_prefix: str) -> Iterator[Layout]:
    yield standard(topic_prefix, 2, 2, 1, feeds={"own": 3}, replication=1)
    delete(kafka.client, topic_prefix)


@pytest.mark.smoke
def test_all_topics_are_made_once(kafka: Kafka, small: Layout) -> None:
    first = create(kafka.client, small)
    again = create(kafka.client, small)

    assert {made for _, made in first} == {"created"}
    assert {made for _, made in again} == {"kept"}
    assert len(first) == len(small.topics) == 14
    assert differences(kafka.client, small) == []
    assert check(kafka.client, [topic.name for topic in small.topics[:4]], [small.topics[-1].name]) == 2


def test_what_differs_is_told_in_sentences(kafka: Kafka, topic_prefix: str, small: Layout) -> None:
    made = Layout((Topic(f"{topic_prefix}a", 1, {"retention.ms": "1000"}), Topic(f"{topic_prefix}b", 1)), 1)
    create(kafka.client, made)
    wanted = Layout((Topic(f"{topic_prefix}a", 1, {"retention.ms": "2000"}), Topic(f"{topic_prefix}b", 2), Topic(f"{topic_prefix}c", 2)), 1)

    assert differences(kafka.client, wanted) == [
        f"{topic_prefix}b has 1 partitions, wanted 2",
        f"{topic_prefix}c: no such topic; `anchorwatch topics create` makes it",
        f"{topic_prefix}a: retention.ms is 1000, wanted 2000; kafka-configs --alter, or leave it if you mean it",
    ]
    with pytest.raises(TopicsMismatch, match="b has 1 partitions, wanted 2; a count is for ever"):
        create(kafka.client, Layout(wanted.topics[:2], 1))


def test_sources_of_one_feed_need_equal_counts(kafka: Kafka, topic_prefix: str, small: Layout) -> None:
    create(kafka.client, Layout((Topic(f"{topic_prefix}a", 1), Topic(f"{topic_prefix}b", 2)), 1))

    with pytest.raises(TopicsMismatch, match=r"a has 1 partitions, .*b has 2 partitions"):
        check(kafka.client, [f"{topic_prefix}a", f"{topic_prefix}b"])
    with pytest.raises(TopicsMismatch, match="none: no such topic"):
        check(kafka.client, [f"{topic_prefix}a"], [f"{topic_prefix}none"])


def test_more_copies_than_brokers_are_a_config_error(kafka: Kafka, topic_prefix: str) -> None:
    with pytest.raises(ConfigError, match="--replication 1"):
        create(kafka.client, Layout((Topic(f"{topic_prefix}a", 1),), 7))


def test_a_kafka_that_is_not_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anchorwatch.engine.topics.PATIENCE", 0.5)

    with pytest.raises(Unreachable, match=r"bootstrap.servers"):
        differences({"bootstrap.servers": "127.0.0.1:9"}, Layout((Topic("a", 1),)))


def test_a_changelog_keeps_its_latest_chunks_and_takes_large_ones() -> None:
    layout = standard("x.", 24, 6, 6, feeds={"default": 24})
    changelogs = {topic.name: topic for topic in layout.topics if topic.name.endswith("-changelog")}

    assert {name: topic.partitions for name, topic in changelogs.items()} == {"x.ingest.default-changelog": 24, "x.judge-changelog": 6}
    assert layout.config(changelogs["x.judge-changelog"])["cleanup.policy"] == "compact"
    assert layout.config(changelogs["x.judge-changelog"])["min.insync.replicas"] == "2"
