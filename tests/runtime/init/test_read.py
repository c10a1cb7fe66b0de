import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.conftest import Kafka
from tests.runtime.installation import Installation

from anchorwatch.config import load
from anchorwatch.errors import TopicsMismatch
from anchorwatch.runtime.init.read import read


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Installation:
    return Installation(kafka.client, topic_prefix, tmp_path, contract="")


def test_the_newest_records_come_in_the_order_of_time_with_the_age_of_the_oldest(there: Installation) -> None:
    there.topic("scored", 2)
    there.topic("settled", 3)
    first_ms = int(time.time() * 1000) - 1_000  # what is older than the retention, Kafka deletes while we read
    out = Producer(there.kafka)
    for i in range(100):
        out.produce(f"{there.prefix}scored", b'{"n": %d}' % i, b"k", partition=i % 2, timestamp=first_ms + i)
    assert out.flush(30) == 0

    mine, theirs = read(load(there.folder / "anchorwatch.yaml", {}), f"{there.prefix}scored", f"{there.prefix}settled", 40)

    assert [row[1] for row in mine.rows] == [b'{"n": %d}' % i for i in range(60, 100)]
    assert mine.oldest_ms == first_ms
    assert theirs is not None
    assert (theirs.rows, theirs.oldest_ms, mine.partitions, theirs.partitions) == ((), 0, 2, 3)
    assert mine.places == {b"k": 1}


def test_a_topic_that_is_not_there_is_named(there: Installation) -> None:
    with pytest.raises(TopicsMismatch, match=f"{there.prefix}nowhere: no such topic"):
        read(load(there.folder / "anchorwatch.yaml", {}), f"{there.prefix}nowhere", "", 40)
