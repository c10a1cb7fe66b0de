"""POST /hooks/{source}: flag changes of other systems become records of the topic `flags`.

Answered when Kafka has them, else with 503, and the provider sends again. A body is read for as long as it is signed and small; it is never
logged. Of one flag the newest change by its own time stays the last on the topic, since compaction keeps the last alone: one that comes late
is written with the newest behind it.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import confluent_kafka as ck
import msgspec
from aiohttp import web

from anchorwatch.config import Settings
from anchorwatch.engine.settings import Producer, producer
from anchorwatch.engine.tail import Told
from anchorwatch.errors import OperatorError, Unreachable
from anchorwatch.events import FlagChange, Record
from anchorwatch.runtime.control import FlagReader
from anchorwatch.runtime.emit import deliver
from anchorwatch.runtime.follow import Follower
from anchorwatch.runtime.health import BODY_MAX
from anchorwatch.sources import hooks
from anchorwatch.stages.flags import FlagBook
from anchorwatch.stages.report import Report
from anchorwatch.telemetry import Telemetry
from anchorwatch.telemetry.totals import Snapshot

log = logging.getLogger(__name__)
BODY_S, KAFKA_S = 10.0, 6.0  # for a body to come, for Kafka to take it: providers wait for ten seconds
WAITING_MAX = 100  # deliveries that wait for Kafka; above: 503 at once
AGAIN_S = 60.0  # after a refusal of Kafka that a person must mend
TOLD_S = 60.0  # between two log lines about refusals of one kind
INSTRUMENT = "anchorwatch.hooks"


class Hooks:
    """In the event loop. Without a secret in the settings every source is off, and nothing is read or written."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.on = settings.hooks_on
        self.book, self.reader = FlagBook(), FlagReader()
        self.state, self.reason = ("starting", "") if self.on else ("off", "")
        self.counts: dict[str, int] = {}
        self._telemetry = Telemetry(settings.telemetry.service_name, "run", settings.instance) if self.on else None
        self._door, self._waiting = asyncio.Lock(), 0
        self._client: Producer | None = None
        self._told_at: dict[str, float] = {}
        self._follower: Follower | None = None
        if self.on:
            self._follow()

    # what is known of the topic

    def _follow(self) -> None:
        self._follower = Follower(self.settings, "flags", self._learn, self._ended, self._failed)

    def _learn(self, told: Told) -> None:
        for change in self.reader.read(told.key, told.value, told.offset, told.time_ms):
            self.book.add(change)

    def _ended(self) -> None:
        self.state, self.reason = "ready", ""

    def _failed(self, error: Exception) -> None:
        self.state, self.reason = "needs a person", str(error)
        log.error("hooks.stopped looks_again_in_s=%g reason=%s", AGAIN_S, error)
        asyncio.get_running_loop().call_later(AGAIN_S, self._follow)

    # one delivery

    async def answer(self, request: web.Request) -> web.Response:
        """200 when all is done that this delivery asks for, be it nothing; 400, 401, 404, 405, 408, 413, 422, 503 as problem+json."""
        name = request.match_info["source"]
        hook = self.on.get(name)
        if hook is None or hook.secret is None:
            known = f"set hooks.{name}.secret" if name in hooks.names() else f"there are: {', '.join(hooks.names())}"
            return self._refuse(
                "off" if name in hooks.names() else "unknown", name, HTTPStatus.NOT_FOUND, f"no hook of this name is on; {known}"
            )
        if request.method != "POST":
            return self._refuse("method", name, HTTPStatus.METHOD_NOT_ALLOWED, "a hook takes POST alone", {"Allow": "POST"})
        try:
            body = await asyncio.wait_for(request.read(), BODY_S)
        except web.HTTPRequestEntityTooLarge:
            why = f"the body has more than {BODY_MAX:,} bytes; let the provider send switches of flags alone, by its own filter"
            return self._refuse("too_large", name, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why)
        except (ConnectionError, aiohttp.ClientError):
            return self._refuse("broken", name, HTTPStatus.BAD_REQUEST, "the body did not come whole")
        except TimeoutError:
            return self._refuse("slow", name, HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {BODY_S:g} s")
        places = hooks.Places({theirs.lower(): ours for theirs, ours in hook.environments.items()}, hook.environment)
        heard = hooks.read(name, body, request.headers, hook.secret.get_secret_value(), places, time.time_ns() // 1_000_000)
        if isinstance(heard, hooks.Refused):
            unsigned = heard.status == hooks.UNSIGNED
            headers = {"WWW-Authenticate": 'Signature realm="hooks"'} if unsigned else {}
            return self._refuse(
                "unsigned" if unsigned else "unread", name, HTTPStatus(heard.status), f"{heard.reason}; {heard.fix}", headers
            )
        return await self._take(name, heard)

    async def _take(self, name: str, heard: hooks.Heard) -> web.Response:
        if not heard.changes:
            return self._done("passed", name, 0, heard.passed)
        try:
            written = await self._write(heard.changes)
        except OperatorError as error:
            self._told("kafka", name, str(error))
            why = "Kafka has not got it; the log of `anchorwatch run` tells why. Send it again"
            return self._refuse("kafka", name, HTTPStatus.SERVICE_UNAVAILABLE, why, {"Retry-After": "10"})
        if not written:
            return self._done("known", name, 0, "this change is known already")
        for change in heard.changes:
            log.info("hook.taken source=%s environment=%s flag=%s state=%s", name, change.environment, change.key, change.state)
        return self._done("taken", name, len(heard.changes), "")

    async def _write(self, changes: tuple[FlagChange, ...]) -> int:
        """Records written; 0: all were known. Raises OperatorError."""
        if self.state != "ready":
            raise Unreachable(self.reason or "the topic of flags has not been read yet")
        if self._waiting >= WAITING_MAX:
            raise Unreachable(f"{WAITING_MAX} deliveries wait already")
        self._waiting += 1
        try:
            async with self._door:  # one after the other: what is the newest change must not change meanwhile
                found = [record for change in changes for record in self._records(change)]
                if found:
                    await asyncio.to_thread(self._send, found)
                    for change in changes:
                        self.book.add(change)
                return len(found)
        finally:
            self._waiting -= 1

    def _records(self, change: FlagChange) -> list[Record]:
        if self.book.knows(change):
            return []
        newest = self.book.newest(change.environment, change.key)
        late = newest is not None and (newest.changed_at_ms or 0) > (change.changed_at_ms or 0)  # type: ignore[operator]  # both are numbers
        told = [change, newest] if late and newest else [change]
        topic = self.settings.topic("flags")
        return [Record(topic, -1, f"{each.environment}/{each.key}".encode(), msgspec.json.encode(each)) for each in told]

    def _send(self, records: list[Record]) -> None:
        """In a thread. A client that failed is left behind: what it still holds may come late, and is known by then."""
        client, self._client = self._client, None
        if client is None:
            own = {"enable.idempotence": True, "message.timeout.ms": int(KAFKA_S * 900)}
            client = producer(own, self.settings.kafka, {"partitioner": "murmur2_random"})
        try:
            deliver(client, records, KAFKA_S)
        except ck.KafkaException as error:  # a fatal one of the client's
            raise Unreachable(f"Kafka did not take it: {error.args[0].str()}") from error
        self._client = client

    # what is told of it

    def _done(self, result: str, name: str, changes: int, why: str) -> web.Response:
        self._count(result, name)
        return web.json_response({"changes": changes} | ({"reason": why} if why else {}))

    def _refuse(self, result: str, name: str, status: HTTPStatus, why: str, headers: Mapping[str, str] | None = None) -> web.Response:
        name = name if name in hooks.names() else "other"  # a stranger's word is no label
        self._count(result, name)
        if result != "kafka":
            self._told(result, name, why)
        problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": why}
        return web.json_response(problem, status=status.value, content_type="application/problem+json", headers=headers)

    def _count(self, result: str, name: str) -> None:
        self.counts[result] = self.counts.get(result, 0) + 1
        if self._telemetry:
            report = Report()
            report.count(INSTRUMENT, source=name, result=result)
            self._telemetry.take(report, time.time_ns())

    def _told(self, result: str, name: str, why: str) -> None:
        """One line a minute for each kind: a stranger must not fill the log."""
        now, kind = time.monotonic(), f"{name}/{result}"
        if now - self._told_at.get(kind, -TOLD_S) >= TOLD_S:
            self._told_at[kind] = now
            log.warning("hook.refused source=%s result=%s reason=%s", name, result, why)

    def told(self) -> dict[str, Any]:
        """For /readyz."""
        return {"state": self.state, "reason": self.reason, "sources": list(self.on), "counts": dict(sorted(self.counts.items()))}

    def snapshot(self) -> Snapshot | None:
        return self._telemetry.snapshot() if self._telemetry else None

    def stop(self) -> None:
        if self._follower:
            self._follower.stop()

    def close(self) -> None:
        """Off the event loop: what telemetry still has goes out, for two seconds at most."""
        if self._telemetry:
            self._telemetry.close()
