"""Ingest with a clock beside it: how long each batch took, and the figures that only a whole process can tell."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from anchorwatch.events import Row
from anchorwatch.stages.ingest import Ingest
from anchorwatch.stages.report import Frozen, Labels

PREDICTIONS, PROCESS = "anchorwatch.predictions", "anchorwatch.process"
PENDING = "anchorwatch.pending.predictions"


class Timed:
    """Is an engine's `Stage`. Stages know no clock, so what is measured by one is added here, outside them.

    pending: predictions that wait, by labels of the model. A sum over tasks, so it does not leave with the report of one, where the last
    one would win.
    """

    def __init__(self, ingest: Ingest) -> None:
        self.ingest = ingest
        self.pending: dict[Labels, float] = {}

    @property
    def watermark_ms(self) -> int:
        """-1 before the first."""
        return self.ingest.watermark

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Sequence[bytes | None] | None) -> None:
        report = self.ingest.intake.report
        kept, before = len(report.kept), self._predictions()
        self.ingest.take(topic, rows, polled_ms, traceparents)
        counted_ms = time.time_ns() // 1_000_000
        report.kept[kept:] = [each._replace(counted_ms=counted_ms) for each in report.kept[kept:]]
        for labels, n in self._predictions().items():
            if fresh := n - before.get(labels, 0):
                seconds = np.full(fresh, (counted_ms - polled_ms) / 1000)
                report.latencies.setdefault((PROCESS, labels), []).append(seconds)

    def _predictions(self) -> dict[Labels, int]:
        """Counted since the last cut, of each model."""
        return {labels: n for (name, labels), n in self.ingest.intake.report.counters.items() if name == PREDICTIONS}

    def tick(self, now_ms: int, ended: frozenset[str]) -> None:
        self.ingest.tick(now_ms, ended)

    def due(self) -> bool:
        return self.ingest.due()

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        frozen = self.ingest.freeze(spans)
        gauges = frozen.report.gauges
        for key in [key for key in gauges if key[0] == PENDING]:
            self.pending[key[1]] = gauges.pop(key)
        return frozen
