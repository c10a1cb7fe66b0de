import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.runtime.installation import Installation

from anchorwatch.config import Settings, load
from anchorwatch.events import Alert
from anchorwatch.runtime.sinks import AlertsOut, decoded


def alert(name: str, sequence: int = 1, state: Any = "firing") -> Alert:
    labels = {
        "alertname": "QualityDrop",
        "model": "fraud",
        "environment": "prod",
        "watch": "quality",
        "segment": "whole",
        "severity": "critical",
    }
    return Alert(
        labels=labels, annotations={"summary": f"{name} is bad"}, startsAt="2026-11-22T09:12:00Z", endsAt=None, generatorURL="", id=name,
        dedup_key=f"prod/fraud/quality/{name}", state=state, sequence=sequence, opened_at_ms=0, at_ms=sequence, incident="i",
        owner={"team": "risk-ml"}, evidence={}, impact={}, caused_by=[], trace_ids=[],
    )  # fmt: skip


def write(there: Installation, *alerts: Alert) -> None:
    """As the judge does: every change to `alerts.events`, the newest to `alerts.state`."""
    for each in alerts:
        there.write("alerts.events", b"prod/fraud", msgspec.json.encode(each))
        there.write("alerts.state", each.dedup_key.encode(), msgspec.json.encode(each))


async def heard(settings: Settings, n: int) -> dict[str, int]:
    """Runs the sinks until so many alerts were delivered, and then until they have stopped."""
    out = AlertsOut(settings)
    running = asyncio.create_task(out.run())
    try:
        async with asyncio.timeout(60):
            while not (out.sinks and out.sinks.counts.get(("log", "delivered"), 0) >= n and out.state == "ready"):  # noqa: ASYNC110 (no event says so)
                await asyncio.sleep(0.05)
    finally:
        out.stop()
        await asyncio.wait_for(running, 20)
    counts: Any = out.told()["counts"]
    return dict(counts)


def test_each_change_is_told_once_over_restarts(installation: Callable[..., Installation]) -> None:
    """The second life hears of what came meanwhile, not of what was told. Of two changes of one alert that wait the newer one is told."""
    there = installation()
    there.create()
    settings = load(there.folder / "anchorwatch.yaml", {})
    write(there, alert("a"), alert("b"), alert("a", 2))
    first = asyncio.run(heard(settings, 2))
    write(there, alert("b", 2, "resolved"), alert("c"))
    second = asyncio.run(heard(settings, 2))
    third = asyncio.run(heard(settings, 0))

    assert (first, second, third) == ({"log.delivered": 2}, {"log.delivered": 2}, {})


@pytest.mark.parametrize("value", [None, b"nonsense", b"{}", b"\xff", b'{"labels":{"a":"\xff"}}', b'{"a":' * 100_000])
def test_what_is_no_alert_is_passed_over(value: bytes | None) -> None:
    assert decoded(value) is None
