"""The same file through Kafka: topics of its own, real ingest and judge processes under the events' clock, and the same findings.

    told = replay(course, settings, Trial(workers=2))

Topics, groups and transactions carry a prefix that no other run has; they are deleted at the end.
"""

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import confluent_kafka as ck
import msgspec
from confluent_kafka.admin import AdminClient

from anchorwatch.config import Settings
from anchorwatch.config.feeds import siblings_group
from anchorwatch.config.model import TelemetrySettings, Topics
from anchorwatch.contract import Contract
from anchorwatch.engine import topics
from anchorwatch.engine.settings import WRITING, flushed, not_taken, producer, reader
from anchorwatch.engine.tail import tail
from anchorwatch.errors import OperatorError, OurError, Unreachable
from anchorwatch.events import Alert, Finding, Heartbeat, Observation
from anchorwatch.runtime import apply, job, layout
from anchorwatch.runtime.backtest import Course, Told
from anchorwatch.runtime.child import Child
from anchorwatch.runtime.drive import Clockwork
from anchorwatch.stages.model_judge import JudgeSettings

JUDGED = JudgeSettings("", "", "", 1)  # defaults, as backtest has them
KEPT = {  # past times are not too old, future ones not too far ahead
    "retention.ms": "-1",
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
PATIENCE_S = 90.0  # without any progress
RESTARTS_MAX = 3  # of one process; a long run may meet a hiccup
LOOK_S = 0.3
OBSERVATIONS, OTHERS, SIBLING_PARTITIONS = 2, 1, 3  # partitions
Marks = dict[int, dict[tuple[str, int], int]]  # partition of observations -> (feed, task) -> offset of its last record
OBSERVATION = msgspec.msgpack.Decoder(Observation)


@dataclass(frozen=True)
class Trial:
    """How it is run; findings do not depend on it."""

    partitions: int = 4
    workers: int = 2  # ingest processes
    keep: bool = False  # leave the topics for a look


def replay(course: Course, settings: Settings, clockwork: Clockwork, trial: Trial | None = None) -> Told:
    """settings: of Kafka; topics and clock are replay's own. Raises OperatorError, OurError when nothing moves any more."""
    return asyncio.run(Run(course, settings, clockwork, trial or Trial()).told())


def own(settings: Settings, clockwork: Clockwork, trial: Trial, prefix: str) -> Settings:
    """The same Kafka, everything else apart from what runs there."""
    copies = min(3, layout.brokers(settings))
    mine = Topics(
        prefix=prefix, partitions=trial.partitions, partitions_observations=OBSERVATIONS, partitions_others=OTHERS, replication=copies
    )
    return settings.model_copy(
        update={
            "topics": mine, "clock": "events", "window": clockwork.window_ms, "lateness": clockwork.lateness_ms, "cut": 500,
            "pages_per_month": clockwork.pages_per_month, "fallback_owner": JUDGED.fallback_owner,
            "summary": clockwork.summary_ms, "shown": clockwork.recent_ms,
            "telemetry": TelemetrySettings(service_name="anchorwatch.replay"),
        }
    )  # fmt: skip


class Run:
    """One run, from its first topic to its last."""

    def __init__(self, course: Course, settings: Settings, clockwork: Clockwork, trial: Trial) -> None:
        self.course, self.clockwork, self.trial = course, clockwork, trial
        self.settings = own(settings, clockwork, trial, f"replay-{uuid.uuid4().hex[:8]}.")
        self.kafka = self.settings.kafka
        self.sources = course.contract.topics(self.settings.topic)
        feed = self.settings.feeds([course.contract])[0]
        self.siblings = {topic: f"{self.settings.topics.prefix}{siblings_group(topic)}" for topic in feed.outside(course.contract)}
        self.children: list[Child] = []

    async def told(self) -> Told:
        await asyncio.to_thread(self._prepare)
        begin = time.perf_counter()
        lives = [asyncio.create_task(child.run()) for child in self._workers()]
        try:
            await asyncio.to_thread(self._write)
            await self._judged()
            seconds = time.perf_counter() - begin
            findings, alerts, refused = await asyncio.to_thread(self._read)
            return Told(self.course, self.clockwork.window_ms, findings, alerts, refused, seconds)
        finally:
            for child in self.children:
                child.stop()
            await asyncio.gather(*lives, return_exceptions=True)
            if not self.trial.keep:
                await asyncio.to_thread(self._remove)

    # before

    def _prepare(self) -> None:
        """Topics, and in them the contract and the flag changes."""
        t = self.settings.topics
        made = topics.standard(
            t.prefix,
            t.partitions,
            t.partitions_observations,
            t.partitions_others,
            feeds={"default": t.partitions},
            siblings={siblings_group(topic): SIBLING_PARTITIONS for topic in self.siblings},
            replication=t.replication,
        )
        own_topics = tuple(topics.Topic(name, SIBLING_PARTITIONS, topics.keep(7)) for name in self.siblings.values())
        made = replace(made, topics=(*made.topics, *own_topics))
        dated = {self.settings.topic(name) for name in (*self.sources, "flags")} | set(self.siblings.values())
        wanted = tuple(replace(topic, config={**topic.config, **KEPT}) if topic.name in dated else topic for topic in made.topics)
        topics.create(self.kafka, topics.Layout(wanted, t.replication))
        apply.write(self.settings, [apply.record(self.settings, each) for each in self.course.applied])
        self._send((self.settings.topic("flags"), -1, e.key, e.value, e.at_ms) for e in self.course.events if e.role == "flags")

    def _workers(self) -> list[Child]:
        contract: Contract = self.course.contract
        feed = self.settings.feeds([contract])[0]
        for n in range(self.trial.workers):
            named = self.settings.model_copy(update={"instance": str(n)})
            self.children.append(Child(job.of_settings(named, [], feed)))
        self.children += [Child(job.of_siblings(self.settings, [], named, read)) for named, read in self.siblings.items()]
        self.children.append(Child(job.of_settings(self.settings, [], None)))
        return self.children

    # the events

    def _write(self) -> None:
        """All rows at the time at which they would have come, then the end, on every partition."""
        events = self.course.events
        self._send((self.settings.topic(e.role), -1, e.key, e.value, e.at_ms) for e in events if e.role in self.sources)
        end = self.course.end_ms + self.clockwork.lateness_ms
        beat = msgspec.json.encode(Heartbeat(end))
        self._send((self.settings.topic(role), p, None, beat, end) for role in self.sources for p in range(self.trial.partitions))
        beside = ((e, self.siblings[e.key.decode()]) for e in events if e.role == "siblings" and e.key.decode() in self.siblings)
        self._send((topic, i % SIBLING_PARTITIONS, None, b"", e.at_ms) for e, topic in beside for i in range(int(e.value)))
        self._send((topic, p, None, beat, end) for topic in self.siblings.values() for p in range(SIBLING_PARTITIONS))

    def _send(self, records: Iterator[tuple[str, int, bytes | None, bytes, int]]) -> None:
        """(topic, partition or -1, key, value, time in ms)."""
        client = producer(self.kafka, {**WRITING, "linger.ms": 20, "enable.idempotence": True})
        failures: list[tuple[str, ck.KafkaError]] = []  # topic, why

        def delivered(error: ck.KafkaError | None, message: ck.Message) -> None:
            if error is not None:
                failures.append((str(message.topic()), error))

        for topic, partition, key, value, at_ms in records:
            while True:
                try:
                    client.produce(topic, value, key, partition, timestamp=at_ms, on_delivery=delivered)
                    break
                except BufferError:
                    client.poll(0.1)
            client.poll(0)
        left = flushed(client, PATIENCE_S)
        if failures and (refused := not_taken(client, *failures[0])):
            raise refused
        if failures or left:
            why = failures[0][1].str() if failures else "no answer"
            raise Unreachable(f"Kafka did not take {len(failures) + left} events: {why}; try again")

    # the end

    async def _judged(self) -> None:
        """Until judge has committed the observations that hold the end. Raises when a process gives up or nothing moves."""
        marks: Marks = {p: {} for p in range(OBSERVATIONS)}
        seen: dict[int, int] = {}
        moved = time.monotonic()
        while True:
            before = (dict(seen), {p: dict(found) for p, found in marks.items()})
            await asyncio.to_thread(self._look, marks, seen)
            if self._complete(marks) and await asyncio.to_thread(self._committed, marks):
                return
            if before != (seen, marks):
                moved = time.monotonic()
            self._check(time.monotonic() - moved)
            await asyncio.sleep(LOOK_S)

    def _look(self, marks: Marks, seen: dict[int, int]) -> None:
        for told in tail(self.kafka, [self.settings.topic("observations")], since="beginning", until_end=True):
            if told.offset <= seen.get(told.partition, -1) or told.value is None:
                continue
            seen[told.partition] = told.offset
            observation = OBSERVATION.decode(told.value)
            if observation.watermark_ms >= self.course.end_ms:
                marks[told.partition][observation.feed, observation.task] = told.offset

    def _complete(self, marks: Marks) -> bool:
        wanted = self.trial.partitions + SIBLING_PARTITIONS * len(self.siblings)
        return all(len(found) == wanted for found in marks.values())

    def _committed(self, marks: Marks) -> bool:
        topic = self.settings.topic("observations")
        client = reader(self.kafka, f"{self.settings.topics.prefix}judge")
        try:
            found = client.committed([ck.TopicPartition(topic, p) for p in marks], timeout=20)
            return all(tp.offset > max(marks[tp.partition].values()) for tp in found)
        except ck.KafkaException as error:
            raise Unreachable(f"Kafka does not tell how far the judge is: {error.args[0].str()}; try again") from error
        finally:
            client.close()

    def _check(self, still_s: float) -> None:
        for child in self.children:
            if child.state == "needs a person":
                raise OperatorError(f"{child.job.name}: {child.reason}")
            if child.restarts >= RESTARTS_MAX:
                raise OurError(
                    f"{child.job.name} ended {child.restarts} times ({child.reason or 'it did not say why'}); look at the lines above"
                )
        if still_s > PATIENCE_S:
            states = ", ".join(f"{child.job.name} {child.job.instance} {child.state} {child.reason}".strip() for child in self.children)
            raise OurError(f"nothing moved for {PATIENCE_S:.0f} s ({states}); look at the lines above, or try again with a smaller file")

    # what came out

    def _read(self) -> tuple[list[Finding], list[Alert], int]:
        findings = [msgspec.json.decode(v, type=Finding) for v in self._values("findings") if b'"finding.v1"' in v]
        alerts = [msgspec.json.decode(value, type=Alert) for value in self._values("alerts.events")]
        return findings, alerts, sum(1 for _ in self._values("dead-letters"))

    def _values(self, name: str) -> Iterator[bytes]:
        for told in tail(self.kafka, [self.settings.topic(name)], since="beginning", until_end=True):
            if told.value is not None:
                yield told.value

    def _remove(self) -> None:
        """What it made. What cannot be deleted is told by Kafka's own tools; it harms nobody."""
        prefix = self.settings.topics.prefix
        with AdminClient(dict(self.kafka)) as admin:
            names = [name for name in admin.list_topics(timeout=20).topics if name.startswith(prefix)]
            waiting: list[Any] = list(admin.delete_topics(names).values()) if names else []
            waiting += admin.delete_consumer_groups([f"{prefix}judge", f"{prefix}ingest.default", *self.siblings.values()]).values()
            for done in waiting:
                done.exception(20)
