"""What a stage tells telemetry about one cut, as plain values: nothing is exported before the cut is committed."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.events import Alert, Finding, Record, Summary

Labels = tuple[
    tuple[str, str], ...
]  # sorted (label, value) pairs, in the telling words of `telemetry/names.py`: model, segment, result, ...


class Kept(NamedTuple):
    """A prediction or outcome whose producer sampled its trace: all that its spans are made from."""

    role: str  # predictions or outcomes
    environment: str
    model: str
    prediction_id: str
    topic: str
    partition: int
    offset: int
    traceparent: str
    appended_ms: int  # record timestamp
    polled_ms: int
    counted_ms: int
    linked: str = ""  # outcome: the traceparent of its prediction
    delay_ms: int = -1  # outcome: known_at - predicted_at
    label: str = ""


@dataclass
class Report:
    """Mergeable: reports of refused cuts are added to the next one."""

    counters: dict[tuple[str, Labels], int] = field(default_factory=dict)  # (instrument of names.py, labels) -> increase
    latencies: dict[tuple[str, Labels], list[NDArray[np.float64]]] = field(default_factory=dict)  # (histogram, labels) -> seconds
    gauges: dict[tuple[str, Labels], float] = field(default_factory=dict)  # latest value wins
    kept: list[Kept] = field(default_factory=list)  # at most KEPT_MAX a cut
    findings: list[Finding] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    judged: list[tuple[str, int, int, int]] = field(default_factory=list)  # (environment/model, window from, to, judged at): ms

    def count(self, instrument: str, n: int = 1, **labels: str) -> None:
        if n:
            key = (instrument, tuple(sorted(labels.items())))
            self.counters[key] = self.counters.get(key, 0) + n

    def add(self, later: "Report") -> None:
        for key, n in later.counters.items():
            self.counters[key] = self.counters.get(key, 0) + n
        for key, arrays in later.latencies.items():
            self.latencies.setdefault(key, []).extend(arrays)
        self.gauges.update(later.gauges)
        self.kept += later.kept[: KEPT_MAX - len(self.kept)]
        self.findings += later.findings
        self.summaries += later.summaries
        self.alerts += later.alerts
        self.judged += later.judged


KEPT_MAX = 2_000  # predictions whose spans one cut may ask for; the exporter's own cap lies below


class Frozen(NamedTuple):
    """What one task puts into a cut."""

    chunks: dict[bytes, bytes | None]  # None removes
    records: list[Record]
    report: Report
