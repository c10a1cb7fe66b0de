"""Are the topics there, of equal counts, kept long enough, and stamped by a clock we can trust?"""

from collections.abc import Iterator

from anchorwatch.config import Feed
from anchorwatch.contract import READ, Contract
from anchorwatch.contract.values import duration_text
from anchorwatch.runtime.doctor.facts import Facts, Topic
from anchorwatch.runtime.doctor.told import Told, fault, fine, note, several, span, unseen

NEEDED = ("observations", "findings", "alerts.events", "alerts.state", "contracts", "flags", "commands", "dead-letters")
FOREVER = (1 << 63) - 1
SEE_CONFIG = "the right DESCRIBE_CONFIGS on these topics, for `doctor` alone"


def look(facts: Facts) -> Iterator[Told]:
    yield from _missing(facts)
    for feed in facts.feeds:
        yield from _counts(facts, feed)
    yield from _leaders(facts)
    yield from _kept(facts)
    yield from _codecs(facts)


def _missing(facts: Facts) -> Iterator[Told]:
    """What the rights hide is told there."""
    ours = (
        [facts.settings.topic(name) for name in NEEDED] + [name for name in facts.topics if name.endswith("-changelog")] + facts.rekeyed()
    )
    missing = [name for name in ours if not facts.topic(name).partitions and "authoriz" not in facts.topic(name).trouble.lower()]
    if missing:
        yield fault("topics", f"no such topic: {several(missing)}", "anchorwatch topics create, or apply --create-topics")
    for name in facts.sources():
        topic = facts.topic(name)
        if not topic.partitions and "authoriz" not in topic.trouble.lower():
            standard = name in map(facts.settings.topic, READ)
            named = several(
                [c.key for feed in facts.feeds for c in feed.contracts if name in feed.topics.values()] or ["the standard feed"]
            )
            fix = "anchorwatch topics create" if standard else "correct `source:` in the contract, or make the topic"
            yield fault("topics", f"{named}: source topic {name}: {topic.trouble.lower()}", fix)
    for name in facts.siblings():
        topic = facts.topic(name)
        if not topic.partitions and "authoriz" not in topic.trouble.lower():
            named = several([c.key for feed in facts.feeds for c in feed.contracts if name in feed.outside(c)])
            yield fault(
                "topics", f"{named}: sibling topic {name}: {topic.trouble.lower()}", "correct `promises.alive.siblings`, or make the topic"
            )


def _counts(facts: Facts, feed: Feed) -> Iterator[Told]:
    """Equal ones, of the changelog too: partition p of each goes to one worker."""
    keyed = {topic: len(facts.topic(topic).partitions) for role, topic in feed.topics.items() if _keyed(feed, role)}
    there = {topic: n for topic, n in keyed.items() if n}
    if len(set(there.values())) > 1:
        told = ", ".join(f"{topic} has {n} partitions" for topic, n in there.items())
        yield fault(
            "partitions",
            f"{told}: events that belong together would never meet",
            f"make the smaller one anew with equal counts{rekeyed('outcomes')}",
        )
        return
    changelog = facts.topic(f"{facts.settings.topics.prefix}ingest.{feed.name}-changelog")
    n = next(iter(there.values()), 0)
    if n and changelog.partitions and len(changelog.partitions) != n:
        yield fault(
            "partitions",
            f"{changelog.name} has {len(changelog.partitions)} partitions, its sources {n}",
            f"delete {changelog.name} while `run` is stopped, then anchorwatch topics create",
        )
    elif n:
        yield fine("partitions", f"partitions {n} each")


def _keyed(feed: Feed, role: str) -> bool:
    return all(contract.source.of(role).keyed for contract in feed.contracts)


def rekeyed(role: str) -> str:
    """` or source.outcomes.keyed: false`, where this version reads that."""
    from anchorwatch import contract

    probe = contract.from_json(
        {"contract": 1, "model": "probe", "task": "regression", "source": {role: {"keyed": False}}}, "probe", owned=False
    )
    return "" if any(".keyed" in told for told in contract.unsupported(probe)) else f"; or source.{role}.keyed: false"


def _leaders(facts: Facts) -> Iterator[Told]:
    headless = [f"{t.name}-{p}" for t in facts.topics.values() for p, part in enumerate(t.partitions) if part.leader < 0]
    if headless:
        yield fault(
            "topics",
            f"without a leader: {several(headless)}",
            "a broker is down and no copy may take over: start it; these partitions stand still",
        )


# how long, and by whose clock


