"""From `alerts.events` to the sinks: a reader of the group `<prefix>sinks`, which goes on where it was when it comes back.

At least once: an offset is committed when every receiver has taken all alerts up to it. What is sent again has the same `<id>/<sequence>`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator

import confluent_kafka as ck
import msgspec

from anchorwatch.config import Settings
from anchorwatch.engine.refusals import REFUSED_ACCESS, Right
from anchorwatch.engine.settings import READING, TP, Consumer, consumer, counts, reader, same_counts
from anchorwatch.engine.tail import tail
from anchorwatch.errors import UNREADABLE, ConfigError, OperatorError, OurError, Unreachable
from anchorwatch.events import Alert
from anchorwatch.sinks import Sinks

log = logging.getLogger(__name__)
DECODER = msgspec.json.Decoder(Alert)
FIRST_LOOK_MS = 3_600_000  # a group without offsets hears of the last hour, not of all that ever was
BATCHES_MAX = 8  # on their way to the event loop; above: reading waits
PENDING_MAX = 100_000  # records looked at to find what was not told yet; above: more may be told twice
DRAIN_S = 3.0
LOOK_AGAIN_S = 60.0  # whether a person has acted meanwhile
PATIENCE = 20.0
Found = list[tuple[TP, int, Alert | None]]  # partition, offset, alert; None: not one of ours


def decoded(value: bytes | None) -> Alert | None:
    try:
        return DECODER.decode(value) if value is not None else None
    except UNREADABLE as error:
        log.warning("alert.unreadable reason=%s; does something else write to alerts.events?", error)
        return None


class AlertReader:
    """A thread with a consumer. Raises nothing there: `trouble` ends the stream of alerts, and whoever reads it."""

    def __init__(self, settings: Settings) -> None:
        self.kafka, self.options = settings.kafka, settings.group
        self.topic, self.state = settings.topic("alerts.events"), settings.topic("alerts.state")
        self.group = f"{settings.topics.prefix}sinks"
        self.done: dict[TP, int] = {}  # next offset of each partition; all before it was taken by every receiver
        self.committed: dict[TP, int] = {}
        self.stopping = threading.Event()
        self.trouble: Exception | None = None
        self._queue: asyncio.Queue[Found | None] = asyncio.Queue(BATCHES_MAX)
        self._thread: threading.Thread | None = None

    # in the event loop

    async def known(self) -> list[Alert]:
        """What was told before, and is no change that waits."""
        return await asyncio.to_thread(self._known)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    async def alerts(self, sinks: Sinks) -> AsyncIterator[Alert]:
        """Until `stop`. Raises what befell the thread."""
        waiting: dict[TP, int] = {}  # offered, not taken yet
        taken = asyncio.create_task(sinks.idle())
        try:
            while (found := await self._queue.get()) is not None:
                for _, _, alert in found:
                    if alert is not None:
                        yield alert
                waiting |= {tp: offset + 1 for tp, offset, _ in found}
                taken.cancel()
                taken = asyncio.create_task(self._when_taken(sinks, waiting))
            if self.trouble:
                raise self.trouble
        finally:
            taken.cancel()

    async def _when_taken(self, sinks: Sinks, waiting: dict[TP, int]) -> None:
        await sinks.idle()
        self.done |= waiting
        waiting.clear()

    async def stop(self) -> None:
        self.stopping.set()
        if self._thread:
            await asyncio.to_thread(self._thread.join, PATIENCE)

    # in the thread

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # the edge of a thread: told to whoever reads the alerts
            self.trouble = error
        self._put(None)

    def _work(self) -> None:
        quick = {"session.timeout.ms": 10_000, "fetch.wait.max.ms": 100}
        client = consumer(quick, self.kafka, self.options, READING, {"group.id": self.group, "auto.offset.reset": "earliest"})
        client.subscribe([self.topic], on_assign=self._assigned, on_revoke=self._revoked)
        try:
            while not self.stopping.is_set():
                if found := self._poll(client):
                    self._put(found)
                self._commit(client)
            self._put(None)
            until = time.monotonic() + DRAIN_S
            while self.done != self.committed and time.monotonic() < until:
                self._commit(client)
                time.sleep(0.05)
        finally:
            client.close()

    def _put(self, found: Found | None) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._queue.put(found), self._loop).result(PATIENCE)
        except (TimeoutError, RuntimeError):
            log.warning("alerts.not_taken reason=the event loop does not take them")

    def _poll(self, client: Consumer) -> Found:
        found: Found = []
        if client.reasons.refusal:
            raise client.reasons.refusal
        for m in client.consume(500, 0.2):
            error, tp = m.error(), (str(m.topic()), m.partition() or 0)
            if error is None:
                found.append((tp, m.offset() or 0, decoded(m.value())))
            elif error.code() in REFUSED_ACCESS:
                raise self._refused(client, error)
            elif error.fatal() or error.code() == ck.KafkaError._FATAL:
                raise OurError(f"reading {self.topic}: {error.str()}; starting again is safe")
        return found

    def _refused(self, client: Consumer, error: ck.KafkaError) -> ConfigError:
        """Of the group when the topic was not at fault."""
        is_group = error.code() == ck.KafkaError.GROUP_AUTHORIZATION_FAILED
        needs = Right("Read", "group", self.group) if is_group else Right("Read", "topic", self.topic)
        return client.reasons.refused(error, needs)

    def _assigned(self, client: ck.Consumer, tps: list[ck.TopicPartition]) -> None:
        """Where the group was; a new group begins an hour ago."""
        begins = first_offsets(client, tps)
        client.assign([ck.TopicPartition(topic, p, offset) for (topic, p), offset in begins.items()])

    def _revoked(self, client: ck.Consumer, tps: list[ck.TopicPartition]) -> None:
        self._commit(client)
        for tp in tps:
            self.done.pop((tp.topic, tp.partition), None)
            self.committed.pop((tp.topic, tp.partition), None)

    def _commit(self, client: ck.Consumer) -> None:
        done = dict(self.done)
        new = [ck.TopicPartition(topic, p, n) for (topic, p), n in done.items() if self.committed.get((topic, p)) != n]
        if not new:
            return
        try:
            client.commit(offsets=new, asynchronous=False)
            self.committed |= done
        except ck.KafkaException as error:  # again at the next round; at worst an alert is told twice
            log.warning("alerts.commit reason=%s", error.args[0].str())

    def _known(self) -> list[Alert]:
        waiting = {alert.id for alert in self._waiting()}
        latest: dict[bytes | None, Alert] = {}
        for told in tail(self.kafka, [self.state], since="beginning", until_end=True):
            latest.pop(told.key, None)
            if (alert := decoded(told.value)) is not None:
                latest[told.key] = alert
        return [alert for alert in latest.values() if alert.id not in waiting]

    def _waiting(self) -> list[Alert]:
        """Changes that the group has not passed yet."""
        client = reader(self.kafka, self.group)
        try:
            n = same_counts(counts(client, [self.topic]))
            tps = [ck.TopicPartition(self.topic, p) for p in range(n)]
            begins = first_offsets(client, tps)
            ends = {(tp.topic, tp.partition): client.get_watermark_offsets(tp, PATIENCE)[1] for tp in tps}
            left = {tp for tp, begin in begins.items() if begin < ends[tp]}
            client.assign([ck.TopicPartition(topic, p, begins[topic, p]) for topic, p in left])
            found: list[Alert] = []
            until = time.monotonic() + PATIENCE
            while left and len(found) < PENDING_MAX and time.monotonic() < until:
                for m in client.consume(500, 0.2):
                    tp, error = (str(m.topic()), m.partition() or 0), m.error()
                    if error is not None and error.code() == ck.KafkaError._PARTITION_EOF:
                        left.discard(tp)
                    elif error is None and (alert := decoded(m.value())) is not None:
                        found.append(alert)
            return found
        except ck.KafkaException as error:
            if error.args[0].code() in REFUSED_ACCESS:
                raise self._refused(client, error.args[0]) from error
            raise Unreachable(f"Kafka does not tell where {self.group} was: {error.args[0].str()}; is it up?") from error
        finally:
            client.close()


def first_offsets(client: ck.Consumer, tps: list[ck.TopicPartition]) -> dict[TP, int]:
    """Of a member of the group: committed, else the first record of the last hour, else the end."""
    plain = [ck.TopicPartition(tp.topic, tp.partition) for tp in tps]
    found = {(tp.topic, tp.partition): tp.offset for tp in client.committed(plain, PATIENCE)}
    new = [tp for tp in plain if found[tp.topic, tp.partition] < 0]
    if new:
        since_ms = time.time_ns() // 1_000_000 - FIRST_LOOK_MS
        asked = client.offsets_for_times([ck.TopicPartition(tp.topic, tp.partition, since_ms) for tp in new], PATIENCE)
        for tp in asked:
            end = client.get_watermark_offsets(tp, PATIENCE)[1]
            found[tp.topic, tp.partition] = tp.offset if tp.offset >= 0 else end
    return found


class AlertsOut:
    """Runs reader and sinks together, again after a fault. `state` is for /readyz."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state, self.reason = "starting", ""
        self.sinks: Sinks | None = None
        self._reader: AlertReader | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        wait = 1.0
        while not self._stopping.is_set():
            try:
                await self._once()
                wait = 1.0
            except Exception as error:  # the edge: alerts must go on whatever befell one attempt
                if self._stopping.is_set():
                    break
                if isinstance(error, OperatorError) and not isinstance(error, Unreachable):
                    self.state, self.reason, wait = "needs a person", str(error), LOOK_AGAIN_S
                    log.error("sinks.stopped looks_again_in_s=%g reason=%s", wait, error)  # noqa: TRY400 (no fault of ours: no stack)
                else:
                    self.state, self.reason = "waits", str(error)
                    log.warning("sinks.ended again_in_s=%g reason=%s", wait, error)
                try:
                    await asyncio.wait_for(self._stopping.wait(), wait)
                except TimeoutError:
                    wait = min(2 * wait, 30.0)
        self.state = "stopped"

    async def _once(self) -> None:
        reading = self._reader = AlertReader(self.settings)
        sinks = self.sinks = Sinks(self.settings.sinks, self.settings.routes)
        known = await reading.known()
        reading.start()
        self.state, self.reason = "ready", ""
        try:
            await sinks.run(reading.alerts(sinks), known, DRAIN_S)
        finally:
            await reading.stop()

    def stop(self) -> None:
        self._stopping.set()
        if self._reader:
            self._reader.stopping.set()

    def told(self) -> dict[str, object]:
        counts_now = self.sinks.counts if self.sinks else {}
        return {
            "state": self.state,
            "reason": self.reason,
            "counts": {f"{sink}.{result}": n for (sink, result), n in sorted(counts_now.items())},
        }
