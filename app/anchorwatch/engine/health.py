"""Is the process alive? A watch that neither the event loop nor Kafka's thread can hold up."""

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)
LOOP_ALIVE = 10.0  # seconds since the event loop last came round
STUCK_AFTER = 25.0  # seconds without a round of Kafka's thread or of the event loop: nothing will come of it


class Watchdog:
    """Looks once a second from a thread of its own; what is stuck ends the process with 70, its stacks on standard error."""

    def __init__(self, stuck: Callable[[], str]) -> None:
        self.stuck = stuck  # what is stuck, "" when nothing is
        self.ticked = time.monotonic()  # by the event loop
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self.ticked = time.monotonic()
        self.thread.start()

    def alive(self) -> bool:
        return time.monotonic() - self.ticked < LOOP_ALIVE

    def _run(self) -> None:
        while not self.ended.wait(1.0):
            what = self.stuck()
            if not what and time.monotonic() - self.ticked > STUCK_AFTER:
                what = "the event loop: an agent does not yield"
            if what:
                log.critical("engine.stuck what=%s exit=70", what)
                die(70)


def die(code: int) -> None:
    """Stacks of all threads, then the end; Kafka aborts what was under way."""
    faulthandler.dump_traceback(sys.stderr)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
