"""What Anchorwatch is compared with, each a process of its own that prints a line of JSON when it has seen the whole load.

python -m scripts.benchmarks.opponents bare|delivery|faust BOOTSTRAP PREFIX PREDICTIONS
"""

import json
import sys
from collections.abc import AsyncIterator, Callable
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import confluent_kafka as ck
import msgspec
from scripts.benchmarks.shape import Outcome, Prediction, Segments

from anchorwatch.engine.settings import FETCHING


def tell(**what: int) -> None:
    print(json.dumps(what), flush=True)


def bare(kafka: dict[str, Any], prefix: str, predictions: int) -> NoReturn:
    """A consumer that reads batches and decodes; it keeps nothing, and commits as librdkafka does by itself."""
    own = {"group.id": f"{prefix}bare", "auto.offset.reset": "earliest"}
    reader = ck.Consumer({**kafka, **FETCHING, **own})
    reader.subscribe([f"{prefix}predictions", f"{prefix}outcomes"])
    decode: dict[str, Callable[[bytes], object]] = {
        f"{prefix}predictions": msgspec.json.Decoder(Prediction).decode,
        f"{prefix}outcomes": msgspec.json.Decoder(Outcome).decode,
    }
    seen = dict.fromkeys(decode, 0)
    while True:
        for message in reader.consume(10_000, 0.05):
            topic, value = message.topic(), message.value()
            if message.error() is None and topic is not None and value is not None:
                decode[topic](value)
                seen[topic] += 1
        if all(n >= predictions for n in seen.values()):
            tell(predictions=seen[f"{prefix}predictions"], outcomes=seen[f"{prefix}outcomes"])
            predictions = sys.maxsize  # told once


class Segment:
    """One river detector and one river metric."""

    def __init__(self) -> None:
        from river import drift, metrics

        self.drift, self.accuracy, self.alarms = drift.ADWIN(), metrics.Accuracy(), 0

    def update(self, label: str, answer: str) -> None:
        self.accuracy.update(label, answer)
        self.drift.update(float(label != answer))
        self.alarms += self.drift.drift_detected


def names_of(segments: Segments) -> tuple[str, ...]:
    """The whole, three dimensions, their pairs."""
    c, t, h = segments.country, segments.tier, segments.channel
    return "*", c, t, h, f"{c},{t}", f"{c},{h}", f"{t},{h}"


class Join:
    """A dict of predictions that wait, one of outcomes that came first, and the segments."""

    def __init__(self, predictions: int) -> None:
        self.predictions = predictions
        self.waiting: dict[str, Prediction] = {}
        self.early: dict[str, str] = {}
        self.segments: dict[str, Segment] = {}
        self.seen, self.joined = 0, 0
        self.read_prediction, self.read_outcome = msgspec.json.Decoder(Prediction).decode, msgspec.json.Decoder(Outcome).decode

    def prediction(self, value: bytes) -> None:
        prediction = self.read_prediction(value)
        self.seen += 1
        label = self.early.pop(prediction.prediction_id, None)
        if label is None:
            self.waiting[prediction.prediction_id] = prediction
        else:
            self.update(prediction, label)

    def outcome(self, value: bytes) -> None:
        outcome = self.read_outcome(value)
        prediction = self.waiting.pop(outcome.prediction_id, None)
        if prediction is None:
            self.early[outcome.prediction_id] = outcome.label
        else:
            self.update(prediction, outcome.label)

    def update(self, prediction: Prediction, label: str) -> None:
        for name in names_of(prediction.segments):
            if name not in self.segments:
                self.segments[name] = Segment()
            self.segments[name].update(label, prediction.prediction)
        self.joined += 1
        if self.joined == self.predictions:
            tell(predictions=self.seen, outcomes=self.joined)


def faust(kafka: dict[str, Any], prefix: str, predictions: int) -> None:
    """The agent that a team would write first, with the quick decoder: Faust's own driver, one event at a time, a dict as join."""
    import faust as stock

    with TemporaryDirectory(prefix="anchorwatch-bench-") as folder:
        app = stock.App(
            f"{prefix}faust", broker=f"kafka://{kafka['bootstrap.servers']}", datadir=folder, web_enabled=False, topic_replication_factor=1,
            topic_partitions=1, autodiscover=False,
        )  # fmt: skip
        join = Join(predictions)

        @app.agent(app.topic(f"{prefix}predictions", value_serializer="raw"))  # type: ignore[untyped-decorator]  # faust is untyped
        async def on_predictions(stream: AsyncIterator[bytes]) -> None:
            async for value in stream:
                join.prediction(value)

        @app.agent(app.topic(f"{prefix}outcomes", value_serializer="raw"))  # type: ignore[untyped-decorator]  # faust is untyped
        async def on_outcomes(stream: AsyncIterator[bytes]) -> None:
            async for value in stream:
                join.outcome(value)

        stock.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


def delivery(kafka: dict[str, Any], prefix: str, predictions: int) -> None:
    """Our engine with an empty stage: no opponent, but the first step of our own."""
    from scripts.benchmarks.delivery import run

    run(kafka, prefix, predictions, tell)


CONTENDERS = {"bare": bare, "delivery": delivery, "faust": faust}

if __name__ == "__main__":
    which, bootstrap, prefix, predictions = sys.argv[1:]
    CONTENDERS[which]({"bootstrap.servers": bootstrap}, prefix, int(predictions))
