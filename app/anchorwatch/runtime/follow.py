"""A topic from its beginning and ever on, read by a thread, told in the event loop. While Kafka is away it waits and begins anew."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

from anchorwatch.config import Settings
from anchorwatch.engine.tail import Told, tail
from anchorwatch.errors import Unreachable

log = logging.getLogger(__name__)
AGAIN_S = 5.0  # between two attempts to read while Kafka is away


class Follower:
    """`ended`: what was there at the start has been told; comes again after each beginning. `failed` is the last that is heard."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        told: Callable[[Told], None],
        ended: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """name: of a standard topic."""
        self.settings, self.name = settings, name
        self._told, self._ended, self._failed = told, ended, failed
        self._stopping = threading.Event()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        topic = self.settings.topic(self.name)
        while not self._stopping.is_set():
            try:
                for told in tail(
                    self.settings.kafka, [topic], since="beginning", stop=self._stopping.is_set, on_end=lambda: self._call(self._ended)
                ):
                    self._call(self._told, told)
            except Unreachable as error:
                log.warning("%s.waiting again_in_s=%g reason=%s", self.name, AGAIN_S, error)
                self._stopping.wait(AGAIN_S)
            except Exception as error:  # the edge of a thread
                self._call(self._failed, error)
                return

    def _call(self, what: Any, *values: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *values)

    def stop(self) -> None:
        self._stopping.set()
