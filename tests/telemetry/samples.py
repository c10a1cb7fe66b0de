"""One prediction, one outcome, one alert, as the stages report them after a cut."""

from typing import Any

from anchorwatch.events import Alert
from anchorwatch.stages.report import Kept

T = 1_795_341_180_000  # ms
SHOP = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"  # the prediction's producer: its send span
BANK = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"  # the outcome's


def prediction(**changes: Any) -> Kept:
    """Waited 1.2 s, counted in 3 ms."""
    kept = Kept("predictions", "prod", "fraud", "p-1", "predictions", 3, 88_121, SHOP, T, T + 1_200, T + 1_203)
    return kept._replace(**changes)


def outcome(**changes: Any) -> Kept:
    """Known two days later."""
    day = 86_400_000
    at = T + 2 * day
    kept = Kept("outcomes", "prod", "fraud", "p-1", "outcomes", 3, 4_711, BANK, at, at + 9, at + 11, SHOP, 2 * day, "pass")
    return kept._replace(**changes)


def alert(**changes: Any) -> Alert:
    labels = {
        "alertname": "QualityDrop",
        "model": "fraud",
        "environment": "prod",
        "watch": "quality",
        "segment": "country=DE",
        "severity": "critical",
        "owner": "risk-ml",
    }
    given: dict[str, Any] = {
        "labels": labels,
        "annotations": {"summary": "f1 fell"},
        "startsAt": "2026-11-22T09:50:00Z",
        "endsAt": None,
        "generatorURL": "",
        "id": "5f1c0e5b7a31d2c4",
        "dedup_key": "prod/fraud/quality:f1/country=DE",
        "state": "firing",
        "sequence": 1,
        "opened_at_ms": T,
        "at_ms": T,
        "incident": "9b20",
        "owner": {"team": "risk-ml"},
        "evidence": {"traceparents": [SHOP]},
        "impact": {},
        "caused_by": [],
        "trace_ids": [SHOP[3:35]],
    }
    return Alert(**(given | changes))


def traceparent(i: int, flags: str = "01") -> str:
    return f"00-{i + 1:032x}-{i + 1:016x}-{flags}"
