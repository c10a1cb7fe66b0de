"""Will predictions and outcomes meet? Keys, partitioners and ids, as the newest records really have them."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from anchorwatch.config import Feed
from anchorwatch.runtime.doctor.facts import Facts, Sample, Seen
from anchorwatch.runtime.doctor.told import Told, fault, fine, note, span, unseen
from anchorwatch.runtime.doctor.topics import rekeyed
from anchorwatch.sources.foreign.routes import BATCHED, event_of
from anchorwatch.sources.native import as_map

ENOUGH = 20  # records, ids: fewer say nothing
KEYS_MAX = 2_000
AGREE = 0.95
NAMES_MAX = 200  # fields compared of one record


def look(facts: Facts) -> Iterator[Told]:
    for feed in facts.feeds:
        if not all(facts.topic(topic).partitions for topic in feed.topics.values()):
            continue
        told = [
            *_readable(facts, feed),
            *_keys(facts, feed),
            *_partitioners(facts, feed),
            *_for_nothing(facts, feed),
            *_overlap(facts, feed),
        ]
        yield from told
        for topic in feed.topics.values():
            if not facts.sample(topic).records and not any(topic in each.what for each in told):
                yield note(
                    "sample",
                    f"{topic} holds no record to look at",
                    "send one: anchorwatch emit prediction model=M prediction=A; then ask again",
                )


def _readable(facts: Facts, feed: Feed) -> Iterator[Told]:
    for topic in feed.topics.values():
        sample = facts.sample(topic)
        n = len(sample.records) + sample.unreadable
        if not sample.unreadable:
            continue
        head, (why, _, fix) = sample.unreadable_head, sample.unreadable_why.partition("; ")
        if facts.registry is None and head[:1] == b"\0" and len(head) > 5:
            what = f"are in a registry's format (schema {int.from_bytes(head[1:5], 'big')}), and none is set"
            fix = "registry: {url: http://REGISTRY:8081} in anchorwatch.yaml (extra avro), or let the producer send JSON"
        elif why:
            what = f"cannot be read: {why}"
        else:
            what = f"are no JSON object, as {head[:12]!r}"
        fix = fix or "one JSON object a record; anchorwatch tail shows them, a dead letter says why"
        yield fault("format", f"{topic}: {sample.unreadable / n:.0%} of {n:,} records {what}", fix)


# keys


def _keys(facts: Facts, feed: Feed) -> Iterator[Told]:
    for role, topic in feed.topics.items():
        seen = [each for each in facts.sample(topic).records if each.id is not None]
        sample = facts.sample(topic)
        if len(sample.records) >= ENOUGH and len(seen) < len(sample.records) / 2:
            field = _field(feed, role)
            yield fault(
                "ids",
                f"{topic}: {1 - len(seen) / len(sample.records):.0%} of {len(sample.records):,} records have no field {field}",
                _id_fix(sample, role),
            )
        if len(seen) < ENOUGH or not _keyed(feed, role):
            continue
        batched = any(contract.source.predictions.format in BATCHED for contract in feed.contracts)
        told = [_kind(each, batched=batched) for each in seen]
        kinds = Counter(told)
        for kind, (what, mend) in KINDS.items():
            if kinds[kind] > 0.05 * len(seen):
                example = seen[told.index(kind)]
                yield fault(
                    "keys",
                    f"{topic}: {kinds[kind] / len(seen):.0%} of {len(seen):,} records {what}: key {_shown(example.key)}, id {_shown(example.id)}",
                    mend + rekeyed(role),
                )
        if kinds["same"] > 0.95 * len(seen):
            yield fine("keys", f"keys of {topic}")


KINDS: Mapping[str, tuple[str, str]] = {
    "quoted": ("have a key in quotes", "the producer's key serializer is JSON's: use the one for strings"),
    "none": ("have no key", "let the producer set the prediction id as key"),
    "other": ("have another key than their id", "let the producer set the prediction id as key"),
}


def _kind(seen: Seen, *, batched: bool = False) -> str:
    """batched: several instances of one event belong together, and lie where its id puts them."""
    if seen.key is None:
        return "none"
    own = event_of(seen.id or "", batched=batched).encode()
    return "same" if seen.key == own else "quoted" if seen.key == b'"' + own + b'"' else "other"


def _keyed(feed: Feed, role: str) -> bool:
    return all(contract.source.of(role).keyed for contract in feed.contracts)


def _field(feed: Feed, role: str) -> str:
    places = [place.path for c in feed.contracts for name, place in c.source.of(role).fields.items() if name == "prediction_id"]
    return places[0] if places else "prediction_id"


def _id_fix(sample: Sample, role: str) -> str:
    """Which field holds what the key holds?"""
    found: Counter[str] = Counter()
    looked = [each for each in sample.records if each.value and each.key]
    for each in looked:
        key = (each.key or b"").decode(errors="replace").strip('"')
        found.update(name for name, value in list(as_map(each.value).items())[:NAMES_MAX] if str(value) == key)
    best = found.most_common(1)
    named = f"{{prediction_id: {best[0][0]}}}" if best and best[0][1] > 0.9 * len(looked) else "{prediction_id: THEIR_NAME}"
    return f"source.{role}.fields: {named} in the contract, or let the producer send prediction_id"


def _shown(value: str | bytes | None) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


# partitioners


def murmur2(data: bytes) -> int:
    """Java's default, uint32 (Kafka's Utils.murmur2: Austin Appleby's hash with that seed).

    >>> [murmur2(key) for key in (b"21", b"foobar", b"a-little-bit-long-string")]
    [3321034988, 3504634814, 3308985760]
    """
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def _fnv1a(data: bytes) -> int:
    """Sarama's (Go): the sign falls away after the modulo, so it is given as what the modulo is taken of."""
    h = 0x811C9DC5
    for byte in data:
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    return abs(h - (1 << 32) if h & 1 << 31 else h)


