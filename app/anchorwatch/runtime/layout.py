"""The topics of one installation: the standard ones under their names in force, and the changelogs of its feeds."""

from dataclasses import replace

import msgspec

from anchorwatch.config import Settings
from anchorwatch.engine import topics
from anchorwatch.engine.settings import asked, reader, same_counts
from anchorwatch.engine.topics import Layout
from anchorwatch.errors import TopicsMismatch
from anchorwatch.events import Applied
from anchorwatch.runtime.roster import Roster


def brokers(settings: Settings) -> int:
    """Raises Unreachable, ConfigError."""
    client = reader(settings.kafka)
    try:
        return len(asked(client, None).brokers)
    finally:
        client.close()


def wanted(settings: Settings, files: list[Applied], applied: dict[str, Applied], replication: int) -> tuple[Layout, list[str]]:
    """files: contracts of the settings' folder; applied: what is in force in Kafka and wins. And what cannot be made here, a line each."""
    roster = Roster(settings.topic, settings.window, files)
    for key, each in applied.items():
        roster.record(key.encode(), msgspec.json.encode(each))
    feeds: dict[str, int] = {}
    rekeyed: dict[str, tuple[int, str, int]] = {}
    notes: list[str] = []
    for feed in roster.feeds:
        try:
            feeds[feed.name] = n = _partitions(settings, [topic for role, topic in feed.topics.items() if role not in feed.rekeyed])
            for role, into in feed.rekeyed.items():
                rekeyed[into] = n, f"{feed.name}.{role}", _partitions(settings, [feed.topics[role]])
        except TopicsMismatch as error:
            notes.append(f"feed {feed.name}: {error}")
    t = settings.topics
    layout = topics.standard(
        t.prefix, t.partitions, t.partitions_observations, t.partitions_others, feeds=feeds, rekeyed=rekeyed, replication=replication
    )
    renamed = {t.prefix + name: settings.topic(name) for name in t.names}
    return Layout(tuple(replace(topic, name=renamed.get(topic.name, topic.name)) for topic in layout.topics), replication), notes


def _partitions(settings: Settings, sources: list[str]) -> int:
    """Of one feed: of its own topics, which somebody else makes, and of ours. Raises TopicsMismatch when they differ or are not there.

    Of no topic: as many as the standard sources have.
    """
    if not sources:
        return settings.topics.partitions
    ours = [topic for topic in sources if topic in (settings.topic("predictions"), settings.topic("outcomes"))]
    theirs = [topic for topic in sources if topic not in ours]
    planned = dict.fromkeys(ours, settings.topics.partitions)
    return same_counts(planned | ({topic: topics.check(settings.kafka, theirs) for topic in theirs}))
