"""From `alerts.events` to people: every way out is one file here, found by its name; each has a bounded queue and a pace of its own.

Whoever only asks for names (settings) pays nothing: HTTP, retries and logging are imported when `Sinks` is.
"""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anchorwatch.errors import ConfigError
from anchorwatch.sinks.base import NotNow, Options, Refused, Sink

if TYPE_CHECKING:
    from anchorwatch.sinks._delivery import Route, Sinks
    from anchorwatch.sinks._lane import Pace

__all__ = ["NotNow", "Options", "Pace", "Refused", "Route", "Sink", "Sinks", "load", "names"]

_LATE = {"Pace": "_lane", "Route": "_delivery", "Sinks": "_delivery"}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"anchorwatch.sinks has no {name}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"anchorwatch.sinks.{_LATE[name]}"), name)


def names() -> list[str]:
    """Every file of this folder is a sink, but the contract and what begins with an underscore."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if path.stem not in ("base", "checks"))


def load(kind: str) -> type[Sink]:
    """The class of one kind; imports that file alone. Raises ConfigError for an unknown one."""
    if kind not in names():
        raise ConfigError(f"sinks: kind {kind!r} is unknown; known: {', '.join(names())}")
    module = importlib.import_module(f"anchorwatch.sinks.{kind}")
    found = [
        thing
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, Sink) and thing.__module__ == module.__name__
    ]
    assert len(found) == 1, f"sinks/{kind}.py must hold exactly one Sink, not {len(found)}"
    return found[0]
