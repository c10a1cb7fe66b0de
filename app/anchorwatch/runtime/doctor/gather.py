"""Ask everything once: settings, contracts, Kafka, the records themselves. Writes nothing, joins no group."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import confluent_kafka as ck
import msgspec
from confluent_kafka.admin import ResourceType  # type: ignore[attr-defined]

from anchorwatch import contract as contracts_of
from anchorwatch.config import TOPICS, Settings
from anchorwatch.config.feeds import siblings_group
from anchorwatch.contract import Contract
from anchorwatch.errors import AnchorwatchError
from anchorwatch.events import Applied
from anchorwatch.runtime import contracts, schemas
from anchorwatch.runtime.doctor import network
from anchorwatch.runtime.doctor.cluster import Cluster
from anchorwatch.runtime.doctor.facts import Address, Facts, Sample
from anchorwatch.runtime.doctor.sample import sample
from anchorwatch.runtime.roster import Roster
from anchorwatch.sources import foreign

REGISTRY_S = 5.0  # of waiting for a registry that is away
INTERNAL = ("__consumer_offsets", "__transaction_state")


def gather(settings: Settings, given: Sequence[Contract] = ()) -> Facts:
    """given: contracts of files that were named; each wins over what is in force for its model."""
    now_ms = time.time_ns() // 1_000_000
    kafka = dict(settings.kafka)
    addresses = network.probe([*network.bootstrap(settings), *network.sinks(settings)], kafka)
    facts = Facts(now_ms, settings, tuple(given), addresses=tuple(addresses), codecs=codecs())
    if all(address.trouble for address in addresses if address.origin == network.BOOTSTRAP):
        return _watched(replace(facts, trouble="none of its addresses can be reached"), given, {})
    with Cluster(kafka) as cluster:
        began = time.monotonic()
        metadata, trouble = cluster.metadata()
        if metadata is None:
            return _watched(replace(facts, trouble=trouble, addresses=tuple(_greeted(addresses, kafka))), given, {})
        facts = replace(facts, answer_ms=(time.monotonic() - began) * 1_000, brokers=len(metadata.brokers))
        named = [Address(f"{b.host}:{b.port}", f"broker {b.id}") for b in metadata.brokers.values()]
        known = {address.place for address in addresses}
        facts = replace(facts, addresses=(*addresses, *network.probe([each for each in named if each.place not in known], kafka)))
        facts = _watched(facts, given, _in_force(settings))
        return _samples(_of_cluster(facts, cluster, sorted(metadata.brokers)))


def codecs() -> frozenset[str]:
    """Compression that this client's librdkafka was built with: it refuses the name of another."""
    found = set()
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        try:
            ck.Producer({"compression.codec": codec, "log_level": 0})
            found.add(codec)
        except ck.KafkaException:
            continue
    return frozenset(found)


def _greeted(addresses: Iterable[Address], kafka: dict[str, str]) -> list[Address]:
    """Nothing came of a plain connection: is it TLS that they speak?"""
    if kafka.get("security.protocol", "").upper().endswith("SSL"):
        return list(addresses)
    asked = {address.place: address for address in network.probe(addresses, {**kafka, "security.protocol": "SSL"})}
    return [replace(a, tls=asked[a.place].tls) if not a.trouble and not a.origin.startswith("sinks.") else a for a in addresses]


def _in_force(settings: Settings) -> dict[str, Applied]:
    try:
        return contracts.in_force(settings)
    except AnchorwatchError:
        return {}  # the topic is missing, or not for us: the checks of topics and rights say so


def _watched(facts: Facts, given: Sequence[Contract], in_force: Mapping[str, Applied]) -> Facts:
    """What is in force in Kafka wins over the folder; files that were named win over both."""
    settings = facts.settings
    files = contracts.of_folder(settings)
    roster = Roster(settings.topic, settings.window, [*files])
    for key, applied in in_force.items():
        roster.record(key.encode(), msgspec.json.encode(applied))
    for each in given:
        roster.registry.apply(Applied(contract=contracts_of.to_json(each), actor="file", at_ms=0, effective_from_ms=facts.now_ms))
    known = [version.contract for version in roster.registry.latest()]
    feeds = tuple(settings.feeds(known))
    return replace(
        facts, contracts=tuple(known), feeds=feeds, applied={key: applied.reference is not None for key, applied in in_force.items()}
    )


def _of_cluster(facts: Facts, cluster: Cluster, brokers: Sequence[int]) -> Facts:
    settings, prefix = facts.settings, facts.settings.topics.prefix
    asked = _groups(facts)
    changelogs = [f"{group}-changelog" for group in asked]
    names = dict.fromkeys([*facts.sources(), *map(settings.topic, TOPICS), *facts.rekeyed(), *facts.siblings(), *changelogs, *INTERNAL])
    topics = cluster.topics(list(names), facts.now_ms)
    configs = cluster.config(ResourceType.BROKER, [str(brokers[0])]) if brokers else {}
    counts = {name: len(topic.partitions) for name, topic in topics.items()}
    groups = [cluster.group(group, read, counts) for group, read in asked.items()]
    return replace(
        facts, topics=topics, broker_config=next(iter(configs.values()), None), cluster_rights=cluster.rights(), acls=cluster.acls(),
        held=cluster.held(topic for name, topic in topics.items() if name in facts.sources() or name.startswith(prefix)),
        groups=tuple(groups), transactions=cluster.transactions(f"{prefix}judge-doctor"),  # under the name of a stage, as `run` has it
    )  # fmt: skip


def _groups(facts: Facts) -> dict[str, list[str]]:
    """Group of each stage -> what it reads."""
    prefix = facts.settings.topics.prefix
    found: dict[str, list[str]] = {}
    for feed in facts.feeds:
        found |= {f"{prefix}rekey.{feed.name}.{role}": [feed.topics[role]] for role in feed.rekeyed}
        found[f"{prefix}ingest.{feed.name}"] = list(feed.read.values())
        found |= {f"{prefix}{siblings_group(topic)}": [topic] for topic in feed.siblings}
    return {**found, f"{prefix}judge": [facts.settings.topic("observations")]}


def _samples(facts: Facts) -> Facts:
    """Raises ConfigError: a setting of the registry that its client refuses."""
    found: dict[str, Sample] = {}
    with schemas.opened(facts.settings.registry, REGISTRY_S) as known:
        for feed in facts.feeds:
            for role, topic in feed.topics.items():
                n = len(facts.topic(topic).partitions)
                if n and topic not in found:
                    translator = foreign.of_contracts(role, feed.contracts, known)
                    found[topic] = sample(dict(facts.settings.kafka), topic, n, role, translator, known)
        return replace(facts, samples=found, registry=None if known is None else known.trouble if known.asked else "")
