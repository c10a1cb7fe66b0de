"""Which bank holds a monitor, and where do its counts lie? The banks of one model, made from its layout (stages/monitors.py feeds them)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anchorwatch.alerting.budget import kind_of, share
from anchorwatch.estimators.bank import BernoulliBank, TableBank
from anchorwatch.estimators.tables import stack
from anchorwatch.watches.base import WHOLE, Ints, Monitor
from anchorwatch.watches.layout import Layout


class Group(NamedTuple):
    """One bank: its monitors, and where their counts lie in the flat array."""

    monitors: list[Monitor]
    bank: BernoulliBank | TableBank
    at: Ints  # places, all streams or symbols one after the other
    starts: Ints  # where each stream's places begin (0/1 form: n and k in turn)
    width: int  # table form: symbols of the bank; 0/1 form: 0
    complement: NDArray[np.bool_]  # 0/1 form: of each stream, whether its ones are the others


class Banks(NamedTuple):
    layout: Layout
    shares: Mapping[str, float]  # of each monitor's key
    level_days: float

    def zero_one(self, monitors: list[Monitor]) -> Group:
        """Of monitors with streams."""
        streams = [(i, j, s) for i, m in enumerate(monitors) for j, s in enumerate(m.streams)]
        phi = [self.layout.phi_of(monitors[i], len(monitors[i].streams))[j] for i, j, _ in streams]
        bank = BernoulliBank(
            group=[i for i, _, _ in streams], line=[s.line for _, _, s in streams], phi=phi,
            up=[s.direction != "down" for _, _, s in streams], **self._settings(monitors),
        )  # fmt: skip
        pieces = []
        for i, _, s in streams:
            row = monitors[i].row
            pieces += [self.layout.at(s.key, row if s.n_row is None else s.n_row, s.n), self.layout.at(s.key, row, s.k)]
        starts = np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
        return Group(monitors, bank, np.concatenate(pieces), starts, 0, np.array([s.complement for _, _, s in streams]))

    def table(self, monitors: list[Monitor]) -> Group:
        """Of monitors with tables of one kind."""
        tilts = [m.tilt for m in monitors if m.tilt is not None]
        heal = stack([t.heal for t in tilts])
        width = heal.score.shape[-1]
        tables = np.zeros((len(tilts), len(tilts[0].table), width))
        at = np.full((len(tilts), width), self.layout.size)  # one place beyond the flat array holds 0
        phi = np.ones((len(tilts), len(tilts[0].table)))
        for i, (monitor, tilt) in enumerate(zip(monitors, tilts, strict=True)):
            tables[i, :, : len(tilt.symbols)] = tilt.table
            at[i, : len(tilt.symbols)] = self.layout.at(tilt.key, monitor.row, tilt.symbols)
            per_score = np.array(self.layout.phi_of(monitor, tilt.heal.score.shape[1]))
            phi[i] = per_score[tilt.heal.of_row]
        bank = TableBank(tables=tables, phi=phi, heal=heal, **self._settings(monitors))
        return Group(monitors, bank, at.reshape(-1), np.zeros(0, np.int64), width, np.zeros(0, np.bool_))

    def _settings(self, monitors: Sequence[Monitor]) -> dict[str, Any]:
        return {
            "share": [self.shares[m.key] for m in monitors],
            "clear_days": [m.clear_days for m in monitors],
            "pages": [m.harm and m.pages and kind_of(m.watch, news=m.news) == "harm" for m in monitors],
            "news": [m.news for m in monitors],
            "level_days": self.level_days,
            "healing_min": [m.healing_min for m in monitors],
        }


def shares(monitors: Sequence[Monitor], n_segments: int) -> dict[str, float]:
    """Days of credit a day of each monitor: detection.md 1."""
    parts = Counter((m.watch, m.segment, m.news) for m in monitors)
    return {
        m.key: share(
            m.watch, whole=m.segment == WHOLE, n_segments=max(n_segments, 1), n_parts=parts[m.watch, m.segment, m.news], news=m.news
        )
        for m in monitors
    }  # fmt: skip
