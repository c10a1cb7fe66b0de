"""Is the process alive, and how near to its limit of memory? A watch that neither the event loop nor Kafka's thread can hold up."""

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)
LOOP_ALIVE = 10.0  # seconds since the event loop last came round
STUCK_AFTER = 25.0  # seconds without a round of Kafka's thread or of the event loop: nothing will come of it

CGROUP = Path("/sys/fs/cgroup")
LIMITLESS = 2**62  # bytes; cgroup v1 says so of no limit at all
VERSIONS = (  # limit, use, and the line of memory.stat that tells what the kernel may drop at once
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


def memory_share(root: Path = CGROUP) -> float | None:
    """Of the container's limit, 0..1; None without one. What the kernel's killer looks at, processes beside us included."""
    for limit_in, used_in, more_in, word in VERSIONS:
        try:
            limit, used = (root / limit_in).read_text().strip(), int((root / used_in).read_text())
            more = dict(line.split() for line in (root / more_in).read_text().splitlines())
        except (OSError, ValueError):
            continue
        if limit != "max" and 0 < int(limit) < LIMITLESS:
            return (used - int(more.get(word, 0))) / int(limit)
    return None


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
