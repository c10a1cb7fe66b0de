"""The newest records of the topics that a contract is to be made from."""

from collections.abc import Mapping

import confluent_kafka as ck

from anchorwatch.config import Settings
from anchorwatch.engine.settings import Consumer, counts, reader, same_counts
from anchorwatch.errors import Unreachable
from anchorwatch.events import Row, headed
from anchorwatch.runtime.doctor.sample import newest
from anchorwatch.runtime.init.proposal import Side


def read(settings: Settings, topic: str, outcomes: str, records_max: int) -> tuple[Side, Side | None, bool]:
    """And whether both have equal counts of partitions. Raises TopicsMismatch for a topic that is not there, Unreachable, ConfigError."""
    client = reader(settings.kafka)
    try:
        found = counts(client, [name for name in (topic, outcomes) if name])
        same_counts({name: n for name, n in found.items() if not n} or {"": 1})
        sides = {name: _side(settings.kafka, name, n, records_max) for name, n in found.items()}
    except ck.KafkaException as error:
        raise Unreachable(f"Kafka does not give the records of {topic}: {error.args[0].str()}; try again") from error
    finally:
        client.close()
    return sides[topic], sides.get(outcomes), len(set(found.values())) == 1


def _side(kafka: Mapping[str, str], topic: str, partitions: int, records_max: int) -> Side:
    client = reader(kafka)
    try:
        raws = list(newest(client, topic, partitions, records_max))
        rows = sorted((_row(message) for message, _ in raws), key=lambda row: row[3])
        return Side(topic, tuple(rows), _oldest(client, topic, partitions))
    finally:
        client.close()


def _row(message: ck.Message) -> Row:
    key, value = message.key(), message.value()
    row = (
        key if isinstance(key, bytes) else None,
        value if isinstance(value, bytes) else None,
        message.offset() or 0,
        message.timestamp()[1],
    )
    return headed(row, message.headers() or ())  # type: ignore[arg-type]  # typed too widely


def _oldest(client: Consumer, topic: str, partitions: int) -> int:
    """Time of the first record that the topic still holds, 0 where it holds none."""
    client.assign([ck.TopicPartition(topic, p, ck.OFFSET_BEGINNING) for p in range(partitions)])
    found: dict[int, int] = {}
    ended: set[int] = set()
    for _ in range(100):  # of a tenth of a second: a slow partition is left out
        for message in client.consume(100, 0.1):
            p = message.partition() or 0
            if message.error() is None:
                found.setdefault(p, int(message.timestamp()[1]))
            else:
                ended.add(p)
        if len(found.keys() | ended) == partitions:
            break
    return min(found.values(), default=0)
