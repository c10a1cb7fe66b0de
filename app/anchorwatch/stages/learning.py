"""A model without a reference: which of its first events will be normal? Those of one quiet time, of one regime (detection.md 2.7).

No line and no page is drawn from them meanwhile. The rows themselves stay where they are, in the topics: this only says which ones count. So
the answer is a function of the windows, bounded, and the same in a backtest and on Kafka, over restarts too.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from anchorwatch.contract.values import duration_text
from anchorwatch.estimators.adwin import ADWIN
from anchorwatch.stages.ready import Ready
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.lines import RANKS_MIN
from anchorwatch.watches.pace import EVENTS
from anchorwatch.watches.spans import Spans, merged, overlap

ROWS_ENOUGH = 100_000  # predictions, 400 MB and 3 s while they are read; more of them end the window before `reference.learn` is over
SPANS_MAX = 50  # times under an alert that a window may hold; one more begins anew
LEAD_WINDOWS = 60  # between what is known and what is in force: time to read, learn and publish, the same for every task
BEGINNINGS_MAX = 3  # what changes more often than a window lasts is learnt as it is: its spread widens its lines (phi)
FED_MAX = 500  # events of a window and stream that ADWIN sees; above: in proportion, since the rest says nothing new
CLASSES_MAX = 5
FAST = 0.9  # share of the first calls below the bin that the others are compared with
SLOW_MIN = 100  # calls that settle that bin
WITHIN = {"answers": 0.10, "missing": 0.05, "slow": 0.15, "errors": 0.10}  # a change below that is no other regime, however sure


class Stream:
    """One 0/1 stream under ADWIN, and the sums since the window began."""

    def __init__(self) -> None:
        self.detector = ADWIN()
        self.n, self.k = 0, 0

    def feed(self, n: int, k: int) -> None:
        n, k = (n, k) if n <= FED_MAX else (FED_MAX, round(k * FED_MAX / n))
        self.n, self.k = self.n + n, self.k + k
        self.detector.feed(n, k)

    def moved(self) -> tuple[float, float] | None:
        """The mean before and after a cut; None: all of it is one regime."""
        level = self.detector.level()
        earlier = self.n - level.n
        if level.mean is None or earlier <= 0:
            return None
        return (self.k - level.mean * level.n) / earlier, level.mean


class Learning:
    def __init__(self, layout: Layout, window_ms: int) -> None:
        self.layout, self.window_ms = layout, window_ms
        self.beginnings = 0
        self.why = ""  # why it began anew, in words
        self._begin(-1)

    def _begin(self, at_ms: int) -> None:
        self.from_ms, self.to_ms, self.rows = at_ms, -1, 0
        self.left_out: Spans = ()
        self.streams: dict[str, Stream] = {}
        self.fast = -1  # bin of the latency histogram
        self.calls: list[int] = []  # by bin, until there are enough to settle it

    # windows

    def window(self, flat: Ints, window: tuple[int, int], harmed_ms: int | None) -> None:
        """One closed window with content. harmed_ms: since when some harm is open, None: none is: its days are not normal."""
        if self.to_ms >= 0:
            if harmed_ms is not None and harmed_ms < self.to_ms:
                self._anew(window[1], f"what an alert tells at {_at(window[1])} began in it")
            return
        if harmed_ms is not None:
            self._leave_out(harmed_ms, window)
            return
        if self.from_ms < 0:
            self.from_ms = window[0]
        self.rows += self._events(flat)
        if self.beginnings < BEGINNINGS_MAX and (changed := self._changed(flat)):
            self.beginnings += 1
            self._anew(window[1], f"not one regime: {changed}, by {_at(window[1])}")
        elif self.rows >= RANKS_MIN and (self._normal(window[1]) >= self.layout.contract.reference.learn or self.rows >= ROWS_ENOUGH):
            self.to_ms = window[1]

    def _anew(self, at_ms: int, why: str) -> None:
        self.why = why
        self._begin(at_ms)

    def _normal(self, to_ms: int) -> int:
        """How long it has learnt, without what is left out."""
        return to_ms - self.from_ms - overlap(self.from_ms, to_ms, self.left_out)

    def _leave_out(self, since_ms: int, window: tuple[int, int]) -> None:
        """From when the harm began, which is before it was heard. What came in between was counted: it is taken back in proportion."""
        if self.from_ms < 0 or since_ms <= self.from_ms:
            self._anew(-1, f"an alert was open at {_at(window[1])}")
            return
        before = self._normal(window[0])
        self.left_out = merged([*self.left_out, (since_ms, window[1])])
        self.rows = self.rows * self._normal(window[1]) // max(before, 1) if before else self.rows
        if len(self.left_out) > SPANS_MAX:
            self._anew(window[1], f"alerts were open {SPANS_MAX} times")

    def ready(self, now_ms: int) -> Ready | None:
        """now_ms: all is judged up to there. Labels are waited for as long as was learnt; later ones are learnt later."""
        if self.to_ms < 0:
            return None
        late, lead = self._late_ms, LEAD_WINDOWS * self.window_ms
        if late > self.to_ms - self.from_ms:
            return Ready(self.from_ms, self.to_ms, -1, self.to_ms + lead, self.to_ms + late, self.left_out)
        known = self.to_ms + late
        return Ready(self.from_ms, self.to_ms, known, known + lead, 0, self.left_out) if now_ms >= known else None

    @property
    def _late_ms(self) -> int:
        """When labels, and decisions and complaints where they are expected, are in."""
        return max([self.layout.late_ms, *self.layout.reactions.values()])

    def _events(self, flat: Ints) -> int:
        return int(self.layout.view(flat, EVENTS.key)[0].sum()) if EVENTS.key in self.layout.counts else 0

    def _changed(self, flat: Ints) -> str:
        """What changed, in words; "" while it is one regime."""
        for name, n, k in self._seen(flat):
            if n <= 0:
                continue
            stream = self.streams.setdefault(name, Stream())
            stream.feed(n, k)
            means = stream.moved()
            if means is not None and abs(means[1] - means[0]) > WITHIN[name.partition(" ")[0]]:
                return f"{name} went from {100 * means[0]:.3g} to {100 * means[1]:.3g} %"
        return ""

    def _seen(self, flat: Ints) -> Iterator[tuple[str, int, int]]:
        """(stream, events, ones) of the whole in this window."""
        layout = self.layout
        for key, count in layout.counts.items():
            cells = layout.view(flat, key)[0]
            if count.name == "answer":
                for code, name in enumerate(layout.classes[:CLASSES_MAX]):
                    yield f"answers {name!r}", int(cells.sum()), int(cells[code])
            elif count.name == "inference.seconds":
                yield from self._slow(cells)
            elif count.name == "confusion@late":
                side = len(layout.classes) + 1
                known = cells[:-1].reshape(side, side)
                yield "errors", int(known.sum()), int(known.sum() - np.trace(known))
        states = [layout.view(flat, key)[0, :3] for key in layout.state_keys.values()]
        if states:
            total = np.sum(states, axis=0)
            yield "missing values", int(total.sum()), int(total[1])

    def _slow(self, cells: Ints) -> Iterator[tuple[str, int, int]]:
        """Calls beyond the bin below which nine of ten of the first ones were."""
        if self.fast < 0:
            first = cells + np.array(self.calls or [0], np.int64)
            settled = int(first.sum()) >= SLOW_MIN
            self.fast = int(np.searchsorted(np.cumsum(first), FAST * first.sum())) if settled else -1
            self.calls = [] if settled else first.tolist()
        else:
            yield "slow calls", int(cells.sum()), int(cells[self.fast + 1 :].sum())

    # words, state

    def told(self, now_ms: int) -> str:
        """How far it is, for a person."""
        anew = f"; began anew: {self.why}" if self.why else ""
        wish = duration_text(self.layout.contract.reference.learn)
        if self.from_ms < 0:
            return f"it waits for the first prediction{anew}"
        without = f", without {duration_text(overlap(self.from_ms, now_ms, self.left_out))} under an alert" if self.left_out else ""
        span = f"{self.rows:,} predictions since {_at(self.from_ms)}{without}"
        if self.to_ms < 0:
            return f"{span}, of {RANKS_MIN} at least in {wish}{anew}"
        waits = f", labels are waited for until {_at(self.to_ms + self._late_ms)}" if self.ready(now_ms) is None else ", being read"
        return f"{span}{waits}{anew}"

    def snapshot(self) -> dict[str, Any]:
        return {
            "from_ms": self.from_ms, "to_ms": self.to_ms, "rows": self.rows, "beginnings": self.beginnings, "why": self.why, "fast": self.fast,
            "calls": self.calls, "left_out": self.left_out,
            "streams": {name: [s.detector.snapshot(), s.n, s.k] for name, s in self.streams.items()},
        }  # fmt: skip

    def restore(self, kept: Mapping[str, Any]) -> None:
        if not kept:
            return  # of a version that did not learn by itself
        self.from_ms, self.to_ms, self.rows, self.fast = (int(kept[name]) for name in ("from_ms", "to_ms", "rows", "fast"))
        self.beginnings, self.why, self.calls = int(kept["beginnings"]), str(kept["why"]), list(kept["calls"])
        self.left_out = merged(kept["left_out"])
        for name, (state, n, k) in kept["streams"].items():
            stream = self.streams[name] = Stream()
            stream.detector.restore(state)
            stream.n, stream.k = int(n), int(k)


def ready_of(layout: Layout, learning: Learning | None, now_ms: int, window_ms: int) -> Ready | None:
    """Of a model: its first reference, or the labels that it did not wait for."""
    known = layout.reference
    if known is None:
        return learning.ready(now_ms) if learning else None
    due = known.labels_due_ms
    return Ready(known.from_ms, known.to_ms, due, due + LEAD_WINDOWS * window_ms, 0, known.left_out) if 0 < due <= now_ms else None


def _at(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
