"""Waiting for a condition, and what a run ends with that shows nothing."""

import time
from collections.abc import Callable
from typing import Any


class Invalid(Exception):
    """The run shows nothing: what was counted is not what was fed, or somebody ended."""


def wait_until(what: str, done: Callable[[], Any], seconds: float, log: Callable[[], str], every: float = 0.02) -> Any:
    """What `done` found. Raises Invalid."""
    deadline = time.monotonic() + seconds
    while not (found := done()):
        if time.monotonic() > deadline:
            raise Invalid(f"{what}: not within {seconds:g} s; is the machine overloaded? What was printed:\n{log()[-4_000:]}")
        time.sleep(every)
    return found
