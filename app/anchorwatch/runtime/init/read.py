"""The newest records of the topics that a contract is to be made from."""

from collections.abc import Mapping

import confluent_kafka as ck

from anchorwatch.config import Settings
from anchorwatch.engine.settings import Consumer, counts, reader, same_counts
from anchorwatch.errors import Unreachable
from anchorwatch.events import Role
from anchorwatch.runtime import schemas
from anchorwatch.runtime.doctor.sample import newest, row_of
from anchorwatch.runtime.init.opened import Side
from anchorwatch.runtime.schemas import Registry


def read(settings: Settings, topic: str, outcomes: str, records_max: int) -> tuple[Side, Side | None]:
    """Raises TopicsMismatch for a topic that is not there; Unreachable, also where a registry is set and does not answer; ConfigError."""
    client = reader(settings.kafka)
    try:
        found = counts(client, [name for name in (topic, outcomes) if name])
        same_counts({name: n for name, n in found.items() if not n} or {"": 1})
        with schemas.opened(settings.registry) as known:
            roles: dict[str, Role] = {outcomes: "outcomes", topic: "predictions"}
            sides = {name: _side(settings.kafka, name, roles[name], n, records_max, known) for name, n in found.items()}
    except ck.KafkaException as error:
        raise Unreachable(f"Kafka does not give the records of {topic}: {error.args[0].str()}; try again") from error
    finally:
        client.close()
    return sides[topic], sides.get(outcomes)


def _side(kafka: Mapping[str, str], topic: str, role: Role, partitions: int, records_max: int, known: Registry | None) -> Side:
    client = reader(kafka)
    try:
        found = [(row_of(message), message.partition() or 0) for message, _ in newest(client, topic, partitions, records_max)]
        rows = sorted((row for row, _ in found), key=lambda row: row[3])
        if known:
            known.insist(rows)
        places = {row[0]: partition for row, partition in found if row[0]}
        return Side(topic, tuple(rows), _oldest(client, topic, partitions), role, known, partitions, places)
    finally:
        client.close()


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
