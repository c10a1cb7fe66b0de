"""What all ingest tasks counted of one model in one window, added up as it comes."""

import numpy as np

from anchorwatch.events import Block, Counts, Exemplar, FieldCount, Sample
from anchorwatch.stages.drawn import Drawn, merged
from anchorwatch.stages.windows import chosen, smallest
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout


class Pile:
    """Blocks of one model and window, of all tasks, added up as they come: integers add in any order."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.flat: Ints = np.zeros(layout.size, np.int64)
        self.apart: dict[str, Ints] = {}  # of Layout.apart: int64[rows, symbols]
        self.drawn: Drawn | None = None  # of what was judged, by the cells of the layout
        self.fields: dict[str, FieldCount] = {}
        self.looked_at, self.last_ms, self.strange = 0, -1, 0
        self.exemplars: list[Exemplar] = []
        self.versions: dict[str, int] = {}
        self.reasons: dict[str, int] = {}
        self.fallen: dict[str, int] = {}
        self.siblings_known = True  # were all events of its siblings counted when it was judged? Said by whoever judges

    @property
    def silent(self) -> bool:
        """Nothing of events or of their labels in it, only tables of what waits: those come by the clock, and make no window of their own."""
        arrivals = {self.layout.arrivals.key} if self.layout.arrivals is not None else set()
        told = self.fields or self.exemplars or self.versions or self.reasons or self.fallen or self.apart.keys() - arrivals
        return self.looked_at == 0 and self.last_ms < 0 and not told and not self.flat.any()

    def add(self, block: Block) -> None:
        rows = np.array([self.layout.rows.get(name, -1) for name in block.segments], np.int64)
        for key, counts in block.counts.items():
            if key in self.layout.counts and self.layout.counts[key].symbols == counts.symbols:
                counts.add_to(self.layout.view(self.flat, key), rows)
            elif key in self.layout.apart and self.layout.apart[key][1] == counts.symbols:
                self._add_apart(key, counts)
            else:
                self.strange += 1  # of another definition: shown nowhere, judged nowhere, counted
        if block.sample is not None:
            self._draw(block.sample)
        for name, count in block.fields.items():
            known = self.fields.get(name)
            if known is None:
                self.fields[name] = FieldCount(count.present, dict(count.types), list(count.sample))
                continue
            known.present += count.present
            for kind, n in count.types.items():
                known.types[kind] = known.types.get(kind, 0) + n
            known.sample = smallest([*known.sample, *count.sample])
        self.looked_at += block.looked_at
        self.last_ms = max(self.last_ms, block.last_ms)
        self.exemplars = chosen([*self.exemplars, *block.exemplars])
        for table, more in ((self.versions, block.versions), (self.reasons, block.reasons), (self.fallen, block.fallen)):
            for value, n in more.items():
                table[value] = table.get(value, 0) + n

    def _add_apart(self, key: str, counts: Counts) -> None:
        shape = self.layout.apart[key]
        if key not in self.apart:
            self.apart[key] = np.zeros(shape, np.int64)
        counts.add_to(self.apart[key], np.arange(shape[0]))

    def _draw(self, sample: Sample) -> None:
        cells = self.layout.cells
        more = Drawn.unpack(sample, len(cells.fields)) if cells is not None and cells.key == sample.of else None
        if more is None:
            self.strange += 1
            return
        self.drawn = merged(self.drawn, more)
