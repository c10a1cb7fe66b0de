"""Which label sets may have a series of their own? At most so many segments of a model and series of an instrument.

Backends stop at 2,000 attribute sets an instrument, and then a gauge shows its last value, which means nothing. So segments are folded
into `other` before that: counters and histograms keep their sums, a gauge of a folded segment is left out. The stages choose the
segments by harm; this is the wall behind that choice, and it lets a segment that fell silent make room.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from anchorwatch.stages.report import Labels
from anchorwatch.telemetry.names import OTHER, OVERFLOW, WHOLE

SEGMENTS_MAX = 200  # of a model
SERIES_MAX = 2_000  # of an instrument
SCRAPED_MAX = 100  # of a histogram on `/metrics`, where each costs 27 lines; above: one series for all others, so that sums stay right
MODELS_MAX = 2_000  # whose segments are remembered
FOLDED_MAX = 1_000  # names of folded segments that are told apart, of a model
IDLE_NS = 600_000_000_000  # a segment silent for 10 minutes may lose its place

Model = tuple[str, str]  # environment, model
OVER: Labels = ((OVERFLOW, "true"),)


@dataclass
class Places:
    """`gone` is told (model, segment) when a segment lost its place: its series end there."""

    gone: Callable[[Model, str], None]
    seen: dict[Model, dict[str, int]] = field(default_factory=dict)  # -> segment -> last used, ns; the idlest first
    folded: dict[Model, dict[str, int]] = field(default_factory=dict)  # -> segment -> last used, ns; the oldest first

    def place(self, labels: Labels, at_ns: int) -> Labels:
        """The labels to count under: as they are, or with the segment `other`. A new dead or alive decision is made only at the wall."""
        given = dict(labels)
        segment = given.get("segment", WHOLE)
        if segment in (WHOLE, OTHER):
            return labels
        model = (given.get("environment", ""), given.get("model", ""))
        if self._admitted(model, segment, at_ns):
            return labels
        names = self.folded.setdefault(model, {})
        names.pop(segment, None)
        names[segment] = at_ns
        if len(names) > FOLDED_MAX:
            del names[next(iter(names))]
        return tuple(sorted({**given, "segment": OTHER}.items()))

    def _admitted(self, model: Model, segment: str, at_ns: int) -> bool:
        seen = self.seen.get(model)
        if seen is None:
            if len(self.seen) >= MODELS_MAX:
                return False
            seen = self.seen[model] = {}
        if segment not in seen and len(seen) >= SEGMENTS_MAX:
            idlest = next(iter(seen))
            if at_ns - seen[idlest] < IDLE_NS:
                return False
            del seen[idlest]
            self.gone(model, idlest)
        seen.pop(segment, None)
        seen[segment] = at_ns  # last in order: the newest
        return True

    def hidden(self, model: Model, now_ns: int) -> int:
        """How many segments were folded in the last 10 minutes."""
        return sum(now_ns - at_ns < IDLE_NS for at_ns in self.folded.get(model, {}).values())
