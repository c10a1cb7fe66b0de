"""From bytes to events: ours as they are (`native`), other people's by way of `foreign`, one file a format, found by its name.

A format says where our fields stand in its events; `source.*.fields` of a contract overrides that. What comes out is our own events as JSON,
so that there is one set of rules for what is refused, repaired and noted.
"""

import importlib
from pathlib import Path

from anchorwatch.sources.base import Format

NATIVE = "native"


def names() -> list[str]:
    """Every file of this folder is a format, but the contract and what begins with an underscore."""
    return sorted([NATIVE, *(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if path.stem not in ("base", "checks"))])


def load(name: str) -> Format:
    """Imports that file alone. Names come from contracts, which were checked against `names`."""
    module = importlib.import_module(f"anchorwatch.sources.{'foreign.ours' if name == NATIVE else name}")
    found: Format = module.FORMAT
    return found
