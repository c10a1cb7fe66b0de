"""A real receiver on loopback whose answers a test writes down beforehand, and the life of an alert."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from aiohttp import web

from anchorwatch.events import Alert

T0 = 1_795_338_720_000


@dataclass
class Receiver:
    """Answers with what `answers` says, one after the other, then 200. A callable sees the body; None hangs until the server ends."""

    answers: list[Any] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)  # taken with a 2xx
    seen: list[tuple[float, int, Any]] = field(default_factory=list)  # loop time, status, body
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    rule: Callable[[Any], int] | None = None  # body -> status, when no answer is written down

    async def answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        planned = self.answers.pop(0) if self.answers else (self.rule(body) if self.rule else 200)
        if planned is None:
            self.seen.append((asyncio.get_running_loop().time(), 0, body))
            await asyncio.Event().wait()
        status, headers = planned if isinstance(planned, tuple) else (planned, {})
        self.seen.append((asyncio.get_running_loop().time(), status, body))
        if status < 300:
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
        return web.Response(status=status, headers=headers, text="because")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        application = web.Application(client_max_size=8_000_000)
        application.router.add_post("/{tail:.*}", self.answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


def make_alert(name: str = "a", state: Any = "firing", sequence: int = 1, incident: str = "i", **changes: Any) -> Alert:
    alert = Alert(
        labels={
            "alertname": "QualityDrop",
            "model": "fraud",
            "environment": "prod",
            "watch": "quality",
            "segment": f"s={name}",
            "severity": "critical",
            "owner": "risk-ml",
        },
        annotations={"summary": f"{name} is bad", "incident_headline": f"prod/fraud/quality/s={name}"},
        startsAt="2026-11-22T09:12:00Z",
        endsAt="2026-11-22T10:12:00Z" if state == "resolved" else None,
        generatorURL=f"https://watch.example/alerts/{name}",
        id=name,
        dedup_key=f"prod/fraud/quality/s={name}",
        state=state,
        sequence=sequence,
        opened_at_ms=T0,
        at_ms=T0 + sequence,
        incident=incident,
        owner={"team": "risk-ml", "tuner": "", "route": "", "routes": [], "escalation": 0, "fallback": False},
        evidence={},
        impact={},
        caused_by=[],
        trace_ids=[],
        loud=state == "firing",
    )
    return msgspec.structs.replace(alert, **changes)


@pytest.fixture
def alert() -> Callable[..., Alert]:
    return make_alert


@pytest.fixture
def life() -> list[Alert]:
    """One alert from first to last."""
    return [make_alert(state=state, sequence=i) for i, state in enumerate(("firing", "acknowledged", "recovering", "resolved"), 1)]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()
