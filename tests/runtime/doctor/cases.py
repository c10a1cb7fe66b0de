"""Facts of an installation in order; each test changes one of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.runtime.installation import CONTRACT

from anchorwatch.config import TOPICS, Settings, load
from anchorwatch.contract import Contract, parse
from anchorwatch.runtime.doctor.facts import Address, Facts, Group, Member, Partition, Sample, Seen, Topic
from anchorwatch.runtime.doctor.joined import murmur2
from anchorwatch.runtime.doctor.told import Told

NOW = 1_795_341_180_000
HOUR, DAY = 3_600_000, 86_400_000
PREDICTIONS, OUTCOMES = "anchorwatch.predictions", "anchorwatch.outcomes"
INGEST = "anchorwatch.ingest.default"
REFERENCE = "reference: {last: 1d, lag: 1d}\n"
EVERY_RIGHT = frozenset(("READ", "WRITE", "DESCRIBE"))
BROKER = {
    "group.coordinator.append.linger.ms": "-1", "authorizer.class.name": "Standard", "offsets.retention.minutes": "10080",
    "offsets.topic.replication.factor": "3", "transaction.state.log.replication.factor": "3", "transaction.state.log.min.isr": "2",
}  # fmt: skip


def settings(**values: str) -> Settings:
    return load(
        None,
        {},
        {"kafka.bootstrap.servers": "localhost:9092", "fallback_owner": "crew", **{k.replace("__", "."): v for k, v in values.items()}},
    )


def contract(more: str = "", text: str = CONTRACT) -> Contract:
    return parse(text + REFERENCE + more, "fraud.yaml")


def topic(name: str, partitions: int = 4, each: int = 1_000, **config: str) -> Topic:
    """Three copies; `each` records of the last hour in each partition."""
    part = Partition(1, 3, 3, 0, each, each, 0, 0)
    base = {"retention.ms": str(7 * DAY), "message.timestamp.type": "LogAppendTime", "min.insync.replicas": "2", "cleanup.policy": "delete"}
    return Topic(name, (part,) * partitions, config={**base, **{k.replace("_", "."): v for k, v in config.items()}}, rights=EVERY_RIGHT)


def seen(i: int, partitions: int = 4, **changes: Any) -> Seen:
    """Record i of a topic in order, a second old."""
    key = f"o-{i}".encode()
    value = json.dumps({"prediction_id": f"o-{i}", "model": "fraud"}).encode()
    made = Seen((murmur2(key) & 0x7FFFFFFF) % partitions, NOW - 1_000, True, key, f"o-{i}", NOW - 1_010, "fraud", value)
    return replace(made, **changes)


def sample(name: str, records: Sequence[Seen], reach_ms: int = 0) -> Sample:
    return Sample(name, tuple(records), reach_ms)


def facts(
    contracts: Sequence[Contract] = (), topics: Mapping[str, Topic] | None = None, samples: Sequence[Sample] = (), **changes: Any
) -> Facts:
    """Nothing is wrong with it."""
    settled = changes.pop("settings", settings())
    contracts = contracts or (contract(),)
    feeds = tuple(settled.feeds(contracts))
    names = [*map(settled.topic, TOPICS), f"{INGEST}-changelog", "anchorwatch.judge-changelog", "__consumer_offsets", "__transaction_state"]
    known = {name: topic(name) for name in names} | dict(topics or {})
    groups = tuple(
        Group(name, sources, {t: dict.fromkeys(range(4), 1_000) for t in sources}, (Member("0", "10.0.0.1", "0"),))
        for name, sources in ((INGEST, (PREDICTIONS, OUTCOMES)), ("anchorwatch.judge", ("anchorwatch.observations",)))
    )
    base = Facts(
        NOW, settled, tuple(contracts), {c.key: True for c in contracts}, feeds, (Address("localhost:9092", "kafka.bootstrap.servers"),),
        answer_ms=5.0, brokers=3, broker_config=BROKER, cluster_rights=frozenset(("DESCRIBE",)), acls=9, topics=known,
        samples={s.topic: s for s in (sample(PREDICTIONS, [seen(i) for i in range(200)]), sample(OUTCOMES, [seen(i) for i in range(200)]), *samples)},
        groups=groups, transactions="", codecs=frozenset(("gzip", "snappy", "lz4", "zstd")),
    )  # fmt: skip
    return replace(base, **changes)


def found(told: Sequence[Told], mark: str = "fault") -> list[str]:
    return [each.what for each in told if each.mark == mark]


def fixes(told: Sequence[Told], mark: str = "fault") -> list[str]:
    return [each.fix for each in told if each.mark == mark]
