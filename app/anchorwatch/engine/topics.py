"""Which topics an installation has, with which settings and why; making them, and finding what differs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

from anchorwatch.engine.refusals import REFUSED_ACCESS, Reasons, Right
from anchorwatch.engine.settings import QUIET, Settings, counts, reader, same_counts
from anchorwatch.errors import ConfigError, TopicsMismatch, Unreachable

DAY = 24 * 3_600_000  # ms
PATIENCE = 30.0  # seconds for Kafka to answer
LARGE = {"max.message.bytes": "2100000"}  # above what our producers send (2 MB), so that nothing of ours is refused
CHANGELOG = {
    "cleanup.policy": "compact",
    "segment.bytes": str(64 * 2**20),
    "segment.ms": str(10 * 60_000),  # the newest segment is never compacted
    "max.compaction.lag.ms": str(30 * 60_000),
    "delete.retention.ms": str(DAY),  # a restore that takes longer would miss that a chunk was removed
    **LARGE,
}
COMPACT = {"cleanup.policy": "compact"}
Made = Literal["created", "kept"]


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """Topics of an installation, and how many copies Kafka keeps of each."""

    topics: tuple[Topic, ...]
    replication: int = 3

    def config(self, topic: Topic) -> dict[str, str]:
        safe = {"min.insync.replicas": "2"} if self.replication >= 3 else {}
        return {**safe, "unclean.leader.election.enable": "false", **topic.config}


def keep(days: int, **config: str) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY), **{k.replace("_", "."): v for k, v in config.items()}}


def standard(
    prefix: str, p: int, m: int, k: int, *, feeds: Mapping[str, int], rekeyed: Mapping[str, tuple[int, str, int]] | None = None,
    siblings: Mapping[str, int] | None = None, replication: int = 3,
) -> Layout:  # fmt: skip
    """p: partitions of the standard sources; m: of observations; k: of what judge writes; feeds: name -> partitions of its sources.

    rekeyed: topic written anew -> its partitions, `<feed>.<role>`, partitions of the topic that it is written from. siblings: end of the
    name of a group that counts a topic of them -> partitions of that topic.
    """
    sources = {**keep(7, message_timestamp_type="LogAppendTime"), **LARGE}
    topics = [Topic(prefix + name, p, sources) for name in ("predictions", "outcomes", "decisions", "complaints")]
    topics += [
        Topic(f"{prefix}observations", m, keep(7) | LARGE),
        Topic(f"{prefix}findings", k, keep(30)),
        Topic(f"{prefix}alerts.events", k, keep(400)),
        Topic(f"{prefix}alerts.state", k, COMPACT),
        Topic(f"{prefix}dead-letters", k, keep(7) | LARGE),
    ]
    late = {**COMPACT, "min.compaction.lag.ms": str(30 * DAY)}  # a reader of last month still sees each change
    topics += [Topic(prefix + name, 1, late) for name in ("flags", "commands", "contracts")]
    topics += [Topic(f"{prefix}ingest.{feed}-changelog", n, CHANGELOG) for feed, n in feeds.items()]
    for into, (n, group, n_from) in (rekeyed or {}).items():
        topics += [Topic(into, n, keep(7) | LARGE), Topic(f"{prefix}rekey.{group}-changelog", n_from, CHANGELOG)]
    topics += [Topic(f"{prefix}{group}-changelog", n, CHANGELOG) for group, n in (siblings or {}).items()]
    return Layout((*topics, Topic(f"{prefix}judge-changelog", m, CHANGELOG)), replication)


def check(kafka: Settings, sources: Sequence[str], others: Sequence[str] = ()) -> int:
    """The partition count of the sources of one feed. Raises TopicsMismatch for a missing or unequal one, Unreachable."""
    client = reader(kafka)
    try:
        found = counts(client, [*sources, *others])
    finally:
        client.close()
    same_counts({topic: n for topic, n in found.items() if not n} or {sources[0]: 1})
    return same_counts({topic: found[topic] for topic in sources})


def create(kafka: Settings, layout: Layout) -> list[tuple[str, Made]]:
    """Make what is missing; what is there is never changed. Raises TopicsMismatch when it has another number of partitions."""
    with _admin(kafka) as admin:
        wanted = [NewTopic(t.name, t.partitions, layout.replication, config=layout.config(t)) for t in layout.topics]
        answers = {name: _outcome(admin, name, done) for name, done in admin.create_topics(wanted, operation_timeout=PATIENCE).items()}
        made: list[tuple[str, Made]] = [(t.name, answers[t.name]) for t in layout.topics]
        until = time.monotonic() + PATIENCE
        while odd := _odd_counts(admin, layout):
            if time.monotonic() > until or all(answers[name] == "kept" for name in odd):
                raise TopicsMismatch("; ".join(odd.values()) + "; a count is for ever: delete the topic, or name another prefix")
            time.sleep(0.1)
        return made


def differences(kafka: Settings, layout: Layout) -> list[str]:
    """One sentence for each topic that is missing or set otherwise."""
    with _admin(kafka) as admin:
        told = _odd_counts(admin, layout)
        there = [topic for topic in layout.topics if topic.name not in told]
        asked = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in there]
        answers = {resource.name: _result(admin, done) for resource, done in admin.describe_configs(asked).items()} if asked else {}
    found = list(told.values())
    for topic in there:
        for name, value in layout.config(topic).items():
            is_now = answers[topic.name][name].value
            if is_now != value:
                found.append(f"{topic.name}: {name} is {is_now}, wanted {value}; kafka-configs --alter, or leave it if you mean it")
    return found


class Admin(AdminClient):
    """Use it with `with`: one that was used lives on until the garbage collector finds its cycle. `reasons`: what it said of itself."""

    def __init__(self, settings: Settings) -> None:
        self.reasons = Reasons(settings)
        self.reasons.met = False
        with_reasons: dict[str, Any] = {**settings, "error_cb": self.reasons}
        super().__init__(with_reasons)


def _admin(kafka: Settings) -> Admin:
    try:
        return Admin({**QUIET, **kafka})
    except (ck.KafkaException, TypeError, ValueError) as exc:
        raise ConfigError(f"kafka: {exc}; names and values are librdkafka's, see its CONFIGURATION.md") from exc


def _outcome(admin: Admin, name: str, done: Any) -> Made:
    try:
        done.result(PATIENCE + 5)
    except ck.KafkaException as exc:
        error = exc.args[0]
        if error.code() == ck.KafkaError.TOPIC_ALREADY_EXISTS:
            return "kept"
        if error.code() in REFUSED_ACCESS:
            raise admin.reasons.refused(error, Right("Create", "topic", name)) from exc
        if error.code() in (ck.KafkaError._TIMED_OUT, ck.KafkaError._TRANSPORT):
            raise Unreachable(f"Kafka did not make topic {name}: {error.str()}; is kafka.bootstrap.servers right?") from exc
        raise ConfigError(f"Kafka does not make topic {name}: {error.str()}; fewer than three brokers need `--replication 1`") from exc
    return "created"


def _result(admin: Admin, done: Any) -> Any:
    try:
        return done.result(PATIENCE)
    except ck.KafkaException as exc:
        error = exc.args[0]
        if error.code() in REFUSED_ACCESS:
            raise admin.reasons.refused(error, Right("DescribeConfigs", "topic", "<prefix>", prefixed=True)) from exc
        raise Unreachable(f"Kafka does not tell topic settings: {error.str()}; try again") from exc


def _may_be_seen(admin: Admin, topic: str) -> None:
    """A full list leaves out what we have no right to. Raises ConfigError for such a topic."""
    error = admin.list_topics(topic, PATIENCE).topics[topic].error
    if error is not None and error.code() in REFUSED_ACCESS:
        raise admin.reasons.refused(error, Right("Describe", "topic", topic))


def _odd_counts(admin: Admin, layout: Layout) -> dict[str, str]:
    """Topic -> what is odd about it."""
    try:
        known = admin.list_topics(timeout=PATIENCE).topics
    except ck.KafkaException as exc:
        raise Unreachable(f"Kafka does not list its topics: {exc.args[0].str()}; is kafka.bootstrap.servers right?") from exc
    odd = {}
    for topic in layout.topics:
        n = len(known[topic.name].partitions) if topic.name in known else 0
        if not n:
            _may_be_seen(admin, topic.name)
            odd[topic.name] = f"{topic.name}: no such topic; `anchorwatch topics create` makes it"
        elif n != topic.partitions:
            odd[topic.name] = f"{topic.name} has {n} partitions, wanted {topic.partitions}"
    return odd
