"""When tasks are cut, which of them together, and what becomes of a cut that Kafka refuses."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any

import confluent_kafka as ck
import numpy as np

from anchorwatch.engine.task import Task
from anchorwatch.engine.transaction import Cut, Refused, Transactions
from anchorwatch.errors import OurError
from anchorwatch.stages.report import Report

log = logging.getLogger(__name__)
Run = Callable[[Coroutine[Any, Any, Any]], Future[Any]]
BATCH_PATIENCE = 10.0  # seconds a cut waits for an agent that awaits in the middle of a batch
CUT_BYTES_MAX = 64_000_000  # above: the other tasks go into a transaction of their own, else it takes longer than Kafka allows
REFUSED_MAX = 20  # in a row; above: exit 70
DUE_GAP = 0.1  # seconds between two cuts asked for by `due`


class Cutter:
    """Called by Kafka's thread alone; freezing happens in the event loop, between two batches."""

    def __init__(
        self, outlet: Transactions, seconds: float, committed: Callable[[list[Report]], None], probe: Callable[[str], None]
    ) -> None:
        self.outlet, self.seconds, self.committed, self.probe = outlet, seconds, committed, probe
        self.changelog = outlet.changelog
        self.writer = secrets.token_hex(4)
        self.cuts = self.refused = self.refused_in_a_row = 0
        self.made = self.met = time.monotonic()  # last cut; last one that was committed or not needed
        self.first = 0  # the task to freeze first, so that none is left out for ever

    def now_and_then(self, consumer: ck.Consumer, tasks: dict[int, Task], run: Run) -> None:
        """A cut, when its time has come or a stage asks for one."""
        if self.is_time(tasks, time.monotonic() - self.made):
            self._all(consumer, tasks, run, last=False)

    def is_time(self, tasks: Mapping[int, Task], waited: float) -> bool:
        """waited: seconds since the last cut. A stage whose agent has batches waiting is behind: cutting sooner gains it nothing."""
        if waited >= self.seconds:
            return True
        return waited >= DUE_GAP and not self.refused_in_a_row and any(task.due and not task.in_channel for task in tasks.values())

    def last(self, consumer: ck.Consumer, tasks: dict[int, Task], run: Run) -> set[int]:
        """Before tasks are taken away: tried three times. The tasks of which memory and Kafka are the same."""
        done: set[int] = set()
        for _ in range(3):
            rest = {p: task for p, task in tasks.items() if p not in done}
            if not rest:
                break
            done |= self._all(consumer, rest, run, last=True)
        return done

    def _all(self, consumer: ck.Consumer, tasks: dict[int, Task], run: Run, last: bool) -> set[int]:
        """One transaction, or several when there is too much for one."""
        rest, done = dict(tasks), set()
        while rest:
            cuts, seen = run(self._freeze(rest, last)).result(BATCH_PATIENCE + 20)
            if cuts and not self._commit(consumer, rest, cuts, run):
                break
            done |= seen
            rest = {p: task for p, task in rest.items() if p not in seen}
        self.made = time.monotonic()
        if not rest:
            self.met = self.made
        return {p for p in done if not tasks[p].broken}

    async def _freeze(self, tasks: dict[int, Task], last: bool) -> tuple[dict[int, Cut], set[int]]:
        """All at one instant between two batches: the cuts of those that moved, and which tasks were looked at."""
        until = time.monotonic() + BATCH_PATIENCE
        while any(task.busy and not task.broken for task in tasks.values()):
            if time.monotonic() > until:
                raise OurError(f"an agent awaits in one batch for more than {BATCH_PATIENCE:g} s, so nothing can be cut")
            await asyncio.sleep(0.001)
        cuts: dict[int, Cut] = {}
        seen, size, stamp = set(), 0, f"{self.writer} {self.cuts + 1}"
        for p in sorted(tasks, key=lambda p: (p < self.first, p)):
            task = tasks[p]
            if size > CUT_BYTES_MAX:
                self.first = p
                break
            if (task.moved or task.due or task.refused) and not task.broken:
                cuts[p] = task.freeze(stamp)
                size += cuts[p].size()
            task.open = task.open and not last
            seen.add(p)
        return cuts, seen

    def _commit(self, consumer: ck.Consumer, tasks: Mapping[int, Task], cuts: dict[int, Cut], run: Run) -> bool:
        """False: refused; the cuts are kept and go with the next ones."""
        self.cuts += 1
        began = time.monotonic()
        for p, cut in cuts.items():
            tasks[p].refused = cut  # until Kafka has it
        self.probe("frozen")
        try:
            self.outlet.commit(consumer, cuts, self.probe)
        except Refused as why:
            self.refused += 1
            self.refused_in_a_row += 1
            log.warning("cut.refused n=%d in_a_row=%d reason=%s", self.cuts, self.refused_in_a_row, why)
            if self.refused_in_a_row > REFUSED_MAX:
                raise OurError(f"Kafka refused {REFUSED_MAX} cuts in a row: {why}; starting again") from why
            return False
        for p in cuts:
            tasks[p].refused = None
        self.probe("committed")
        own = Report()
        own.count("anchorwatch.cuts", 1, result="committed")
        own.count("anchorwatch.cuts", self.refused_in_a_row, result="refused")
        own.latencies["anchorwatch.cut.duration", ()] = [np.array([time.monotonic() - began])]
        self.refused_in_a_row = 0
        run(self._tell([*(cut.report for cut in cuts.values()), own])).result()
        return True

    async def _tell(self, reports: list[Report]) -> None:
        self.committed(reports)
