"""How long did it take, for every event and within 5 per cent? Whole arrays of seconds are counted on a logarithmic scale.

The SDK has no bound instruments and pays 8 us per `record`; here a value costs about 5 ns in arrays of 10,240. What comes out is an
OTLP exponential point with our own exemplars, or cumulative counts at fixed bounds for a Prometheus scrape.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import Buckets, ExponentialHistogramDataPoint
from opentelemetry.trace import SpanContext

SCALE = 3  # 8 buckets an octave, each 9 % wide: a quantile is off by 4.4 % at most
LOW, HIGH = -20, 23  # octaves: 1 us to 97 days; 2.8 kB a histogram
N = (HIGH - LOW) << SCALE
EXPORTED_MAX = 160  # buckets between first and last in use (20 octaves, some backends take no more); above: halved, off by 9 %

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
BOUNDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY, 3 * DAY, 7 * DAY),
)  # s, 24 of them; the text format knows no exponential buckets
_EDGES = np.arange(N + 2)
_PLACES = (np.log2(np.array(BOUNDS)) - LOW) * (1 << SCALE) + 1  # where each bound lies among the edges of the buckets


@dataclass
class LogHistogram:
    """Latencies of one instrument and label set since `start_ns`, in this process.

    Bucket i holds (2**(i/8), 2**((i+1)/8)] seconds, closed above as OTLP wants it. Counts that moved here with a partition are not
    among them: exported, they would double every sum() for five minutes and be one huge step in rate().
    """

    start_ns: int
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N + 1, np.int64))  # [0]: at or below 1 us; [N]: above 97 days too
    sum: float = 0.0
    min: float = math.inf
    max: float = -math.inf
    exemplars: dict[int, tuple[Exemplar, Exemplar]] = field(default_factory=dict)  # octave -> (slowest, newest); at most 43 octaves

    def add(self, seconds: NDArray[np.float64]) -> None:
        """seconds: float64[n], finite and not negative; n = 0 changes nothing. 50 us per 10,240 values."""
        if not seconds.size:
            return
        octaves = np.log2(np.maximum(seconds, 2.0**LOW))
        places = np.ceil(octaves * (1 << SCALE)).astype(np.int64) - (LOW << SCALE)  # floor would put powers of two one too high
        self.counts += np.bincount(np.minimum(places, N), minlength=N + 1)
        self.sum += float(seconds.sum())
        self.min, self.max = min(self.min, float(seconds.min())), max(self.max, float(seconds.max()))

    def offer(self, seconds: float, at_ns: int, context: SpanContext) -> None:
        """One measurement whose trace was kept (else it is a dead link). `at_ns`: when it was counted, never the event's own time,
        since Prometheus drops without a word an exemplar older than the newest of its series.
        """
        new = Exemplar({}, seconds, at_ns, context.span_id, context.trace_id)
        octave = min(max(math.frexp(seconds)[1], LOW), HIGH)
        slowest = self.exemplars.get(octave, (new,))[0]
        self.exemplars[octave] = (max(slowest, new, key=lambda one: one.value), new)

    def point(self, attributes: Mapping[str, str], now_ns: int) -> ExponentialHistogramDataPoint:
        """What is known at `now_ns`; the exemplars leave with it."""
        scale, first, used = self._buckets()
        unique = {one.span_id: one for pair in self.exemplars.values() for one in pair}
        self.exemplars = {}
        return ExponentialHistogramDataPoint(
            attributes=attributes,
            start_time_unix_nano=self.start_ns,
            time_unix_nano=now_ns,
            count=int(self.counts.sum()),
            sum=self.sum,
            scale=scale,
            zero_count=int(self.counts[0]),
            positive=Buckets(first, used.tolist()),
            negative=Buckets(0, []),
            flags=0,
            min=self.min,
            max=self.max,
            exemplars=list(unique.values()),
        )

    def _buckets(self) -> tuple[int, int, NDArray[np.int64]]:
        """(scale, index of the first bucket, counts), without empty ends and at most EXPORTED_MAX long."""
        scale, used = SCALE, self.counts[1:]
        inside = np.flatnonzero(used)
        if not inside.size:
            return scale, 0, used[:0]
        first = (LOW << SCALE) + int(inside[0])
        used = used[inside[0] : inside[-1] + 1]
        while used.size > EXPORTED_MAX:  # merge pairs; an odd first index is the upper half of its pair
            odd = first & 1
            used = np.pad(used, (odd, (used.size + odd) & 1)).reshape(-1, 2).sum(1)
            scale, first = scale - 1, first >> 1
        return scale, first, used

    def cumulative(self) -> list[int]:
        """int[24]: how many took at most BOUNDS[i]. Inside the one bucket that a bound divides it is interpolated (in the logarithm),
        so a count is off by less than that bucket's share; it never falls from scrape to scrape.
        """
        below = np.concatenate(([0], np.cumsum(self.counts)))  # below[k]: values in places < k
        found: list[int] = np.interp(_PLACES, _EDGES, below).astype(np.int64).tolist()
        return found