def _kept(facts: Facts) -> Iterator[Told]:
    hidden = [name for name in facts.sources() if facts.topic(name).partitions and facts.topic(name).config is None]
    if hidden:
        yield unseen("retention", f"settings of {several(hidden)} are not shown to this user", SEE_CONFIG)
    for feed in facts.feeds:
        for name in feed.topics.values():
            topic = facts.topic(name)
            if topic.config is not None:
                yield from _policy(topic)
                yield from _stamps(facts, topic)
        predictions = facts.topic(feed.topics["predictions"])
        if predictions.config is not None:
            told = [each for contract in feed.contracts for each in _long_enough(facts, predictions, contract)]
            yield from told
            if not told and feed.contracts:
                late = max(contract.labels.delay.late or contract.labels.delay.typical or 0 for contract in feed.contracts)
                labels = f" >= labels {duration_text(late)}" if late else ""
                yield fine("retention", f"retention {_told(retention(predictions))}{labels}")


def retention(topic: Topic) -> int:
    """ms; a limit of bytes counts with the rate seen. FOREVER: never deleted."""
    config = topic.config or {}
    by_time = int(config.get("retention.ms") or -1)
    return FOREVER if by_time < 0 else by_time


def _told(ms: int) -> str:
    return "for ever" if ms == FOREVER else span(ms)


def _policy(topic: Topic) -> Iterator[Told]:
    config = topic.config or {}
    if "compact" in config.get("cleanup.policy", "delete"):
        yield note(
            "retention",
            f"{topic.name} is compacted: of equal keys only the last stays, corrected labels lose their first word",
            "cleanup.policy=delete, unless it is meant",
        )
    if int(config.get("retention.bytes") or -1) > 0:
        per_day = topic.since("day_ago")
        yield note(
            "retention",
            f"{topic.name} is cut at {int(config['retention.bytes']):,} bytes a partition ({per_day:,} records in the last day)",
            "retention.bytes=-1 where reference and backtest need whole days",
        )


def _stamps(facts: Facts, topic: Topic) -> Iterator[Told]:
    """By CreateTime the producer's clock decides when a record is deleted: a backfill may go before it is read, a future date never."""
    if (topic.config or {}).get("message.timestamp.type") != "CreateTime":
        return
    mend = f"kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} --add-config message.timestamp.type=LogAppendTime"
    records, kept = facts.sample(topic.name).records, retention(topic)
    if records and kept != FOREVER:
        old = [seen for seen in records if facts.now_ms - seen.time_ms > kept]
        if old:
            share = len(old) / len(records)
            yield fault(
                "create_time",
                f"{topic.name}: {share:.0%} of the newest records are dated before its retention of {_told(kept)}: Kafka may delete them unread",
                mend,
            )
            return
    if kept != FOREVER:
        yield note(
            "create_time",
            f"{topic.name} is stamped by its producers (CreateTime): a backfill older than {_told(kept)} would be deleted unread",
            mend,
        )


def _long_enough(facts: Facts, topic: Topic, contract: Contract) -> Iterator[Told]:
    kept, delay, wish = retention(topic), contract.labels.delay, contract.reference
    about = f"{contract.model}: {topic.name} keeps {_told(kept)}"
    if delay.typical is not None and kept < delay.typical:
        yield fault(
            "retention",
            f"{about}, labels typically come after {duration_text(delay.typical)}: a lost state cannot be built again",
            f"retention.ms={delay.late or delay.final} (labels.delay.{'late' if delay.late else 'final'})",
        )
    elif delay.late is not None and kept < delay.late:
        yield note(
            "retention",
            f"{about}, late labels come after {duration_text(delay.late)}: after `state restart` those find no prediction",
            f"retention.ms={delay.late}",
        )
    wanted = wish.last + wish.lag
    if wish.window is None and kept < wanted and not facts.applied.get(contract.key, False):
        yield fault(
            "retention",
            f"{about}, the reference wants {duration_text(wish.last)} that ended {duration_text(wish.lag)} ago",
            f"reference: {{last: {_shorter(kept)}}}, or retention.ms={wanted}, or anchorwatch apply --reference FILE",
        )  # fmt: skip


def _shorter(kept: int) -> str:
    """A reference that fits: the second half is spared from the newest day, so that a fault of today is not learnt."""
    day = 86_400_000
    lag = day if kept > 2 * day else 0
    last = max((kept - lag) // 3_600_000, 1)
    return f"{duration_text(last * 3_600_000)}, lag: {duration_text(lag)}"


def _codecs(facts: Facts) -> Iterator[Told]:
    for name in facts.sources():
        codec = (facts.topic(name).config or {}).get("compression.type", "producer")
        if codec in ("gzip", "snappy", "lz4", "zstd") and codec not in facts.codecs:
            yield fault(
                "codec",
                f"{name} is compressed by {codec}, which this build of librdkafka cannot read",
                "pip install confluent-kafka from a wheel, which has all four",
            )
