"""Topics that every worker reads whole, before its agents start and ever after: contracts, flags, commands."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence

import confluent_kafka as ck

from anchorwatch.engine.refusals import GROUPLESS, REFUSED_ACCESS, Right
from anchorwatch.engine.settings import Consumer, Settings, counts, log_bounds, reader, same_counts
from anchorwatch.errors import OurError

log = logging.getLogger(__name__)
OnRecord = Callable[[str, bytes | None, bytes | None, int, int], None]  # topic, key, value, offset, time in ms
DELIVERY_MAX = 1_000  # records on their way to the event loop
PATIENCE = 60.0  # seconds without a step forward before all is known
Found = tuple[str, bytes | None, bytes | None, int, int]


class Control:
    """A consumer without a group, on all partitions from the beginning. `on_record` is called in the event loop, in order."""

    def __init__(self, kafka: Settings, topics: Sequence[str], on_record: OnRecord) -> None:
        self.kafka, self.topics, self.on_record = kafka, list(topics), on_record
        self.complete = False  # all that was there at the start has been told
        self.records = 0
        self.stopping = False

    def start(self, loop: asyncio.AbstractEventLoop, crash: Callable[[Exception], None]) -> None:
        self.loop, self.crash = loop, crash
        self.thread = threading.Thread(target=self._run, name="control", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as exc:  # the edge of a thread: told to the app, which ends
            if not self.stopping:
                self.crash(exc)

    def _work(self) -> None:
        client = reader(self.kafka)
        try:
            missing = self._assign(client)
            until = time.monotonic() + PATIENCE
            while not self.stopping:
                found = self._poll(client, missing)
                if found:
                    until = time.monotonic() + PATIENCE
                    asyncio.run_coroutine_threadsafe(self._deliver(found), self.loop).result()
                if not missing and not self.complete:
                    self.complete = True
                    log.info("control.complete topics=%s records=%d", ",".join(self.topics), self.records)
                if missing and time.monotonic() > until:
                    raise OurError(f"control topics {sorted(missing)} not read to their end after {PATIENCE:g} s: a transaction hangs?")
        finally:
            client.close()

    def _assign(self, client: Consumer) -> dict[tuple[str, int], int]:
        """Every partition that holds something, and where it ends now, open transactions included."""
        found = counts(client, self.topics)
        same_counts({topic: 0 for topic, n in found.items() if not n} or {"": 1})
        tps = [ck.TopicPartition(topic, p, ck.OFFSET_BEGINNING) for topic, n in found.items() for p in range(n)]
        plain = reader(self.kafka, isolation_level="read_uncommitted")
        try:
            ends = {(tp.topic, tp.partition): log_bounds(plain, tp)[1] for tp in tps}
        finally:
            plain.close()
        client.assign(tps)
        return {tp: end for tp, end in ends.items() if end > 0}

    def _poll(self, client: Consumer, missing: dict[tuple[str, int], int]) -> list[Found]:
        found: list[Found] = []
        if client.reasons.refusal:  # a password changed while we ran
            raise client.reasons.refusal
        for m in client.consume(DELIVERY_MAX, 0.1):
            error, topic = m.error(), str(m.topic())
            if error is None:
                found.append((topic, m.key(), m.value(), m.offset(), m.timestamp()[1]))  # type: ignore[arg-type]  # bytes: no deserializer
            elif error.code() == ck.KafkaError._PARTITION_EOF:
                tp = (topic, m.partition() or 0)
                if (m.offset() or 0) >= missing.get(tp, 0):
                    missing.pop(tp, None)
            elif error.code() == GROUPLESS:
                continue
            elif error.code() in REFUSED_ACCESS:
                raise client.reasons.refused(error, Right("Read", "topic", topic))
            elif error.fatal() or error.code() == ck.KafkaError._FATAL:
                raise OurError(f"the reader of control topics ended: {error.str()}; starting again is safe")
            else:
                log.warning("kafka.read topic=%s code=%s reason=%s", topic, error.name(), error.str())
        return found

    async def _deliver(self, found: list[Found]) -> None:
        for record in found:
            self.on_record(*record)
        self.records += len(found)

    def stop(self) -> None:
        self.stopping = True
