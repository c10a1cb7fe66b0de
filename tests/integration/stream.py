"""A stream of predictions and outcomes at an even rate, in all four codecs, and the truth about it per segment."""

import heapq
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Producer
from tests.traffic import HEALTHY, Fault, traffic

from anchorwatch.runtime.drive import Event

CODECS = ("lz4", "zstd", "gzip", "snappy")
SLICE_MS = 200  # each by one codec's producer
MEGABYTE = 1_000_000
POISON = (  # value, and what its dead letter says of it
    (b"{ not json", "malformed"),
    (b"\x00\x00\x00\x00\x2a\x06eu", "schema"),  # a registry's wire format
    (b"\x1f\x8b\x08\x00gzip", "malformed"),  # compressed by hand
    (b"(\xb5/\xfd\x04\x58zstd", "malformed"),
    ('{"prediction_id": "u"}'.encode("utf-16"), "malformed"),
    (b"", "malformed"),
    (b"[1, 2]", "malformed"),
    (b'{"prediction_id": "x", "model": "loan", "prediction": {"yes": 1}}', "field"),
)


@dataclass
class Truth:
    """What was fed, per segment."""

    predictions: Counter[str] = field(default_factory=Counter)
    labelled: Counter[str] = field(default_factory=Counter)
    correct: Counter[str] = field(default_factory=Counter)
    answers: dict[str, tuple[str, list[str]]] = field(default_factory=dict)  # id -> answer and segments, until its outcome

    def learn(self, event: Event) -> None:
        record = json.loads(event.value)
        if event.role == "predictions":
            segments = ["whole", *(f"{name}={value}" for name, value in record["segments"].items())]
            self.predictions.update(segments)
            self.answers[record["prediction_id"]] = record["prediction"], segments
        else:
            answer, segments = self.answers.pop(record["prediction_id"])
            self.labelled.update(segments)
            self.correct.update(segments if answer == record["label"] else ())

    def told(self) -> dict[str, dict[str, int]]:
        return {"predictions": dict(self.predictions), "labelled": dict(self.labelled), "correct": dict(self.correct)}


class Stream(threading.Thread):
    """Sends until `end`. `fault` may be changed meanwhile; `foul`: poison, 1 MB, aborted transactions and tombstones among the good ones.

    Events are sent in the order of their times, each slice through the producer of another codec.
    """

    def __init__(self, kafka: Mapping[str, Any], prefix: str, rate: int, *, foul: bool = False, fault: Fault = HEALTHY) -> None:
        super().__init__(daemon=True, name="stream")
        self.prefix, self.rate, self.foul, self.fault = prefix, rate, foul, fault
        self.truth, self.stopping, self.rng = Truth(), threading.Event(), random.Random(prefix)
        self.poison: Counter[str] = Counter()  # kind of dead letter -> records
        self.trouble: Exception | None = None
        settings = {**kafka, "log_level": 0, "linger.ms": 5, "message.max.bytes": 2_090_000, "partitioner": "murmur2_random"}
        self.producers = [Producer({**settings, "enable.idempotence": True, "compression.type": codec}) for codec in CODECS]
        self.taking_back = Producer({**settings, "transactional.id": f"{prefix}stream"}) if foul else None
        if self.taking_back:
            self.taking_back.init_transactions(30)
        self._due: list[tuple[int, int, Event]] = []
        self._n = 0
        self.start()

    def run(self) -> None:
        try:
            self._run()
        except Exception as error:  # raised to whoever calls `end`
            self.trouble = error

    def _run(self) -> None:
        at = now_ms()
        number = 0
        while not self.stopping.is_set():
            number += 1
            at = max(at, now_ms() - SLICE_MS) + SLICE_MS  # a machine without time for us makes fewer events, not late ones
            self._plan(traffic(self.rate * SLICE_MS // 1000, start_ms=at - SLICE_MS, rate=self.rate, seed=number, fault=self.fault))
            self.stopping.wait(max(0, at - now_ms()) / 1000)
            producer = self.producers[number % len(CODECS)]
            self._send(producer, before_ms=at)
            if self.foul:
                self._soil(producer, number)
            assert producer.flush(120) == 0, "the stream did not get through"  # before the next codec's: times ascend in each partition
        self._send(producer, before_ms=at + 60_000)  # outcomes of the last seconds
        assert producer.flush(120) == 0, "the stream did not get through"

    def _plan(self, events: Iterable[Event]) -> None:
        for event in events:
            self._n += 1
            heapq.heappush(self._due, (event.at_ms, self._n, event))

    def _send(self, producer: Producer, before_ms: int) -> None:
        while self._due and self._due[0][0] < before_ms:
            event = heapq.heappop(self._due)[2]
            value = event.value
            if self.foul and event.role == "predictions" and self.truth.predictions["whole"] % 1_000 == 999:
                value = event.value[:-1] + b', "note": "' + b"x" * MEGABYTE + b'"}'  # a field that nobody asked for
            self._produce(producer, event.role, event.key, value)
            self.truth.learn(event)

    def _produce(self, producer: Producer, topic: str, key: bytes, value: bytes | None) -> None:
        while True:
            try:
                return producer.produce(self.prefix + topic, value, key)
            except BufferError:
                producer.poll(0.1)

    def _soil(self, producer: Producer, number: int) -> None:
        """Each second one of all that a good producer does not send."""
        value, kind = POISON[number % len(POISON)]
        self._produce(producer, "predictions", b"poison-%d" % number, value)
        self.poison[kind] += 1
        self._produce(producer, "outcomes", b"gone-%d" % number, None)  # a tombstone
        if number % 5 == 0:
            self._take_back(number)
        if number % 10 == 0:
            size = MEGABYTE if number % 20 else 2_050_000
            self._produce(producer, "predictions", b"large-%d" % number, b"\x00" + b"poison " * (size // 7))
            self.poison["schema"] += 1

    def _take_back(self, number: int) -> None:
        """An aborted transaction: events that nobody may see."""
        assert self.taking_back, "made for foul streams"
        self.taking_back.begin_transaction()
        for event in traffic(8, start_ms=now_ms(), seed=number, name=f"taken-back-{number}"):
            self.taking_back.produce(self.prefix + event.role, event.value, event.key)
        self.taking_back.flush(30)
        self.taking_back.abort_transaction(30)

    def end(self) -> dict[str, dict[str, int]]:
        """All that was fed."""
        self.stopping.set()
        self.join(150)
        if self.trouble:
            raise self.trouble
        assert not self.is_alive(), "the stream did not end"
        return self.truth.told()


def now_ms() -> int:
    return time.time_ns() // 1_000_000
