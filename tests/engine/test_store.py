"""A task goes on only from chunks and offsets of one cut; what Kafka no longer holds is counted, never jumped over in silence."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.engine.chain import create, delete
from tests.engine.conftest import Kafka

from anchorwatch.engine.settings import reader
from anchorwatch.engine.store import HEAD, Head, Store, Superseded
from anchorwatch.errors import StateRefused


@dataclass
class Past:
    """A group that has lived before: ten records in each of two topics, a cut at 4 and 6."""

    client: dict[str, Any]
    prefix: str

    def __post_init__(self) -> None:
        self.group = f"{self.prefix}g"
        self.sources = [f"{self.prefix}p", f"{self.prefix}o"]
        create(self.client, dict.fromkeys([*self.sources, f"{self.group}-changelog"], 1))
        plain = Producer(self.client)
        for n in range(10):
            for topic in self.sources:
                plain.produce(topic, b"%d" % n)
        plain.flush(20)
        self.producer = Producer({**self.client, "transactional.id": self.prefix})
        self.producer.init_transactions(20)
        self.store = Store(self.client, self.group, f"{self.group}-changelog", self.sources)

    def cut(self, stamp: str, p: int, o: int, commit: bool = True, **chunks: bytes | None) -> None:
        next_ = dict(zip(self.sources, (p, o), strict=True))
        self.producer.begin_transaction()
        for name, chunk in {HEAD: Head(stamp, next_).encode(), **{k.encode(): v for k, v in chunks.items()}}.items():
            self.producer.produce(f"{self.group}-changelog", chunk, name, 0)
        self.offsets(stamp, next_)
        self.producer.flush(20)
        if commit:
            self.producer.commit_transaction(20)

    def offsets(self, stamp: str, next_: dict[str, int]) -> None:
        client = reader(self.client, self.group)
        self.producer.send_offsets_to_transaction(
            [TopicPartition(topic, 0, n, stamp) for topic, n in next_.items()], client.consumer_group_metadata(), 20
        )
        client.close()

    def reset(self, p: int, o: int) -> None:
        """As a person would with kafka-consumer-groups: without a cut's name."""
        self.producer.begin_transaction()
        self.offsets("", dict(zip(self.sources, (p, o), strict=True)))
        self.producer.commit_transaction(20)

    def restore(self, known: str | None = None) -> tuple[dict[bytes, bytes] | None, list[int], str, Any]:
        chunks, offsets, stamp, report = self.store.restore(0, known, lambda: True)
        return chunks, [offsets[topic] for topic in self.sources], stamp, report


@pytest.fixture
def past(kafka: Kafka, topic_prefix: str) -> Iterator[Past]:
    past = Past(dict(kafka.client), topic_prefix)
    yield past
    delete(past.client, topic_prefix)


def test_a_task_that_never_lived_begins_at_the_start_of_its_topics(past: Past) -> None:
    assert past.restore() == ({}, [0, 0], "", None)


def test_a_person_may_choose_where_a_new_group_begins(past: Past) -> None:
    past.reset(7, 8)

    assert past.restore() == ({}, [7, 8], "", None)


def test_chunks_and_offsets_of_the_last_cut_are_restored(past: Past) -> None:
    past.cut("w 1", 2, 3, a=b"old", b=b"gone")
    past.cut("w 2", 4, 6, a=b"new", b=None)

    assert past.restore() == ({b"a": b"new"}, [4, 6], "w 2", None)


def test_memory_that_stands_at_the_committed_cut_is_kept(past: Past) -> None:
    past.cut("w 1", 4, 6, a=b"1")

    assert past.restore("w 1") == (None, [4, 6], "w 1", None)
    assert past.restore("w 0") == ({b"a": b"1"}, [4, 6], "w 1", None)


@pytest.mark.parametrize(("settle", "expected"), [("commit", "w 2"), ("abort", "w 1")])
def test_a_transaction_of_a_former_owner_is_waited_out(past: Past, settle: str, expected: str) -> None:
    past.cut("w 1", 2, 3, a=b"1")
    past.cut("w 2", 4, 6, commit=False, a=b"2")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(past.restore()))
    thread.start()
    thread.join(1.5)
    waited = thread.is_alive()
    (past.producer.commit_transaction if settle == "commit" else past.producer.abort_transaction)(20)
    thread.join(20)

    assert waited
    assert found[0][2] == expected


def test_restoring_ends_when_the_group_has_moved_on(past: Past) -> None:
    with pytest.raises(Superseded):
        past.store.restore(0, None, lambda: False)


def test_offsets_that_were_reset_are_refused_with_both_ways_on(past: Past) -> None:
    past.cut("w 1", 4, 6, a=b"1")
    past.reset(0, 0)

    with pytest.raises(StateRefused, match=r"state is of cut 'w 1' at .*p 4, .*`anchorwatch state adopt`.*`anchorwatch state restart`"):
        past.restore()


def test_one_of_two_offsets_that_was_reset_is_refused(past: Past) -> None:
    past.cut("w 1", 4, 6, a=b"1")
    past.producer.begin_transaction()
    past.offsets("", {past.sources[1]: 6})
    past.producer.commit_transaction(20)

    with pytest.raises(StateRefused, match="offsets were reset or expired"):
        past.restore()


def test_a_changelog_that_was_lost_is_refused(past: Past) -> None:
    past.cut("w 1", 4, 6, a=b"1")
    topic = f"{past.group}-changelog"
    with AdminClient(past.client) as admin:
        admin.delete_records([TopicPartition(topic, 0, -1)])[TopicPartition(topic, 0)].result(20)

    with pytest.raises(StateRefused, match=r"its state in .*-changelog is gone; `anchorwatch state restart`"):
        past.restore()


def test_a_topic_that_ends_below_our_place_is_refused(past: Past) -> None:
    past.cut("w 1", 4, 60, a=b"1")

    with pytest.raises(StateRefused, match=r"o 0 ends at 10, below our place 60: it was deleted and made anew"):
        past.restore()


def test_what_retention_took_before_it_was_read_is_counted(past: Past) -> None:
    past.cut("w 1", 4, 6, a=b"1")
    topic = past.sources[0]
    with AdminClient(past.client) as admin:
        admin.delete_records([TopicPartition(topic, 0, 9)])[TopicPartition(topic, 0)].result(20)
    _, offsets, _, report = past.restore()

    assert offsets == [9, 6]
    assert report.counters == {("anchorwatch.records.lost", (("topic", topic),)): 5}


def test_a_source_that_is_new_begins_where_it_begins(past: Past) -> None:
    past.cut("w 1", 4, 6, a=b"1")
    create(past.client, {f"{past.prefix}d": 1})
    past.store.sources = [*past.sources, f"{past.prefix}d"]
    _, offsets, stamp, _ = past.store.restore(0, None, lambda: True)

    assert (list(offsets.values()), stamp) == ([4, 6, 0], "w 1")


def test_state_of_a_newer_release_is_refused() -> None:
    with pytest.raises(StateRefused, match="version 2"):
        Head.decode(b'{"v": 2}')
