"""What has this process counted since it began? Reports of committed cuts, added up; read as OTLP metrics or as a snapshot for `/metrics`.

Totals are this process's own: they do not move with a partition (two processes would count the same for five minutes) and begin
anew at a restart, which every backend knows how to read.
"""

import logging
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray
from opentelemetry.sdk.metrics.export import AggregationTemporality, ExponentialHistogram, Gauge, Metric, NumberDataPoint, Sum
from opentelemetry.trace import SpanContext

from anchorwatch.stages.report import Labels, Report
from anchorwatch.telemetry.histograms import LogHistogram
from anchorwatch.telemetry.names import BY_NAME, INSTRUMENTS, WHOLE, WORDS, Kind
from anchorwatch.telemetry.series import OVER, SCRAPED_MAX, SERIES_MAX, Model, Places

log = logging.getLogger(__name__)
GAUGE_TTL_NS = 300_000_000_000  # a gauge nobody sets for 5 minutes is dead: a segment that vanished, a model that was retired
COMPLAINTS_MAX = 100
FOLDED, LEFT_OUT = "anchorwatch.segments.folded", "anchorwatch.scrape.folded"
CUMULATIVE = AggregationTemporality.CUMULATIVE


class Snapshot(TypedDict):
    """Plain data, so that a stage's process can hand it to its supervisor."""

    worker: str
    counters: list[tuple[str, Labels, int]]
    gauges: list[tuple[str, Labels, float]]
    histograms: list[tuple[str, Labels, list[int], int, float]]  # name, labels, counts at BOUNDS, count, sum in s


@dataclass
class Number:
    start_ns: int
    at_ns: int
    value: float


class Exemplified(NamedTuple):
    environment: str
    model: str
    replay: bool
    seconds: float


