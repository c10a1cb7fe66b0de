"""Quix Streams as an opponent: runs in an environment of its own (environments.py), so it knows nothing of ours but the load and the work.

python -m scripts.benchmarks.opponents_quix quix|quix-decode SETTINGS PREFIX PREDICTIONS

As quick as its documentation lets one be: values as bytes and the quick decoder in the function, instead of its JSON; a dict as join, instead of
RocksDB and a changelog; at-least-once, one commit every 5 s; the fetch settings of ours, and committed records only, as librdkafka has it.
"""

import json
import sys
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from scripts.benchmarks.shape import Outcome, Prediction
from scripts.benchmarks.work import Join, tell


class Decoded:
    """Its engine alone: each record is decoded, nothing is kept."""

    def __init__(self, predictions: int) -> None:
        self.predictions, self.seen, self.known = predictions, 0, 0
        self.read_prediction, self.read_outcome = msgspec.json.Decoder(Prediction).decode, msgspec.json.Decoder(Outcome).decode

    def prediction(self, value: bytes) -> None:
        self.read_prediction(value)
        self.seen += 1
        self._tell()

    def outcome(self, value: bytes) -> None:
        self.read_outcome(value)
        self.known += 1
        self._tell()

    def _tell(self) -> None:
        if self.seen >= self.predictions and self.known >= self.predictions:
            tell(predictions=self.seen, outcomes=self.known)
            self.predictions = sys.maxsize  # told once


def main(name: str, kafka: dict[str, Any], prefix: str, predictions: int) -> None:
    from quixstreams import Application  # type: ignore[import-not-found]  # not of our environment

    work = Join(predictions) if name == "quix" else Decoded(predictions)
    with TemporaryDirectory(prefix="anchorwatch-bench-") as folder:
        app = Application(
            kafka.pop("bootstrap.servers"), consumer_group=f"{prefix}{name}", auto_offset_reset="earliest", consumer_extra_config=kafka,
            state_dir=folder, use_changelog_topics=False, auto_create_topics=False, loglevel="WARNING",
        )  # fmt: skip
        for topic, take in (("predictions", work.prediction), ("outcomes", work.outcome)):
            app.dataframe(app.topic(prefix + topic, key_deserializer="bytes", value_deserializer="bytes")).update(take)
        app.run()


if __name__ == "__main__":
    which, settings, prefix, predictions = sys.argv[1:]
    main(which, json.loads(settings), prefix, int(predictions))
