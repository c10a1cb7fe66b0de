"""Does what was written survive the loss of a broker? Copies, in-sync copies, Kafka's own logs of offsets and transactions."""

from collections.abc import Iterator

from anchorwatch.runtime.doctor.facts import Facts, Topic
from anchorwatch.runtime.doctor.told import Told, fault, fine, note, several, span, unseen

MINUTE, DAY = 60_000, 86_400_000
OFFSETS_KEPT_MIN = 7 * DAY
OF_KAFKA = {  # internal topic -> (its copies, its min.isr) among the brokers' settings; before its first use only these exist
    "__consumer_offsets": ("offsets.topic.replication.factor", ""),
    "__transaction_state": ("transaction.state.log.replication.factor", "transaction.state.log.min.isr"),
}


def look(facts: Facts) -> Iterator[Told]:
    if facts.brokers < 3:
        few = "1 broker" if facts.brokers == 1 else "2 brokers"
        yield note(
            "copies",
            f"{few}: its loss stops everything, and what was not on its disk is gone",
            "for production three brokers and three copies",
        )
    else:
        yield from _copies(facts)
    yield from _in_sync(facts)
    yield from _offsets(facts)


def _copies(facts: Facts) -> Iterator[Told]:
    ours = _ours(facts)
    single = [topic.name for topic in ours if _replicas(topic) == 1]
    if single:
        yield fault(
            "copies",
            f"one copy only: {several(single)}",
            "kafka-reassign-partitions.sh with three replicas each; one broker down stops what needs them",
        )
    loose = [t.name for t in ours if _replicas(t) > 1 and int((t.config or {}).get("min.insync.replicas", 2)) < 2]
    if loose:
        yield fault(
            "copies",
            f"min.insync.replicas 1: {several(loose)}: a record that was acknowledged can be lost with one broker",
            "min.insync.replicas=2 on them",
        )
    stiff = [t.name for t in ours if _replicas(t) > 1 and int((t.config or {}).get("min.insync.replicas", 1)) >= _replicas(t)]
    if stiff:
        yield fault(
            "copies",
            f"min.insync.replicas equals the copies: {several(stiff)}: one broker down stops every write",
            "min.insync.replicas one less than the copies",
        )
    unclean = [t.name for t in ours if (t.config or {}).get("unclean.leader.election.enable") == "true"]
    if unclean:
        yield fault(
            "copies",
            f"unclean.leader.election.enable: {several(unclean)}: a copy that lags may win and cut the log",
            "unclean.leader.election.enable=false on them",
        )
    yield from _of_kafka(facts)
    if not (single or loose or stiff or unclean):
        yield fine("copies", "copies and in-sync copies")


def _ours(facts: Facts) -> list[Topic]:
    """Sources and what we write; what Kafka keeps itself is asked apart."""
    return [topic for name, topic in facts.topics.items() if topic.partitions and not name.startswith("__")]


def _replicas(topic: Topic) -> int:
    return min(part.replicas for part in topic.partitions)


def _of_kafka(facts: Facts) -> Iterator[Told]:
    if facts.broker_config is None:
        yield unseen(
            "copies",
            "settings of Kafka's own logs (offsets, transactions) are not shown to this user",
            "DESCRIBE_CONFIGS on the cluster, for `doctor` alone",
        )
        return
    for name, (copies, in_sync) in OF_KAFKA.items():
        topic = facts.topic(name)
        n = _replicas(topic) if topic.partitions else int(facts.broker_config.get(copies) or 3)
        if n < 3:
            yield fault(
                "copies",
                f"{name} has {n} {'copy' if n == 1 else 'copies'}: with its broker every {'commit' if in_sync else 'offset'} stops",
                f"{copies}=3 before its first use, now kafka-reassign-partitions.sh",
            )
        elif in_sync and int((topic.config or {}).get("min.insync.replicas") or facts.broker_config.get(in_sync) or 2) < 2:
            yield fault("copies", f"{name}: min.isr 1: a commit that was acknowledged can be lost", f"{in_sync}=2")


def _in_sync(facts: Facts) -> Iterator[Told]:
    short = [f"{t.name}-{p}" for t in facts.topics.values() for p, part in enumerate(t.partitions) if part.in_sync < part.replicas]
    if short:
        yield fault("in_sync", f"copies behind: {several(short)}", "a broker is down, slow, or its disk full: look there first")


def _offsets(facts: Facts) -> Iterator[Told]:
    if facts.broker_config is None:
        return
    kept = int(facts.broker_config.get("offsets.retention.minutes") or 10_080) * MINUTE
    if kept < OFFSETS_KEPT_MIN:
        yield fault(
            "offsets",
            f"offsets.retention.minutes: a group that stands still for {span(kept)} forgets its place",
            "offsets.retention.minutes=43200 (30 d) on the brokers; afterwards `anchorwatch state adopt` is the way on",
        )
    else:
        yield fine("offsets", f"offsets kept {span(kept)}")
