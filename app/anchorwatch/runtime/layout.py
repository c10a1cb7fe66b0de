"""The topics of one installation: the standard ones under their names in force, and the changelogs of its feeds."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from anchorwatch.config import Feed, Settings
from anchorwatch.config.feeds import siblings_group
from anchorwatch.contract import Contract
from anchorwatch.engine import topics
from anchorwatch.engine.settings import asked, reader, same_counts
from anchorwatch.engine.topics import Layout
from anchorwatch.errors import TopicsMismatch
from anchorwatch.events import Applied
from anchorwatch.runtime import contracts
from anchorwatch.runtime.roster import Roster
from anchorwatch.stages.registry import applied_from_files


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
    siblings, more = _siblings(settings, roster.feeds)
    notes += more
    t = settings.topics
    layout = topics.standard(
        t.prefix, t.partitions, t.partitions_observations, t.partitions_others, feeds=feeds, rekeyed=rekeyed, siblings=siblings,
        replication=replication,
    )  # fmt: skip
    renamed = {t.prefix + name: settings.topic(name) for name in t.names}
    return Layout(tuple(replace(topic, name=renamed.get(topic.name, topic.name)) for topic in layout.topics), replication), notes


def _siblings(settings: Settings, feeds: Sequence[Feed]) -> tuple[dict[str, int], list[str]]:
    """End of the name of each group that counts a topic of siblings -> its partitions; and what is not there, a line each."""
    found: dict[str, int] = {}
    notes = []
    for topic in dict.fromkeys(topic for feed in feeds for topic in feed.siblings):
        try:
            found[siblings_group(topic)] = _partitions(settings, [topic])
        except TopicsMismatch as error:
            notes.append(f"promises.alive.siblings: {error}")
    return found, notes


def complete(settings: Settings, new: Sequence[Contract]) -> list[str]:
    """Topics that were missing for what is in force and for `new`, now made: as many copies as the settings want and brokers allow.

    Raises TopicsMismatch, Unreachable, ConfigError.
    """
    copies = min(settings.topics.replication, brokers(settings))
    try:
        in_force = contracts.in_force(settings)
    except TopicsMismatch:
        in_force = {}  # there is no topic `contracts` yet
    keys = {contract.key for contract in new}
    files = [*contracts.of_folder(settings), *applied_from_files([(contract, "apply") for contract in new], {}, "apply")]
    layout, notes = wanted(settings, files, {key: each for key, each in in_force.items() if key not in keys}, copies)
    if notes:
        raise TopicsMismatch("\n".join(notes))
    return [name for name, result in topics.create(settings.kafka, layout) if result == "created"]


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
