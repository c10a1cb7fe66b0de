"""What Anchorwatch is compared with, each a process of its own that prints a line of JSON when it has seen the whole load.

python -m scripts.benchmarks.opponents bare|delivery|faust BOOTSTRAP PREFIX PREDICTIONS
python -m scripts.benchmarks.opponents member BOOTSTRAP PREFIX 0 GROUP INSTANCE
python -m scripts.benchmarks.opponents changelog BOOTSTRAP PREFIX 0 TOPIC
"""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import confluent_kafka as ck
import msgspec
from scripts.benchmarks import meter
from scripts.benchmarks.shape import Outcome, Prediction
from scripts.benchmarks.work import Join, tell

from anchorwatch.engine.settings import CLASSIC, FETCHING


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


def member(kafka: dict[str, Any], prefix: str, _predictions: int, group: str, instance: str) -> None:
    """One of a group that decodes and commits every second, until SIGTERM; a line for each assignment. instance: "" is not static."""
    own: dict[str, Any] = {"group.id": group, "auto.offset.reset": "earliest", "auto.commit.interval.ms": 1_000}
    if instance:
        own["group.instance.id"] = instance
    reader = ck.Consumer({**kafka, **FETCHING, **CLASSIC, **own})
    topics = {f"{prefix}predictions": Prediction, f"{prefix}outcomes": Outcome}
    decode = {topic: msgspec.json.Decoder(shape).decode for topic, shape in topics.items()}

    def assigned(_: ck.Consumer, places: list[ck.TopicPartition]) -> None:
        tell(partitions=sum(place.topic == f"{prefix}predictions" for place in places))

    reader.subscribe(list(topics), on_assign=assigned)
    leaving: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: leaving.append(number))
    while not leaving:
        for message in reader.consume(10_000, 0.05):
            topic, value = message.topic(), message.value()
            if message.error() is None and topic is not None and value is not None:
                decode[topic](value)
    reader.close()


def changelog(kafka: dict[str, Any], _prefix: str, _predictions: int, topic: str) -> None:
    """Reads a compacted topic to its end and keeps the newest value of each key: what any restore has to do at least."""
    own = {"group.id": "bare", "enable.partition.eof": True, "enable.auto.commit": False}
    reader = ck.Consumer({**kafka, **FETCHING, **own})
    partitions = len(reader.list_topics(topic, 10).topics[topic].partitions)
    began, read, ended = time.monotonic(), 0, 0
    reader.assign([ck.TopicPartition(topic, p, 0) for p in range(partitions)])
    kept: dict[tuple[int | None, bytes | None], bytes] = {}
    while ended < partitions:
        for message in reader.consume(10_000, 0.05):
            if message.error() is not None:
                ended += 1
                continue
            key, value = (message.partition(), message.key()), message.value()
            read += len(value or b"")
            if value is None:
                kept.pop(key, None)
            else:
                kept[key] = value
    seconds = time.monotonic() - began
    peak = meter.peak_bytes(os.getpid())
    tell(microseconds=int(seconds * 1e6), read=read, live=sum(map(len, kept.values())), chunks=len(kept), peak=peak)


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


CONTENDERS: dict[str, Callable[..., None]] = {
    "bare": bare, "changelog": changelog, "delivery": delivery, "faust": faust, "member": member,
}  # fmt: skip

if __name__ == "__main__":
    which, bootstrap, prefix, predictions, *more = sys.argv[1:]
    CONTENDERS[which]({"bootstrap.servers": bootstrap}, prefix, int(predictions), *more)
