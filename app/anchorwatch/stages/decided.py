"""What was done with predictions: action and use as each decision tells (reactions.py), against what was recommended (watches/impact.py)."""

from operator import attrgetter
from typing import ClassVar

import numpy as np

from anchorwatch.stages.columns import Objects
from anchorwatch.stages.groups import Groups
from anchorwatch.stages.reactions import Firsts, Hashes, Reactions
from anchorwatch.watches.base import DECIDED, FOLLOWED, IGNORED, NO_DECISION, OVERRIDDEN, UNTOLD, Floats, Ints, Used
from anchorwatch.watches.layout import Layout

ACTION, RECOMMENDED, USE, REASON = map(attrgetter, ("action", "recommended", "use", "reason"))
USES = {"followed": FOLLOWED, "overridden": OVERRIDDEN, "ignored": IGNORED}
NONE = -1  # no action recommended by the event itself; use not told


class Decided(Firsts):
    """30 bytes a row, about 55 with its slots."""

    fields: ClassVar = {
        **Firsts.fields,
        "action": np.int32,  # by the code that `labels.py` gives its name
        "recommended": np.int32,  # the same; -1: the event tells none, so the contract's map does
        "use": np.int8,  # FOLLOWED, OVERRIDDEN, IGNORED; -1: not told, so the actions tell
        "reason": np.int32,  # as `action`
    }
    blank: ClassVar = {**Firsts.blank, "action": -1, "recommended": NONE, "use": NONE, "reason": -1}


class Decisions(Reactions):
    role: ClassVar = "decisions"
    horizon: ClassVar = DECIDED
    rows: ClassVar = Decided

    def _coded(self, layout: Layout, records: Objects) -> dict[str, Ints]:
        actions, wanted, uses = list(map(ACTION, records)), list(map(RECOMMENDED, records)), list(map(USE, records))
        nothing: Ints = np.full(len(records), NONE)
        use, recommended = nothing.copy(), nothing
        if uses.count(None) < len(uses):
            use = np.fromiter((USES.get(each, NONE) for each in uses), np.int64, len(records))
        if wanted.count(None) < len(wanted):  # the event's own recommendation tells, also of actions that nobody listed
            recommended = self._codes(layout.actions, wanted)
            recommended[[advised is None for advised in wanted]] = NONE
            for i, (action, advised) in enumerate(zip(actions, wanted, strict=True)):
                if advised is not None and use[i] == NONE:
                    use[i] = FOLLOWED if action == advised else OVERRIDDEN
        return {
            "action": self._codes(layout.actions, actions), "recommended": recommended, "use": use,
            "reason": self._codes(layout.reasons, list(map(REASON, records))),
        }  # fmt: skip

    def _tell(self, layout: Layout, hashes: Hashes, at: Ints, answer: Floats, groups: Groups) -> None:
        used = self.used(layout, hashes, at, answer)
        for watch in layout.watches:
            watch.decide(layout, used, groups)

    def used(self, layout: Layout, hashes: Hashes, at: Ints, answer: Floats) -> Used:
        """What was done with these predictions by the age at which they are judged. answer: class codes; of a regression not looked at."""
        there, column = self._known(layout, hashes, at)
        advised = self._advised(layout, column["recommended"], answer)
        action, reason = (self._read(listed, column[name]) for name, listed in (("action", layout.actions), ("reason", layout.reasons)))
        use = column["use"].astype(np.int64)
        by_map = np.where(action == advised, FOLLOWED, OVERRIDDEN)
        use = np.where(use == NONE, np.where(advised < 0, UNTOLD, by_map), use)
        return Used(len(at), np.where(there, use, NO_DECISION), advised, np.where(there, action, -1), np.where(there, reason, -1))

    def _advised(self, layout: Layout, told: Ints, answer: Floats) -> Ints:
        """The event's own recommendation, else the contract's for that answer; -1: neither."""
        by_map = np.full(len(told), NONE) if layout.regression else layout.recommended[np.nan_to_num(answer).astype(np.int64)]
        return np.where(told == NONE, by_map, self._read(layout.actions, told))