class Totals:
    """Not safe for threads: the caller holds a lock."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = self.newest_ns = start_ns
        self.numbers: dict[str, dict[Labels, Number]] = {}  # counters and gauges
        self.histograms: dict[str, dict[Labels, LogHistogram]] = {}
        self.wholes: dict[tuple[str, str, str, bool], LogHistogram] = {}  # name, environment, model, replay: as many as histograms at most
        self.places = Places(self._forget)
        self.complaints: set[str] = set()

    # --- in -----------------------------------------------------------------------------------------------------------------

    def fold(self, report: Report, at_ns: int) -> None:
        """Adds what one commit made known; `at_ns`: when it was committed."""
        for (name, labels), n in report.counters.items():
            self.count(name, labels, n, at_ns)
        for (name, labels), arrays in report.latencies.items():
            self.record(name, labels, arrays, at_ns)
        for (name, labels), value in report.gauges.items():
            self._set(name, labels, value, at_ns)
        self._derive(report, at_ns)
        self.newest_ns = max(self.newest_ns, at_ns)

    def count(self, name: str, labels: Labels, n: int, at_ns: int) -> None:
        if self._known(name, labels, "counter"):
            series = self.numbers.setdefault(name, {})
            labels = self._place(series, labels, at_ns)
            number = series.get(labels)
            if number is None:
                number = series[labels] = Number(self.newest_ns, at_ns, 0)
            number.value, number.at_ns = number.value + n, at_ns

    def record(self, name: str, labels: Labels, arrays: list[NDArray[np.float64]], at_ns: int) -> None:
        """Seconds. What is not finite is left out, what is negative counts as zero (stages count such skew)."""
        if self._known(name, labels, "histogram"):
            seconds = np.concatenate(arrays) if arrays else np.zeros(0)
            series = self.histograms.setdefault(name, {})
            labels = self._place(series, labels, at_ns)
            histogram = series.get(labels)
            if histogram is None:
                histogram = series[labels] = LogHistogram(self.newest_ns)
                self._index(name, labels, histogram)
            histogram.add(np.maximum(seconds[np.isfinite(seconds)], 0.0))

    def _set(self, name: str, labels: Labels, value: float, at_ns: int) -> None:
        if self._known(name, labels, "gauge") and math.isfinite(value):
            series = self.numbers.setdefault(name, {})
            if self._place(series, labels, at_ns) == labels:  # a folded one is left out: the last value of many means nothing
                series[labels] = Number(self.start_ns, at_ns, value)

    def _derive(self, report: Report, at_ns: int) -> None:
        """Two lags that only the commit makes known; a stage that measured them itself is believed."""
        given = {name for name, _ in report.latencies}
        if "anchorwatch.observation.lag" not in given:
            for where, _, to_ms, judged_ms in report.judged:
                environment, _, model = where.partition("/")
                self.record(
                    "anchorwatch.observation.lag",
                    (("environment", environment), ("model", model)),
                    [np.array([(judged_ms - to_ms) / 1_000])],
                    at_ns,
                )
        if "anchorwatch.alert.delay" not in given:
            for alert in report.alerts:
                began_ns = _epoch_ns(alert.startsAt) if alert.sequence == 1 and alert.state == "firing" else None
                if began_ns is not None:
                    labels = tuple((word, alert.labels.get(word, "")) for word in ("environment", "model", "watch"))
                    self.record("anchorwatch.alert.delay", labels, [np.array([(at_ns - began_ns) / 1e9])], at_ns)

    def exemplar(self, name: str, about: Exemplified, context: SpanContext, at_ns: int) -> bool:
        """Hangs a kept trace on the series of its whole model, if that was counted; True when it was."""
        environment, model, replay, seconds = about
        histogram = self.wholes.get((name, environment, model, replay)) or self.wholes.get((name, "", model, replay))
        if histogram is not None:
            histogram.offer(max(seconds, 0.0), at_ns, context)
        return histogram is not None

    def _index(self, name: str, labels: Labels, histogram: LogHistogram) -> None:
        given = dict(labels)
        if given.get("segment", WHOLE) == WHOLE and "model" in given:
            self.wholes[name, given.get("environment", ""), given["model"], given.get("replay") == "true"] = histogram

    # --- bounds -------------------------------------------------------------------------------------------------------------

    def _known(self, name: str, labels: Labels, kind: Kind) -> bool:
        """Is it in the list? A stage that says otherwise is our fault: told once (fatal in tests), and left out."""
        instrument = BY_NAME.get(name)
        strange = sorted(word for word, _ in labels if word not in WORDS)
        if instrument and instrument.kind == kind and not strange:
            return True
        complaint = f"{kind} {name} {strange}"
        if complaint not in self.complaints and len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.add(complaint)
            log.error("telemetry_unknown instrument=%s kind=%s labels=%s; add it to telemetry/names.py", name, kind, strange)
        return False

    def _place(self, series: dict[Labels, Any], labels: Labels, at_ns: int) -> Labels:
        labels = self.places.place(labels, at_ns)
        return labels if labels in series or len(series) < SERIES_MAX else OVER

    def _forget(self, model: Model, segment: str) -> None:
        every: list[dict[Labels, Any]] = [*self.numbers.values(), *self.histograms.values()]
        for series in every:
            for labels in [one for one in series if _is(one, model, segment)]:
                del series[labels]

    def _sweep(self, now_ns: int) -> None:
        """Removes dead gauges, and says how many segments this wall folded, if the stages did not say a higher number."""
        for name, series in self.numbers.items():
            if BY_NAME[name].kind == "gauge":
                for labels in [one for one, number in series.items() if now_ns - number.at_ns > GAUGE_TTL_NS]:
                    del series[labels]
        for model in self.places.folded:
            hidden = self.places.hidden(model, now_ns)
            labels = (("environment", model[0]), ("model", model[1]))
            said = self.numbers.get(FOLDED, {}).get(labels)
            if hidden > (said.value if said else 0):
                self._set(FOLDED, labels, hidden, now_ns)

    # --- out ----------------------------------------------------------------------------------------------------------------

    def metrics(self, now_ns: int) -> list[Metric]:
        """Cumulative points; the histograms' exemplars leave with them. 8 us a histogram, 2 us a number."""
        self._sweep(now_ns)
        return [
            *(self._numbers(name, series, now_ns) for name, series in self.numbers.items() if series),
            *(self._histograms(name, series, now_ns) for name, series in self.histograms.items() if series),
        ]

    def _numbers(self, name: str, series: dict[Labels, Number], now_ns: int) -> Metric:
        instrument = BY_NAME[name]
        points = [NumberDataPoint(_otlp(labels), number.start_ns, now_ns, number.value) for labels, number in series.items()]
        data = Sum(points, CUMULATIVE, is_monotonic=True) if instrument.kind == "counter" else Gauge(points)
        return Metric(name, instrument.meaning, instrument.unit, data)

    def _histograms(self, name: str, series: dict[Labels, LogHistogram], now_ns: int) -> Metric:
        instrument = BY_NAME[name]
        points = [histogram.point(_otlp(labels), now_ns) for labels, histogram in series.items()]
        return Metric(name, instrument.meaning, instrument.unit, ExponentialHistogram(points, CUMULATIVE))

    def snapshot(self, worker: str, now_ns: int) -> Snapshot:
        self._sweep(now_ns)
        kinds: dict[str, list[Any]] = {"counter": [], "gauge": [], "histogram": []}
        left_out = 0
        for instrument in INSTRUMENTS:
            for labels, number in self.numbers.get(instrument.name, {}).items():
                kinds[instrument.kind].append((instrument.name, labels, number.value))
            shown, n = self._scraped(self.histograms.get(instrument.name, {}))
            left_out += n
            for labels, one in shown.items():
                kinds["histogram"].append((instrument.name, labels, one.cumulative(), int(one.counts.sum()), one.sum))
        if kinds["histogram"]:
            kinds["gauge"].append((LEFT_OUT, (), float(left_out)))
        return {"worker": worker, "counters": kinds["counter"], "gauges": kinds["gauge"], "histograms": kinds["histogram"]}

    def _scraped(self, series: dict[Labels, LogHistogram]) -> tuple[dict[Labels, LogHistogram], int]:
        """The first ones counted keep a series of their own: whose turn it is must not change from scrape to scrape."""
        own = [labels for labels in series if labels != OVER][:SCRAPED_MAX]
        shown = {labels: series[labels] for labels in own}
        if len(shown) < len(series):
            rest = shown[OVER] = LogHistogram(self.start_ns)
            for labels, one in series.items():
                if labels == OVER or labels not in shown:
                    rest.counts, rest.sum = rest.counts + one.counts, rest.sum + one.sum
        return shown, len(series) - len(own)


def _otlp(labels: Labels) -> dict[str, str]:
    return {WORDS.get(word, word): value for word, value in labels}


def _is(labels: Labels, model: Model, segment: str) -> bool:
    given = dict(labels)
    return given.get("segment") == segment and (given.get("environment", ""), given.get("model", "")) == model


def _epoch_ns(text: str) -> int | None:
    """Of RFC 3339 with an offset; None when it cannot be read."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1e9)
    except ValueError:
        return None
