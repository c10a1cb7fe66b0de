"""Between a stage's process and its supervisor: orders on standard input, reports as lines of JSON on what was standard output.

When the supervisor ends, however it ends, its end of the pipe closes: then the process makes its last cut and leaves. Nothing stays behind.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from anchorwatch.runtime.job import Job

log = logging.getLogger(__name__)
REPORT_SECONDS = 1.0
LEAVE_SECONDS = 10.0  # for a last cut; then the end, and Kafka aborts what was under way
ENCODER = msgspec.json.Encoder()


class Link:
    """The process's side. Whatever else prints goes to standard error from now on."""

    def __init__(self) -> None:
        self._orders = sys.stdin.buffer
        self._reports = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._door = threading.Lock()

    def job(self) -> Job:
        """Waits for the first order."""
        return msgspec.json.decode(self._orders.readline(), type=Job)

    def tell(self, **what: Any) -> None:
        """From any thread. Nobody there: the end of the pipe is seen by the reader of orders."""
        line = ENCODER.encode(what) + b"\n"
        with self._door:
            try:
                while line:
                    line = line[self._reports.write(line) or 0 :]
            except (BrokenPipeError, ValueError):
                pass

    def serve(self, status: Callable[[], dict[str, Any]], snapshot: Callable[[], Any]) -> None:
        """Two threads: one answers orders, one reports once a second. `status` and `snapshot` are called there."""
        threading.Thread(target=self._answer, args=(snapshot,), name="orders", daemon=True).start()
        threading.Thread(target=self._report, args=(status,), name="reports", daemon=True).start()

    def _answer(self, snapshot: Callable[[], Any]) -> None:
        for order in self._orders:
            if order.strip() == b"metrics":
                self.tell(metrics=snapshot())
        log.warning("link.closed reason=the supervisor is gone; leaving")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LEAVE_SECONDS)
        os._exit(70)

    def _report(self, status: Callable[[], dict[str, Any]]) -> None:
        while True:
            self.tell(status=status())
            time.sleep(REPORT_SECONDS)
