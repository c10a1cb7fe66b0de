"""One question per file. `catalogue()` walks the folder; the file name is the name in a contract."""

import importlib
from functools import cache
from pathlib import Path

from anchorwatch.watches.base import Watch

NOT_WATCHES = {
    "__init__",
    "arrivals",
    "base",
    "better",
    "calibrating",
    "cells",
    "classwise",
    "evaluations",
    "fields",
    "hidden",
    "layout",
    "lines",
    "ordering",
    "pace",
    "rules",
    "siblings",
    "scores",
    "spans",
    "stuck",
}


def names() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_WATCHES)


@cache
def load(name: str) -> Watch:
    """The watch of that name, without state of its own."""
    module = importlib.import_module(f"anchorwatch.watches.{name}")
    found: Watch = module.WATCH
    return found


def catalogue() -> list[Watch]:
    return [load(name) for name in names()]
