"""What does `/metrics` answer? Snapshots of one or more processes as Prometheus text.

Names follow the standard translation, labels are the telling words; `worker` tells processes apart (over OTLP that is
`service.instance.id`). Histograms have fixed bounds, 1 ms to 7 days, since the format knows no exponential ones.
"""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from anchorwatch.telemetry.histograms import BOUNDS
from anchorwatch.telemetry.names import BY_NAME, PROMETHEUS
from anchorwatch.telemetry.totals import Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
EDGES = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
FAMILIES = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}


def text(snapshots: Iterable[Snapshot]) -> str:
    """Every family once, whatever number of processes have it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(snapshots))
    return generate_latest(registry).decode()


class _Collected(Collector):
    def __init__(self, snapshots: Iterable[Snapshot]) -> None:
        self.families: dict[str, Metric] = {}
        for one in snapshots:
            for name, labels, value in (*one["counters"], *one["gauges"]):
                family = self._family(name)
                family.add_sample(PROMETHEUS[name], _words(labels, one["worker"]), value)
            for name, labels, counts, count, total in one["histograms"]:
                self._histogram(name, _words(labels, one["worker"]), (*counts, count), total)

    def _family(self, name: str) -> Metric:
        family = self.families.get(name)
        if family is None:
            instrument = BY_NAME[name]
            family = self.families[name] = FAMILIES[instrument.kind](PROMETHEUS[name], instrument.meaning)
        return family

    def _histogram(self, name: str, words: dict[str, str], counts: Sequence[int], total: float) -> None:
        family, prefix = self._family(name), PROMETHEUS[name]
        for edge, count in zip(EDGES, counts, strict=True):
            family.add_sample(f"{prefix}_bucket", {**words, "le": edge}, count)
        family.add_sample(f"{prefix}_count", words, counts[-1])
        family.add_sample(f"{prefix}_sum", words, total)

    def collect(self) -> Iterable[Metric]:
        return self.families.values()


def _words(labels: Iterable[Sequence[str]], worker: str) -> dict[str, str]:
    return {word.replace(".", "_"): value for word, value in labels} | {"worker": worker}
