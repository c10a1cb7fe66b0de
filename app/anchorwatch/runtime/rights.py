"""Which rights on Kafka does each role need? The least: with these it works, without any one of them it does not (tried in tests/security)."""

from collections.abc import Sequence
from typing import Literal, get_args

from anchorwatch.config import Feed, Settings
from anchorwatch.config.feeds import siblings_group
from anchorwatch.contract import READ
from anchorwatch.engine.refusals import Right

Role = Literal["ingest", "judge", "learner", "ui", "client", "operator", "admin", "doctor"]
ROLES: tuple[Role, ...] = get_args(Role)
MEANING: dict[Role, str] = {
    "ingest": "`anchorwatch run --stage ingest`",
    "judge": "`anchorwatch run --stage judge`, which also carries alerts to the sinks, and writes to `flags` what hooks tell, where one is on",
    "learner": "besides `judge`, where models without a history shall learn from their stream; without it `anchorwatch apply` does",
    "ui": "people: `status`, `alerts`, `tail`; whoever may not acknowledge or silence goes without Write on `commands`",
    "client": "a service: predictions, outcomes, decisions, complaints and flags; and `follow_alerts` under a group of its name",
    "operator": "`anchorwatch apply`: what it writes to `contracts` decides what is watched, so few should have it; "
    "`dead retry`: whoever does not use it goes without Write on the sources, `dead-letters` and `retry`",
    "admin": "`anchorwatch topics create` and `check`",
    "doctor": "`anchorwatch doctor`: what it may not see it says; it tells the rights of `run` only to the user of `run`",
}


def rights(settings: Settings, role: Role, feeds: Sequence[Feed], user: str = "") -> list[Right]:
    """feeds: of the contracts in force. user: of role `client`, whose groups begin with it."""
    t, p = settings.topic, settings.topics.prefix
    if role == "ingest":
        return _ingest(settings, feeds)
    if role == "judge":
        reads = [t("observations"), t("contracts"), t("flags"), t("commands"), f"{p}judge-changelog", t("alerts.events"), t("alerts.state")]
        writes = [t("findings"), t("alerts.events"), t("alerts.state"), f"{p}judge-changelog", *_hooked(settings)]
        groups = [Right("Read", "group", f"{p}judge"), Right("Read", "group", f"{p}sinks")]
        return [*_topics(reads, writes), *groups, Right("Write", "transactional-id", f"{p}judge-", prefixed=True)]
    if role == "learner":
        reads = [t("contracts"), *_sources(feeds), *_siblings(feeds)]
        return [*_topics(reads, [t("contracts")]), Right("Write", "transactional-id", f"{p}apply")]
    if role == "ui":
        reads = [t(name) for name in ("contracts", "findings", "alerts.events", "alerts.state")]
        return _topics(reads, [t("commands")])
    if role == "client":
        writes = [t(name) for name in (*READ, "flags")]
        return [*_topics([t("alerts.events")], writes), Right("Read", "group", user, prefixed=True)]
    if role == "operator":
        reads = [t("contracts"), t("alerts.events"), t("alerts.state"), t("dead-letters"), *_sources(feeds), *_siblings(feeds)]
        names = [Right("Write", "transactional-id", f"{p}{name}") for name in ("apply", "retry")]
        return [*_topics(reads, [t("contracts"), *_sources(feeds)]), *names]
    if role == "doctor":
        return _doctor(settings, feeds)
    return [Right(operation, "topic", p, prefixed=True) for operation in ("Create", "Describe", "DescribeConfigs")] + [
        Right("Read", "topic", t("contracts"))  # whose feeds need changelogs
    ]


def _hooked(settings: Settings) -> list[str]:
    """Where `run` writes what hooks tell."""
    return [settings.topic("flags")] if settings.hooks_on else []


def _ingest(settings: Settings, feeds: Sequence[Feed]) -> list[Right]:
    found = []
    for feed in feeds:
        group = f"{settings.topics.prefix}ingest.{feed.name}"
        reads = [*feed.read.values(), settings.topic("contracts"), f"{group}-changelog"]
        writes = [settings.topic("observations"), settings.topic("dead-letters"), f"{group}-changelog"]
        found += [*_topics(reads, writes), Right("Read", "group", group), Right("Write", "transactional-id", f"{group}-", prefixed=True)]
        for role, into in feed.rekeyed.items():
            group = f"{settings.topics.prefix}rekey.{feed.name}.{role}"
            reads = [feed.topics[role], settings.topic("contracts"), f"{group}-changelog"]
            found += _topics(reads, [into, f"{group}-changelog"])
            found += [Right("Read", "group", group), Right("Write", "transactional-id", f"{group}-", prefixed=True)]
        for topic in feed.siblings:
            group = f"{settings.topics.prefix}{siblings_group(topic)}"
            found += _topics(
                [topic, settings.topic("contracts"), f"{group}-changelog"], [settings.topic("observations"), f"{group}-changelog"]
            )
            found += [Right("Read", "group", group), Right("Write", "transactional-id", f"{group}-", prefixed=True)]
    return list(dict.fromkeys(found))


def _doctor(settings: Settings, feeds: Sequence[Feed]) -> list[Right]:
    """Configurations of brokers and topics, workers of groups; the records of the sources alone."""
    found = [Right(operation, "cluster") for operation in ("Describe", "DescribeConfigs")]
    for topic in _sources(feeds):
        found += [Right(operation, "topic", topic) for operation in ("Read", "DescribeConfigs")]
    found += [Right("Describe", "topic", topic) for topic in _siblings(feeds)]
    prefix = settings.topics.prefix
    found += [Right(operation, "topic", prefix, prefixed=True) for operation in ("Describe", "DescribeConfigs")]
    found += [Right("Describe", "topic", name) for name in ("__consumer_offsets", "__transaction_state")]
    return [*found, Right("Read", "topic", settings.topic("contracts")), Right("Describe", "group", prefix, prefixed=True)]


def _sources(feeds: Sequence[Feed]) -> list[str]:
    return list(dict.fromkeys(topic for feed in feeds for topic in feed.topics.values()))


def _siblings(feeds: Sequence[Feed]) -> list[str]:
    """Topics of siblings that no source of theirs names."""
    sources = _sources(feeds)
    return list(dict.fromkeys(topic for feed in feeds for topic in feed.siblings if topic not in sources))


def _topics(reads: Sequence[str], writes: Sequence[str]) -> list[Right]:
    return [Right("Read", "topic", name) for name in reads] + [Right("Write", "topic", name) for name in writes]
