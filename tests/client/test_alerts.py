"""Following alerts: each change once, none lost."""

import time
from collections.abc import Iterator
from itertools import islice

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tests.conftest import Kafka

from anchorwatch.client import follow_alerts
from anchorwatch.errors import OperatorError
from anchorwatch.events import Alert

pytestmark = pytest.mark.kafka


def alert(name: str, sequence: int, model: str = "fraud", team: str = "risk") -> Alert:
    labels = {"model": model, "owner": team, "alertname": "QualityDrop"}
    key, start = f"prod/{model}/quality/whole", "2026-11-22T09:12:00Z"
    return Alert(labels, {}, start, None, "", name, key, "firing", sequence, 0, 0, "i", {"team": team}, {}, {}, [], [])


class Written:
    """Writes alerts as judge does: in transactions."""

    def __init__(self, kafka: Kafka, prefix: str) -> None:
        self.kafka, self.prefix, self.topic = kafka, prefix, f"{prefix}alerts.events"
        admin = AdminClient(dict(kafka.client))
        admin.create_topics([NewTopic(self.topic, 1, 1)])[self.topic].result(30)
        self.producer = Producer({**kafka.client, "transactional.id": prefix})
        self.producer.init_transactions(30)

    def write(self, *alerts: Alert | bytes | None, commit: bool = True) -> None:
        self.producer.begin_transaction()
        for one in alerts:
            value = msgspec.json.encode(one) if isinstance(one, Alert) else one
            self.producer.produce(self.topic, value, b"prod/fraud")
        self.producer.flush(30)
        self.producer.commit_transaction() if commit else self.producer.abort_transaction()

    def follow(self, group: str = "bot", owner: str | None = None, model: str | None = None, idle_s: float = 30) -> Iterator[Alert]:
        return follow_alerts(
            self.kafka.bootstrap,
            self.prefix + group,
            owner,
            model,
            prefix=self.prefix,
            kafka=self.kafka.client,
            beginning=True,
            idle_s=idle_s,
        )


@pytest.fixture
def written(kafka: Kafka, topic_prefix: str) -> Written:
    return Written(kafka, topic_prefix)


def taken(alerts: Iterator[Alert], n: int) -> list[tuple[str, int]]:
    found = [(one.id, one.sequence) for one in islice(alerts, n)]
    alerts.close()  # type: ignore[attr-defined]  # a generator
    return found


@pytest.mark.smoke
def test_each_change_comes_once_and_what_was_aborted_never(written: Written) -> None:
    written.write(alert("a", 1))
    written.write(alert("lost", 1), commit=False)
    written.write(alert("a", 1), None, b"no alert", alert("a", 2), alert("b", 1))

    assert taken(written.follow(), 3) == [("a", 1), ("a", 2), ("b", 1)]


def test_alerts_can_be_chosen_by_owner_and_model(written: Written) -> None:
    written.write(alert("a", 1), alert("b", 1, model="churn"), alert("c", 1, team="growth"), alert("d", 1))

    assert taken(written.follow("one", owner="risk", model="fraud"), 2) == [("a", 1), ("d", 1)]
    assert taken(written.follow("two", owner="growth"), 1) == [("c", 1)]


def test_what_somebody_was_busy_with_when_he_ended_comes_again(written: Written) -> None:
    written.write(alert("a", 1), alert("b", 1), alert("c", 1))
    alerts = written.follow()

    assert [next(alerts).id, next(alerts).id] == ["a", "b"]
    alerts.close()  # type: ignore[attr-defined]  # busy with b

    assert taken(written.follow(), 2) == [("b", 1), ("c", 1)]


def test_it_ends_when_nothing_comes_for_as_long_as_was_said(written: Written) -> None:
    began = time.monotonic()

    assert list(written.follow(idle_s=0.5)) == []
    assert time.monotonic() - began < 20


def test_a_topic_that_is_missing_is_told_with_the_next_step(kafka: Kafka, topic_prefix: str) -> None:
    with pytest.raises(OperatorError, match="topics create"):
        next(
            follow_alerts(
                kafka.bootstrap, "bot", prefix=topic_prefix, kafka={**kafka.client, "topic.metadata.propagation.max.ms": 100}, idle_s=30
            )
        )
