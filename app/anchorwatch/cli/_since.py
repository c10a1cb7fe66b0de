"""From when on? Asked alike by all commands that read a topic."""

import time
from typing import Any


def begin(text: str) -> Any:
    """Raises ConfigError."""
    from datetime import UTC

    from anchorwatch.contract.values import Unfit, duration
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime.rows import Cell, instant

    if text in ("beginning", "end"):
        return text
    try:
        return time.time_ns() // 1_000_000 - duration(text)
    except Unfit:
        pass
    try:
        return instant(text, UTC)
    except Cell:
        raise ConfigError(f"--since {text}: must be beginning, a time span as 10m, or a time as 2026-09-01T06:00:00Z") from None
