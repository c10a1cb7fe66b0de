"""How far a group has come, by its committed offsets: what is left to do if all its members end now."""

from typing import Any

import confluent_kafka as ck


class Committed:
    """Asked again and again, some 2 ms each; joins no group."""

    def __init__(self, kafka: dict[str, Any], group: str, topics: list[str], partitions: int) -> None:
        self.client = ck.Consumer({**kafka, "group.id": group, "enable.auto.commit": False, "log_level": 3})
        self.places = [ck.TopicPartition(topic, p) for topic in topics for p in range(partitions)]

    def now(self) -> dict[tuple[str, int], int]:
        """By topic and partition; 0 where nothing was committed yet."""
        found = self.client.committed([ck.TopicPartition(tp.topic, tp.partition) for tp in self.places], 10)
        return {(tp.topic, tp.partition): max(tp.offset, 0) for tp in found}

    def behind(self) -> int:
        """Records that are written and not committed yet."""
        ends = sum(self.client.get_watermark_offsets(tp, 10)[1] for tp in self.places)
        return max(0, ends - sum(self.now().values()))

    def close(self) -> None:
        self.client.close()
