"""A word now and then for whoever waits: what takes long says on standard error how far it is."""

import sys
import time
from collections.abc import Callable

EVERY_S = 2.0


class Waiting:
    """Silent for the first two seconds, then the newest word at most once in two: short work says nothing, output for programs stays clean."""

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._clock = what, clock
        self._told_s = clock()

    def __call__(self, text: str) -> None:
        if self._clock() - self._told_s >= EVERY_S:
            self._told_s = self._clock()
            sys.stderr.write(f"{self._what}: {text}\n")
