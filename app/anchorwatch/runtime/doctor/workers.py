"""How do the stages stand: do they keep up, is each under a name of its own, does an open transaction hold them?"""

import re
from collections import Counter
from collections.abc import Iterator

from anchorwatch.runtime.doctor.facts import Facts, Group
from anchorwatch.runtime.doctor.told import Told, fault, fine, note, several, span, unseen

BACKLOG_S = 300  # of the rate seen; behind by more: it does not keep up, or stands still
BACKLOG_MIN = 1_000
HELD_MS = 30_000
RANDOM_NAMES = (
    (re.compile(r"-[a-z0-9]{8,10}-[a-z0-9]{5}$"), "a pod of a Deployment"),
    (re.compile(r"^[0-9a-f]{12}$"), "a container's id"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "a random id"),
)


def look(facts: Facts) -> Iterator[Told]:
    for group in facts.groups:
        yield from _backlog(facts, group)
        yield from _names(facts, group)
    yield from _random(facts)
    yield from _held(facts)


def _backlog(facts: Facts, group: Group) -> Iterator[Told]:
    if group.committed is None:
        return  # the rights say why
    known = any(offset >= 0 for offsets in group.committed.values() for offset in offsets.values())
    if not known:
        return  # it never ran
    behind, rate = {}, 0.0
    for topic, offsets in group.committed.items():
        ends = facts.topic(topic).partitions
        behind[topic] = sum(
            max(ends[p].end - max(offset, ends[p].low, 0), 0) for p, offset in offsets.items() if p < len(ends) and ends[p].end >= 0
        )
        rate += facts.per_second(topic)
    lost = [
        f"{topic}-{p}" for topic, offsets in group.committed.items() for p, offset in offsets.items() if 0 <= offset < _low(facts, topic, p)
    ]
    if lost:
        yield fault(
            "backlog",
            f"{group.name}: deleted before it was read: {several(lost)}",
            "a longer retention.ms; what is gone stays uncounted, and is said by `run`",
        )
    total, stopped = sum(behind.values()), group.members == ()
    told = ", ".join(f"{topic} {n:,}" for topic, n in behind.items() if n)
    if total > max(BACKLOG_S * rate, BACKLOG_MIN):
        fix = "start it: anchorwatch run" if stopped else "more workers or cores; the sizing below says how many"
        yield fault("backlog", f"{group.name} is behind{' and has no worker' if stopped else ''}: {told}", fix)
    elif stopped:
        yield note("backlog", f"{group.name} ran before and has no worker now", "anchorwatch run")
    else:
        yield fine("backlog", f"{group.name} keeps up")


def _low(facts: Facts, topic: str, partition: int) -> int:
    parts = facts.topic(topic).partitions
    return parts[partition].low if partition < len(parts) else -1


def _names(facts: Facts, group: Group) -> Iterator[Told]:
    if group.members is None:
        yield unseen("instances", f"workers of {group.name} are not shown to this user", "DESCRIBE on the group, for `doctor` alone")
        return
    hosts: dict[str, set[str]] = {}
    for member in group.members:
        hosts.setdefault(member.instance or member.client, set()).add(member.host)
    counted = Counter(member.instance or member.client for member in group.members)
    twice = [name for name, n in counted.items() if n > 1 or len(hosts[name]) > 1]
    if twice:
        yield fault(
            "instances",
            f"{group.name}: several workers are called {several(twice)}: they throw each other out",
            "instance: a name of its own for each, kept over restarts (the StatefulSet's pod name)",
        )
    most = max((len(facts.topic(topic).partitions) for topic in group.sources), default=0)
    if len(group.members) > most > 0:
        yield note(
            "instances",
            f"{group.name} has {len(group.members)} workers for {most} partitions: {len(group.members) - most} have nothing to do",
            "fewer workers; more partitions only in new topics",
        )


def _random(facts: Facts) -> Iterator[Told]:
    """A name that changes at each restart leaves its tasks dark for the session, and its transactions open."""
    named = {facts.settings.instance} | {m.instance for group in facts.groups for m in group.members or () if m.instance}
    for name in sorted(named):
        if kind := next((told for pattern, told in RANDOM_NAMES if pattern.search(name)), ""):
            yield fault(
                "instances",
                f"instance {name} looks like {kind}: after a restart it is another one, and its tasks stay dark for 10 s",
                "a StatefulSet, and instance: its pod's name",
            )


def _held(facts: Facts) -> Iterator[Told]:
    """Committed readers wait before the first record whose transaction is neither committed nor aborted."""
    for held in facts.held:
        if held.since_ms is None or facts.now_ms - held.since_ms < HELD_MS:
            continue
        age = span(facts.now_ms - held.since_ms)
        yield fault(
            "transactions", f"{held.topic}-{held.partition}: an open transaction holds {held.behind:,} records from {held.offset} on, for {age}",
            f"end its producer, or kafka-transactions.sh find-hanging --topic {held.topic} --partition {held.partition} and abort",
        )  # fmt: skip
