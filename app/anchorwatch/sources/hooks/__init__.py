"""Flag changes that a provider POSTs to us: one file a provider, found by its name. Bytes and headers in, changes or a refusal out.

What comes out has passed the same reader as a service's own record on the topic `flags`; its time is a number.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from anchorwatch.errors import UNREADABLE, EventRejected
from anchorwatch.events import FlagChange
from anchorwatch.sources.hooks._hook import Heard, Hook, Places
from anchorwatch.sources.native import Flags

__all__ = ["Heard", "Hook", "Places", "Refused", "load", "names", "read"]

UNSIGNED, UNREAD = 401, 422
FLAGS = Flags()


class Refused(NamedTuple):
    """Nothing of the body stands in it but names of fields, so it may be answered and logged."""

    status: int  # of HTTP
    reason: str
    fix: str


def names() -> list[str]:
    """Every file of this folder is a provider, but what begins with an underscore."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def load(name: str) -> Hook:
    """Imports that file alone. Names come from settings, which were checked against `names`."""
    found: Hook = importlib.import_module(f"{__name__}.{name}").HOOK
    return found


def read(name: str, body: bytes, headers: Mapping[str, str], secret: str, places: Places, now_ms: int) -> Heard | Refused:
    """One delivery. Never raises, whatever the bytes; what is not signed is not read."""
    assert secret, "without a secret there is no hook"
    hook = load(name)
    small = {header.lower(): value for header, value in headers.items()}
    if wrong := hook.signed(body, small, secret.encode()):
        fix = f"the secret under hooks.{name} and {hook.sets} must be the same, and nothing on the way may rewrite the body"
        return Refused(UNSIGNED, wrong, fix)
    try:
        heard = hook.changes(body, places)
        return heard._replace(changes=tuple(_as_ours(change, now_ms) for change in heard.changes))
    except EventRejected as error:
        return Refused(UNREAD, f"{error.path}: {error.reason.partition(', got ')[0]}", error.fix)  # behind it stands the value
    except UNREADABLE as error:
        return Refused(UNREAD, f"no event of {name} as it is known here: {_of_shape(error)}", "send the provider's standard body as JSON")


def _as_ours(change: FlagChange, now_ms: int) -> FlagChange:
    """As a stage would read it. Raises EventRejected."""
    key = f"{change.environment}/{change.key}".encode("utf-8", "replace")
    decoded = FLAGS.decode([(key, msgspec.json.encode(change), 0, now_ms)])
    decoded.insist()
    [ours] = FLAGS.changes(decoded)
    return ours


def _of_shape(error: Exception) -> str:
    """What of an error tells no value."""
    return str(error) if isinstance(error, msgspec.ValidationError) else "not JSON"
