"""Posts told to our side, and what it made of them in short."""

import json
from typing import Any

from tests.sources.hooks.posts import SECRET, signed
from tests.traffic import T0

from anchorwatch.sources import hooks
from anchorwatch.sources.hooks import Heard, Places, Refused

NOW = T0 + 700


def read(name: str, event: dict[str, Any] | bytes, places: Places | None = None) -> Heard | Refused:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return hooks.read(name, body, signed(name, body), SECRET, places or Places(), NOW)


def told(name: str, event: dict[str, Any], places: Places | None = None) -> list[tuple[str, str, str, int]]:
    """(environment, key, state, ms since T0) of each change."""
    found = read(name, event, places)
    assert isinstance(found, Heard), found
    assert bool(found.changes) != bool(found.passed), "either it changes something, or it says why not"
    return [(c.environment, c.key, c.state, int(c.changed_at_ms or 0) - T0) for c in found.changes]


def passed(name: str, event: dict[str, Any]) -> str:
    found = read(name, event)
    assert isinstance(found, Heard), found
    assert found.changes == ()
    return found.passed
