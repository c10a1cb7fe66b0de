"""Where do the microseconds go? Both stages in one process on the rows of the load, each step timed around the product's own pieces."""

import gc
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from scripts.benchmarks.load import AGO_MS, Load

from anchorwatch.runtime.drive import Clockwork, Drive
from anchorwatch.sources.native import Outcomes, Predictions
from anchorwatch.stages.columns import Maker
from anchorwatch.stages.ingest import Ingest
from anchorwatch.stages.intake import Intake
from anchorwatch.stages.join import Waiting
from anchorwatch.stages.judge import Judge
from anchorwatch.stages.model_ingest import ModelIngest

BATCH = 5_000  # rows of one partition and topic at once, as they come from a backlog
CUT = 25_000  # predictions of one task between two cuts: a second of a busy core with four tasks
PLACES: tuple[tuple[type, str, str], ...] = (
    (Predictions, "decode", "decode"),
    (Outcomes, "decode", "decode"),
    (Maker, "columns", "columns"),
    (Maker, "combos", "segments"),
    (ModelIngest, "predictions", "count"),
    (Waiting, "add", "join"),
    (Waiting, "label", "join"),
    (Intake, "outcomes", "outcomes"),
    (Intake, "predictions", "intake"),
    (Ingest, "take", "route"),
    (Ingest, "tick", "windows"),
    (Ingest, "freeze", "freeze"),
    (Judge, "take", "judge"),
    (Judge, "tick", "judge"),
    (Judge, "freeze", "judge"),
)


class Stopwatch:
    """CPU seconds by step; what one step calls of another is the other's alone."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    @contextmanager
    def around(self, owner: type, name: str, step: str) -> Iterator[None]:
        """While inside, calls of that method are timed."""
        method = getattr(owner, name)
        setattr(owner, name, self._timed(method, step))
        try:
            yield
        finally:
            setattr(owner, name, method)

    def _timed(self, method: Callable[..., Any], step: str) -> Callable[..., Any]:
        def timed(*values: Any, **named: Any) -> Any:
            began = time.process_time()
            self._inner.append(0.0)
            try:
                return method(*values, **named)
            finally:
                whole = time.process_time() - began
                self.spent[step] += whole - self._inner.pop()
                self._inner[-1] += whole

        return timed


def measure(load: Load) -> dict[str, float]:
    """us per prediction, by step in the order of an event's way."""
    play(load)  # the first run warms up caches and allocators
    watch = Stopwatch()
    with ExitStack() as stack:
        for place in PLACES:
            stack.enter_context(watch.around(*place))
        play(load)
    order = list(dict.fromkeys(step for _, _, step in PLACES))
    return {step: watch.spent[step] / load.predictions * 1e6 for step in order}


def play(load: Load) -> float:
    """All rows through one task of ingest and the judge, with a cut now and then. CPU seconds of it, without those of making the rows."""
    drive = Drive([load.applied], Clockwork())
    ingest, judge = drive.ingests[0], drive.judge
    predictions, outcomes = load.rows("predictions"), load.rows("outcomes")
    gc.collect()
    gc.freeze()  # a worker holds few rows at once, not the whole load
    began, taken = time.process_time(), 0
    for first in range(0, len(predictions), BATCH):
        rows = predictions[first : first + BATCH]
        newest = int(rows.stamps[-1])
        ingest.take("predictions", rows, newest)
        known = int(np.searchsorted(outcomes.stamps, newest, "right"))
        if known > taken:
            ingest.take("outcomes", outcomes[taken:known], newest)
        taken = known
        ingest.tick(newest, frozenset())
        if (first + BATCH) % CUT == 0:
            hand_over(ingest, judge)
    if taken < len(outcomes):
        ingest.take("outcomes", outcomes[taken:], int(outcomes.stamps[-1]))
    drive.end(load.events[-1].at_ms + AGO_MS)
    spent = time.process_time() - began
    gc.unfreeze()
    return spent


def hand_over(ingest: Ingest, judge: Judge) -> None:
    rows = [(record.key, record.value, n, 0) for n, record in enumerate(ingest.freeze({}).records) if record.topic == "observations"]
    if rows:
        judge.take("observations", rows, 0)
    if judge.due():
        judge.freeze({})


def waiting() -> dict[str, float]:
    """Memory of waiting predictions, in a process of its own."""
    command = [sys.executable, "-m", "scripts.benchmarks.waiting"]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    return found
