"""When a task's state and its committed offsets are not of the same cut: what each says, and two ways on. For `anchorwatch state`."""

from collections.abc import Sequence
from typing import NamedTuple

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient

from anchorwatch.engine.settings import WRITING, Settings, producer, reader
from anchorwatch.engine.store import HEAD, Committed, Head, Store
from anchorwatch.engine.topics import check
from anchorwatch.errors import StateRefused


class Found(NamedTuple):
    """What Kafka holds of one task."""

    task: int
    head: Head  # what the chunks say
    committed: dict[str, Committed]  # what the group says
    chunks: tuple[bytes, ...]  # names

    @property
    def agrees(self) -> bool:
        return all(
            self.committed[topic] == (offset, self.head.stamp) for topic, offset in self.head.next.items() if topic in self.committed
        )


def show(kafka: Settings, group: str, sources: Sequence[str]) -> list[Found]:
    changelog = f"{group}-changelog"
    store = Store(kafka, group, changelog, sources)
    found = []
    for task in range(check(kafka, [*sources, changelog])):
        committed = store.committed(task, lambda: True)
        latest = dict(store.read(task, store.bounds(task, changelog)[changelog]))
        names = tuple(name for name, chunk in latest.items() if name and chunk is not None)
        found.append(Found(task, Head.decode(latest.get(HEAD)), committed, names))
    return found


def adopt(kafka: Settings, group: str, sources: Sequence[str]) -> list[Found]:
    """Set the group to where its state stands: nothing is lost or counted twice. The tasks that were changed."""
    _alone(kafka, group)
    changed = [found for found in show(kafka, group, sources) if found.head.stamp and not found.agrees]
    offsets = [
        ck.TopicPartition(topic, found.task, offset, found.head.stamp)
        for found in changed
        for topic, offset in found.head.next.items()
        if topic in found.committed
    ]
    _write(kafka, group, offsets, [])
    return changed


def restart(kafka: Settings, group: str, sources: Sequence[str]) -> list[Found]:
    """Throw the state away and go on from the committed offsets, or from where a log begins now. All tasks that had any."""
    _alone(kafka, group)
    changed = [found for found in show(kafka, group, sources) if known(found)]
    store = Store(kafka, group, f"{group}-changelog", sources)
    offsets = []
    for found in changed:
        bounds = store.bounds(found.task, *sources)
        for topic, (offset, _) in found.committed.items():
            held = bounds[topic].start <= offset <= bounds[topic].end
            offsets.append(ck.TopicPartition(topic, found.task, offset if held else bounds[topic].start, ""))
    _write(kafka, group, offsets, [(found.task, name) for found in changed for name in (HEAD, *found.chunks)])
    return changed


def known(found: Found) -> bool:
    """Is there anything to throw away?"""
    return bool(found.chunks or found.head.stamp or any(committed.stamp for committed in found.committed.values()))


def _alone(kafka: Settings, group: str) -> None:
    """Kafka takes a commit without a member's name even in a living group; we must not make one."""
    with AdminClient(dict(kafka)) as admin:  # not describe_consumer_groups, which ends the process with the connection (librdkafka 4605)
        members = [member for known in admin.list_groups(group, timeout=30) for member in known.members]
    if members:
        who = ", ".join(str(member.client_id) for member in members)
        raise StateRefused(f"{group} has living workers ({who}); stop them first. One that was killed is forgotten after 10 s")


def _write(kafka: Settings, group: str, offsets: list[ck.TopicPartition], gone: list[tuple[int, bytes]]) -> None:
    """In one transaction: a repair that is broken off changes nothing."""
    if not (offsets or gone):
        return
    out = producer(WRITING, kafka, {"transactional.id": f"{group}-repair"})
    client = reader(kafka, group)
    try:
        out.init_transactions(30)
        out.begin_transaction()
        for task, name in gone:
            out.produce(f"{group}-changelog", None, name, task)
        if offsets:
            out.send_offsets_to_transaction(offsets, client.consumer_group_metadata(), 30)
        out.commit_transaction(30)
    finally:
        client.close()
