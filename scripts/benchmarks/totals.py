"""What Anchorwatch counted, read where a person would: in the committed summaries of the topic `findings`."""

from collections import Counter
from typing import Any

import confluent_kafka as ck
import msgspec
from scripts.benchmarks.load import PARTITIONS

from anchorwatch.events import Summary

SUMMARIES = msgspec.json.Decoder(Summary)


class Totals:
    def __init__(self, kafka: dict[str, Any], prefix: str) -> None:
        own = {"group.id": f"{prefix}bench", "isolation.level": "read_committed", "fetch.wait.max.ms": 50}
        self.reader = ck.Consumer({**kafka, **own})
        self.reader.assign([ck.TopicPartition(f"{prefix}findings", p, 0) for p in range(PARTITIONS)])
        self.found = {"predictions": 0, "labelled": 0, "joined": 0}
        self.tallies: Counter[str] = Counter()  # of all summaries: tells why totals differ

    def close(self) -> None:
        self.reader.close()

    def reached(self, predictions: int) -> dict[str, int] | None:
        """Looks what came meanwhile; the totals once all are there, which may be more."""
        for message in self.reader.consume(1_000, 0.02):
            value = message.value()
            if message.error() is None and value is not None and b'"summary.v1"' in value:
                summary = SUMMARIES.decode(value)
                whole = summary.segments.index("whole")
                for name, column in (("predictions", "predictions"), ("labelled", "labels")):  # of the last day: of all
                    self.found[name] = int(summary.columns[column][whole] or 0)
                self.tallies.update(summary.tallies)  # each since the summary before
                self.found["joined"] = self.tallies["outcome.joined"]
        return self.found if min(self.found.values()) >= predictions else None

    def told(self) -> str:
        return f"counted so far: {self.found}, tallies: {dict(self.tallies)}"
