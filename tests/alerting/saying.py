"""What a monitor may say and a person may ask, and what of the answer a test looks at."""

from collections.abc import Callable
from typing import Any

from anchorwatch.events import Alert, Command

T0 = 1_795_338_720_000  # 2026-11-22T09:12:00Z
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
Say = Callable[..., list[Alert]]
QUIET = {"verdict": "quiet", "severity": "info"}
HEALS = {"verdict": "recovering", "severity": "info"}
KEY = "prod/fraud/quality:f1/whole"


def command(verb: Any, target: str = KEY, until_ms: int | None = None) -> Command:
    return Command(verb, target, "ann", "looking", 0, until_ms)


def brief(alerts: list[Alert]) -> list[tuple[str, str, int, bool]]:
    return [(alert.labels["segment"], alert.state, alert.sequence, alert.loud) for alert in alerts]


def back(after_ms: int) -> dict[str, Any]:
    return {"since_ms": T0 + after_ms, "onset": (T0 + after_ms,) * 2}