JAVA = "murmur2"
PARTITIONERS: Mapping[str, Callable[[bytes], int]] = {
    f"{JAVA} (Java, aiokafka, murmur2_random)": lambda key: murmur2(key) & 0x7FFFFFFF,
    "CRC32 (librdkafka's default)": zlib.crc32,
    "FNV-1a (Sarama)": _fnv1a,
}


def partitioner(records: Iterable[Seen], partitions: int) -> tuple[str, float] | None:
    """The one that explains most keys, and the share that it explains. None: too few different keys, or nothing to tell apart."""
    where: dict[bytes, int] = {}
    for seen in records:
        if seen.key and len(where) < KEYS_MAX:
            where[seen.key] = seen.partition
    return explained(where, partitions)


def explained(where: Mapping[bytes, int], partitions: int) -> tuple[str, float] | None:
    """The same of keys and the partitions on which they lie."""
    if len(where) < ENOUGH or partitions < 2:
        return None
    shares = {name: sum(hashed(key) % partitions == p for key, p in where.items()) / len(where) for name, hashed in PARTITIONERS.items()}
    best = max(shares, key=lambda name: shares[name])
    return best, shares[best]


def _partitioners(facts: Facts, feed: Feed) -> Iterator[Told]:
    sizes = {role: len(facts.topic(topic).partitions) for role, topic in feed.topics.items() if _keyed(feed, role)}
    if feed.rekeyed:
        for role, n in sizes.items():
            yield from _beside_rekeyed(facts, feed.topics[role], n, role)
    elif len(set(sizes.values())) == 1:
        first, *others = (feed.topics[role] for role in sizes)
        for other in others:
            yield from _pair(facts, feed, first, other)


def _pair(facts: Facts, feed: Feed, first: str, other: str) -> Iterator[Told]:
    """Do equal keys of two topics of as many partitions lie alike?"""
    n = len(facts.topic(first).partitions)
    found = {topic: partitioner(facts.sample(topic).records, n) for topic in (first, other)}
    shared, same = _same_place(facts, first, other)
    told = f" ({same / shared:.0%} of {shared:,} shared ids on the same partition)" if shared else ""
    names = {topic: each[0] if each[1] >= AGREE else "several, or one of its own" for topic, each in found.items() if each}
    if shared >= ENOUGH and same >= AGREE * shared:
        yield fine("partitioner", f"{same / shared:.0%} of {shared:,} shared ids on the same partition")
    elif len(set(names.values())) > 1 or (shared >= ENOUGH and same < AGREE * shared):
        what = "; ".join(f"{topic}: {name}" for topic, name in names.items()) or "keys lie elsewhere"
        odd = [topic for topic, name in names.items() if not name.startswith("murmur2")] or [other]
        role = next(role for role, topic in feed.topics.items() if topic == odd[-1])
        yield fault(
            "partitioner", f"different partitioners: {what}{told}", f"producer of {odd[-1]}: partitioner=murmur2_random{rekeyed(role)}"
        )
    elif names:
        yield fine("partitioner", f"partitioner {next(iter(names.values()))}")


