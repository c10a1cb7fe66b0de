"""Who complained of predictions: of which kind each complaint was (reactions.py), so that they are counted by it (watches/impact.py)."""

from operator import attrgetter
from typing import ClassVar

import numpy as np

from anchorwatch.stages.columns import Objects
from anchorwatch.stages.groups import Groups
from anchorwatch.stages.reactions import Firsts, Hashes, Reactions
from anchorwatch.watches.base import COMPLAINED, Floats, Ints
from anchorwatch.watches.layout import Layout

KIND = attrgetter("kind")
NONE = -1  # no complaint


class Complained(Firsts):
    """21 bytes a row, about 50 with its slots."""

    fields: ClassVar = {**Firsts.fields, "kind": np.int32}  # by the code that `labels.py` gives its name
    blank: ClassVar = {**Firsts.blank, "kind": NONE}


class Complaints(Reactions):
    role: ClassVar = "complaints"
    horizon: ClassVar = COMPLAINED
    rows: ClassVar = Complained

    def _coded(self, layout: Layout, records: Objects) -> dict[str, Ints]:
        return {"kind": self._codes(layout.kinds, list(map(KIND, records)))}

    def _tell(self, layout: Layout, hashes: Hashes, at: Ints, answer: Floats, groups: Groups) -> None:
        del answer  # whatever it was
        there, column = self._known(layout, hashes, at)
        kind = np.where(there, self._read(layout.kinds, column["kind"]), NONE)
        for watch in layout.watches:
            watch.complain(layout, kind, groups)
