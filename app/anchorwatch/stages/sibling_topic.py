"""One task of a topic whose records are siblings of models that live on other topics: counted per window, by the time at which they were written.

Nothing is decoded, so any format, key and partition count will do. What was read leaves with the next cut as blocks for `observations`, under
the name of the topic and not of a feed: no feed is read slower for it, and judge decides how long it waits (stages/sibling_clock.py). Without
state: what it read, wrote and told is one transaction. A record that comes for a window that is judged already is late, as all else is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from anchorwatch.contract import Contract
from anchorwatch.events import Block, Counts, Heartbeat, Observation, Record, Row, Rows
from anchorwatch.stages.observe import ENCODER, VERSION, partition_of
from anchorwatch.stages.registry import Registry, Version
from anchorwatch.stages.report import Frozen, Report
from anchorwatch.stages.windows import numbered
from anchorwatch.watches.base import WHOLE, Ints
from anchorwatch.watches.siblings import SIBLINGS

AHEAD_MS_MAX = 300_000  # a time further ahead of the wall is no time at all
MARK = "siblings/"  # begins what stands for a feed in its observations; no topic's name holds a slash
BEAT = b'{"heartbeat_at_ms":'

Outside = Callable[[Contract], Sequence[str]]  # topics of its siblings that its own feed does not read


@dataclass(frozen=True)
class SiblingSettings:
    """Names of topics are whole. named: as contracts call the topic, which a replay reads under another name."""

    named: str
    observations: str
    observation_partitions: int
    window_ms: int = 10_000
    lateness_ms: int = 5_000
    wall: bool = True


class SiblingTopic:
    """Is an engine's `Stage`."""

    def __init__(self, task: int, tasks: int, registry: Registry, outside: Outside, settings: SiblingSettings) -> None:
        self.task, self.tasks, self.registry, self.outside, self.settings = task, tasks, registry, outside, settings
        self.seen, self.told = -1, -1  # highest time; up to which window's end it was told
        self.counts: dict[int, int] = {}  # window -> records read since the last cut
        self._changes, self._keys = -1, list[str]()

    # rows in

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Sequence[bytes | None] | None = None) -> None:
        del topic, traceparents
        rows = Rows.of(rows)
        at = rows.stamps
        if self.settings.wall:
            at = np.where((at <= 0) | (at > polled_ms + AHEAD_MS_MAX), polled_ms, at)  # no clock, or one that is far off
            self.seen = max(self.seen, min(int(at.max(initial=-1)), polled_ms))
        else:
            beats = np.array([(value or b"").startswith(BEAT) for value in rows.values], np.bool_)
            ends = [_beat(rows.values[i]) for i in np.flatnonzero(beats).tolist()]
            at = at[~beats & (at >= 0)]
            self.seen = max(self.seen, int(at.max(initial=-1)), *ends)
        self.add(at, np.ones(len(at), np.int64))

    def add(self, at: Ints, n: Ints) -> None:
        """at: int64[m] event times; n: int64[m], how many came then."""
        windows, place = numbered(at // self.settings.window_ms)
        for window, count in zip(windows.tolist(), np.bincount(place, n, len(windows)).astype(np.int64).tolist(), strict=True):
            self.counts[window] = self.counts.get(window, 0) + count

    # the clock

    def tick(self, now_ms: int, ended: frozenset[str]) -> None:
        """A topic that is read to its end is as far as now: one that stands still holds up nobody."""
        if self.settings.wall and ended:
            self.seen = max(self.seen, now_ms)

    @property
    def boundary(self) -> int:
        """The end of the last window that it has passed."""
        passed = self.seen - self.settings.lateness_ms
        return passed // self.settings.window_ms * self.settings.window_ms if passed >= 0 else -1

    def due(self) -> bool:
        return bool(self.counts) or self.boundary > self.told

    # the cut

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        del spans
        counts, self.counts = self.counts, {}
        records = [self._record(p, window, self.told, blocks) for p, window, blocks in self._blocks(counts)]
        if self.boundary > self.told:  # after the counts: no window may be closed whose counts are still to come
            self.told = self.boundary
            last = self.told // self.settings.window_ms - 1
            records += [self._record(p, last, self.told, []) for p in range(self.settings.observation_partitions)]
        return Frozen({}, records, Report())

    def _blocks(self, counts: Mapping[int, int]) -> Iterator[tuple[int, int, list[Block]]]:
        """(partition of observations, window, blocks of the models there that name the topic)."""
        for window, n in sorted(counts.items()):
            found: dict[int, list[Block]] = {}
            for key in self._naming():
                version = self.registry.at(key, window * self.settings.window_ms)
                if version is None or not self._is_named(version):
                    continue
                contract, packed = version.contract, {SIBLINGS.key: Counts.pack(np.array([[n]], np.int64))}
                block = Block(contract.environment, contract.model, contract.id, version.layout.reference_id, [WHOLE], packed)
                found.setdefault(partition_of(key, self.settings.observation_partitions), []).append(block)
            for p, blocks in found.items():
                yield p, window, blocks

    def _naming(self) -> list[str]:
        """Models of which some contract names the topic; found anew when one changes."""
        if self._changes != self.registry.changes:
            versions = self.registry.versions.items()
            self._changes, self._keys = self.registry.changes, sorted(key for key, known in versions if any(map(self._is_named, known)))
        return self._keys

    def _is_named(self, version: Version) -> bool:
        return SIBLINGS.key in version.layout.counts and self.settings.named in self.outside(version.contract)

    def _record(self, partition: int, window: int, watermark_ms: int, blocks: list[Block]) -> Record:
        settings = self.settings
        feed, begin = f"{MARK}{settings.named}", window * settings.window_ms
        observation = Observation(
            VERSION, feed, self.task, self.tasks, (begin, begin + settings.window_ms), watermark_ms, {}, (0, 1), blocks
        )  # fmt: skip
        return Record(settings.observations, partition, f"{feed}/{self.task}/{begin}".encode(), ENCODER.encode(observation))


def _beat(value: bytes | None) -> int:
    try:
        return msgspec.json.decode(value or b"", type=Heartbeat).heartbeat_at_ms
    except msgspec.DecodeError:
        return -1  # nobody of ours wrote it