def _beside_rekeyed(facts: Facts, topic: str, partitions: int, role: str) -> Iterator[Told]:
    """Another topic of the feed is written anew, by murmur2: this one must lie so too."""
    found = partitioner(facts.sample(topic).records, partitions)
    if found and not (found[0].startswith(JAVA) and found[1] >= AGREE):
        name = found[0] if found[1] >= AGREE else "several partitioners, or one of its own"
        yield fault(
            "partitioner", f"{topic}: {name}; its sibling is written anew by murmur2, and they would not meet",
            f"source.{role}.keyed: false, or the producer: partitioner=murmur2_random",
        )  # fmt: skip
    elif found:
        yield fine("partitioner", f"partitioner {found[0]}")


def _for_nothing(facts: Facts, feed: Feed) -> Iterator[Told]:
    """Topics that are written anew although keys and partitions are as they should be."""
    mine, theirs = feed.topics["predictions"], feed.topics["outcomes"]
    if not feed.rekeyed or len(facts.topic(mine).partitions) != len(facts.topic(theirs).partitions):
        return
    by_id = all(_kind(seen) == "same" for topic in (mine, theirs) for seen in facts.sample(topic).records)
    shared, same = _same_place(facts, mine, theirs)
    if by_id and shared >= ENOUGH and same >= AGREE * shared:
        what = f"{', '.join(feed.topics[role] for role in feed.rekeyed)}: keys are the prediction's id, and equal ones lie on the same partition"
        yield note("keys", what, "leave keyed: false out of the contract, which saves a hop; the topics are then read anew")


def _same_place(facts: Facts, one: str, other: str) -> tuple[int, int]:
    """Ids in both samples, and how many of them lie on the same partition."""
    first = {seen.id: seen.partition for seen in facts.sample(one).records if seen.id}
    second = {seen.id: seen.partition for seen in facts.sample(other).records if seen.id}
    shared = first.keys() & second.keys()
    return len(shared), sum(first[each] == second[each] for each in shared)


# ids


def _overlap(facts: Facts, feed: Feed) -> Iterator[Told]:
    """Of the outcomes sampled, how many have their prediction among what was read? What can be expected depends on how far back that is."""
    predictions, outcomes = facts.sample(feed.topics["predictions"]), facts.sample(feed.topics["outcomes"])
    known = {seen.id for seen in predictions.records if seen.id}
    oldest = max(predictions.reach_ms, min((seen.time_ms for seen in predictions.records), default=0))
    asked = [seen for seen in outcomes.records if seen.id and seen.time_ms >= oldest]
    if len(asked) < ENOUGH or len(known) < ENOUGH:
        return
    share, reach = sum(seen.id in known for seen in asked) / len(asked), facts.now_ms - oldest
    expected = _expected(feed, reach, whole=not predictions.reach_ms)
    what = f"{1 - share:.0%} of {len(asked):,} outcome ids match no prediction of the last {span(reach)}"
    fix = (
        _other_field(predictions, outcomes, known)
        or f"the same id in both? predictions have {_shown(next(iter(known)))}, outcomes {_shown(asked[0].id)}"
    )
    if expected is None and share == 0:
        yield unseen("overlap", f"{what}: they may belong to older ones, or be other ids", fix)
    elif expected is not None and share < expected:
        yield fault("overlap", f"{feed.topics['outcomes']}: {what}", fix)
    else:
        yield fine("overlap", f"{share:.0%} of {len(asked):,} outcome ids known in {span(reach)} of predictions")


def _expected(feed: Feed, reach: int, *, whole: bool) -> float | None:
    """The share that should be found at least, with some slack; None: nobody knows."""
    delays = [contract.labels.delay for contract in feed.contracts]
    late = max((d.late for d in delays if d.late is not None), default=None)
    typical = max((d.typical for d in delays if d.typical is not None), default=None)
    if late is not None and reach >= 2 * late:
        return 0.85
    if typical is not None and reach >= 2 * typical:
        return 0.4
    return 0.01 if whole and typical is None else None


def _other_field(predictions: Sample, outcomes: Sample, known: set[str]) -> str:
    """A field of the outcomes that holds the predictions' ids, or one of the predictions that holds the outcomes'."""
    wanted = {seen.id for seen in outcomes.records if seen.id}
    if name := _holding(outcomes, known):
        return f"labels carry it as {name}: source.outcomes.fields: {{prediction_id: {name}}}"
    if name := _holding(predictions, wanted):
        return f"predictions carry it as {name}: source.predictions.fields: {{prediction_id: {name}}}"
    return ""


def _holding(sample: Sample, ids: set[str]) -> str:
    found: Counter[str] = Counter()
    looked = 0
    for seen in sample.records:
        if not seen.value:
            break
        looked += 1
        values: dict[str, Any] = as_map(seen.value)
        found.update(name for name, value in list(values.items())[:NAMES_MAX] if str(value) in ids)
    best = found.most_common(1)
    return best[0][0] if best and best[0][1] > looked / 2 else ""
