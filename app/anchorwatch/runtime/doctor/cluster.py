"""What Kafka tells of itself, its topics and our groups: the questions, each with what it means when no answer is allowed."""

import logging
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType  # type: ignore[attr-defined]

from anchorwatch.engine.refusals import REFUSED_ACCESS, Reasons
from anchorwatch.engine.settings import QUIET, WRITING, producer, reader
from anchorwatch.errors import AnchorwatchError
from anchorwatch.runtime.doctor.facts import Group, Held, Member, Partition, Topic

PATIENCE = 10.0  # seconds for one answer
HOUR, DAY = 3_600_000, 86_400_000
EARLIEST, LATEST = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
HELD_MAX = 20  # partitions whose waiting record is looked at
SILENT = logging.getLogger("anchorwatch.doctor.silent")  # what the client would print is told as a fault
T = TypeVar("T")


class Cluster:
    """One admin client for all questions. Use it with `with`. None of them goes to a coordinator: such a call ends the process when the
    connection breaks meanwhile (librdkafka 4605)."""

    def __init__(self, kafka: Mapping[str, str]) -> None:
        self.kafka = dict(kafka)
        settings: dict[str, Any] = {**QUIET, **self.kafka}
        self.reasons = Reasons(settings)
        settings["error_cb"] = self.reasons
        self.admin = AdminClient(settings)

    def __enter__(self) -> "Cluster":
        self.admin.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.admin.__exit__(*error)

    def metadata(self) -> tuple[Any, str]:
        """What the first answer holds, or why none came."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self.admin.list_topics(timeout=2), ""
            except ck.KafkaException as error:
                self.admin.poll(0)
                if why := self.reasons.why():
                    return None, str(why)
                if time.monotonic() > until:
                    return None, self.reasons.last or error.args[0].str()

    def rights(self) -> frozenset[str] | None:
        """Of this user on the cluster."""
        described = _or_none(lambda: self.admin.describe_cluster(include_authorized_operations=True).result(PATIENCE))
        return None if described is None else _names(described.authorized_operations)

    def acls(self) -> int | None:
        """How many we are shown; without the right to ask Kafka shows none, and no error."""
        from confluent_kafka.admin import (  # type: ignore[attr-defined]
            AclBindingFilter,
            AclOperation,
            AclPermissionType,
            ResourcePatternType,
        )

        anything: Any = None  # as the client's documentation has it, not its types
        every = AclBindingFilter(
            ResourceType.ANY, anything, ResourcePatternType.ANY, anything, anything, AclOperation.ANY, AclPermissionType.ANY
        )
        found = _or_none(lambda: self.admin.describe_acls(every).result(PATIENCE))
        return None if found is None else len(found)

    def config(self, kind: Any, names: Sequence[str]) -> dict[str, dict[str, str] | None]:
        if not names:
            return {}
        asked = [ConfigResource(kind, name) for name in names]
        answers = self.admin.describe_configs(asked, request_timeout=PATIENCE)
        found: dict[str, dict[str, str] | None] = {}
        for resource, answer in answers.items():
            told = _or_none(lambda answer=answer: answer.result(PATIENCE))  # type: ignore[misc]
            found[resource.name] = None if told is None else {name: entry.value or "" for name, entry in told.items()}
        return found

    # topics

    def topics(self, names: Sequence[str], now_ms: int) -> dict[str, Topic]:
        """Internal ones of Kafka as well; where one is missing, `trouble` says it."""
        answers = self.admin.describe_topics(ck.TopicCollection(list(names)), include_authorized_operations=True, request_timeout=PATIENCE)
        found: dict[str, Topic] = {}
        for name, answer in answers.items():
            try:
                told: Any = answer.result(PATIENCE)
            except ck.KafkaException as error:
                found[name] = Topic(name, trouble=error.args[0].str().removeprefix("Broker: "))
                continue
            parts = tuple(
                Partition(p.leader.id if p.leader else -1, len(p.replicas), len(p.isr)) for p in sorted(told.partitions, key=lambda p: p.id)
            )
            found[name] = Topic(name, parts, rights=_names(told.authorized_operations))
        return self._filled(found, now_ms)

    def _filled(self, topics: dict[str, Topic], now_ms: int) -> dict[str, Topic]:
        there = [topic for topic in topics.values() if topic.partitions]
        configs = self.config(ResourceType.TOPIC, [topic.name for topic in there])
        tps = [ck.TopicPartition(t.name, p) for t in there if not t.name.startswith("__") for p in range(len(t.partitions))]
        low, end = self._offsets(tps, EARLIEST), self._offsets(tps, LATEST)
        decided = self._offsets(tps, LATEST, committed=True)
        hour, day = (self._offsets(tps, OffsetSpec.for_timestamp(now_ms - ago)) for ago in (HOUR, DAY))
        made = {}
        for name, topic in topics.items():
            parts = []
            for number, part in enumerate(topic.partitions):
                at = (name, number)
                offsets = {"low": low, "decided": decided, "end": end, "hour_ago": hour, "day_ago": day}
                parts.append(replace(part, **{field: known.get(at, -1) for field, known in offsets.items()}))
            made[name] = replace(topic, partitions=tuple(parts), config=configs.get(name))
        return made

    def _offsets(self, tps: Iterable[ck.TopicPartition], spec: Any, *, committed: bool = False) -> dict[tuple[str, int], int]:
        asked = {ck.TopicPartition(tp.topic, tp.partition): spec for tp in tps}
        if not asked:
            return {}
        level = ck.IsolationLevel.READ_COMMITTED if committed else ck.IsolationLevel.READ_UNCOMMITTED
        answers = self.admin.list_offsets(asked, isolation_level=level, request_timeout=PATIENCE)
        found = {}
        for tp, answer in answers.items():
            told: Any = _or_none(lambda answer=answer: answer.result(PATIENCE))  # type: ignore[misc]
            if told is not None:
                found[tp.topic, tp.partition] = told.offset
        return found

    def held(self, topics: Iterable[Topic]) -> tuple[Held, ...]:
        """Where committed readers stand before the end, with the time of the first record that waits."""
        behind = [
            (topic.name, number, part) for topic in topics for number, part in enumerate(topic.partitions) if 0 <= part.decided < part.end
        ]
        return tuple(
            Held(name, number, part.decided, part.end - part.decided, self._time_of(name, number, part.decided))
            for name, number, part in behind[:HELD_MAX]
        )

    def _time_of(self, topic: str, partition: int, offset: int) -> int | None:
        """Of the first record from there on. A marker has none for us: then of what follows."""
        client = reader(self.kafka, isolation_level="read_uncommitted")
        try:
            client.assign([ck.TopicPartition(topic, partition, offset)])
            until = time.monotonic() + 3
            while time.monotonic() < until:
                for message in client.consume(1, 0.2):
                    if message.error() is None:
                        return int(message.timestamp()[1])
                    return None
        except ck.KafkaException:
            return None
        finally:
            client.close()
        return None

    # groups

    def group(self, name: str, sources: Sequence[str], partitions: Mapping[str, int]) -> Group:
        """Offsets by a consumer's question, members by the old listing: neither is the call that ends a process."""
        members = _or_none(lambda: self._members(name))
        client = reader(self.kafka, name)
        try:
            asked = [ck.TopicPartition(topic, p) for topic in sources for p in range(partitions.get(topic) or 1)]
            committed: dict[str, dict[int, int]] = {topic: {} for topic in sources}
            for tp in client.committed(asked, PATIENCE):
                committed[tp.topic][tp.partition] = tp.offset if tp.offset >= 0 else -1
        except ck.KafkaException as error:
            return Group(name, tuple(sources), None, members, error.args[0].str().removeprefix("Broker: "))
        finally:
            client.close()
        return Group(name, tuple(sources), committed, members)

    def _members(self, name: str) -> tuple[Member, ...] | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # what replaces it asks a coordinator
            listed: Sequence[Any] = self.admin.list_groups(name, timeout=PATIENCE)
        found = [member for group in listed for member in group.members]
        return tuple(Member(str(m.client_id), str(m.client_host).lstrip("/"), instance_of(str(m.id), str(m.client_id))) for m in found)

    def transactions(self, name: str) -> str:
        """May we write in transactions under such a name? Writes nothing. "": yes."""
        try:
            client = producer(WRITING, self.kafka, {"transactional.id": name, "logger": SILENT})
            client.init_transactions(PATIENCE)
        except ck.KafkaException as error:
            refused = error.args[0].code() in REFUSED_ACCESS
            return "authorization failed" if refused else str(error.args[0].str()).removeprefix("Broker: ")
        except AnchorwatchError as error:
            return str(error)
        return ""


def instance_of(member: str, client: str) -> str:
    """Kafka names a static member `<instance>-<uuid>`, another one `<client>-<uuid>`; our clients carry their instance as client id."""
    stem = member[:-37] if len(member) > 37 and member[-37] == "-" else ""
    return stem if stem and (client in (stem, "rdkafka")) else ""


def _names(operations: Iterable[Any] | None) -> frozenset[str] | None:
    return None if operations is None else frozenset(operation.name for operation in operations)


def _or_none(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except ck.KafkaException as error:
        if error.args[0].code() in REFUSED_ACCESS or not error.args[0].fatal():
            return None
        raise
