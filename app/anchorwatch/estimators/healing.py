"""Is what was beyond its line back inside it? The mirrored detector, for the few monitors that are warned or open (detection.md 2.6)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anchorwatch.errors import StateCorrupt
from anchorwatch.estimators.rows import Floats, Ints, Mask, Rows, six_digits
from anchorwatch.estimators.tables import LAM, LINE_MIN

_COLUMNS = ("monitor", "column", "row", "recovering")  # what a snapshot holds; line and phi are settings of the bank


class Healing:
    """Null: "the mean is still at or beyond the line", one column per busy monitor; nothing is held for quiet ones.

    Takes:     per window n and bad (of a 0/1 stream or of scores in [0, 1], larger is worse), in the order of `monitor`.
    Gives:     evidence in days for a return; `inside`: a return is dated and at least `least` effective events since then lie inside;
               `recovering`: inside with at least `hint` days of evidence, until less than half of that is left.
    Cost:      265 bytes a busy monitor.
    Source:    Shiryaev-Roberts form of arXiv 2203.03532: a plain e-process never comes back after a long fault.
    """

    def __init__(self, least: Floats, hint: Floats) -> None:
        """float64[monitors] each. least: effective events (n / phi) inside the line, hint: evidence in days, before one is recovering."""
        self.least, self.hint = least, hint
        self.monitor: Ints = np.zeros(0, np.int64)
        self.column: Ints = np.zeros(0, np.int64)  # of the bank's rows: the stream that spoke loudest
        self.row: Ints = np.zeros(0, np.int64)  # of the bank's table: the bet that spoke loudest
        self.recovering: Mask = np.zeros(0, np.bool_)
        self.rows = Rows(len(LAM), 0)
        self.tune(np.zeros(0), np.zeros(0))

    def begin(self, monitor: Ints, column: Ints, row: Ints) -> None:
        """Start to watch for the return of these monitors, all [new]; one that is watched already starts anew. `tune` must follow."""
        self.end(np.isin(self.monitor, monitor))
        for name, values in zip(_COLUMNS, (monitor, column, row, np.zeros(len(monitor), np.bool_)), strict=True):
            setattr(self, name, np.concatenate([getattr(self, name), values]))
        self.rows.grow(len(monitor))

    def tune(self, line: Floats, phi: Floats) -> None:
        """line, phi: float64[busy]: the largest bad mean that is fine, and the clumping, of the bet that spoke loudest."""
        self.line, self.phi = line, phi
        beyond = np.clip(1 - line, LINE_MIN, 1 - LINE_MIN)  # mirrored: share of good events while the fault lasts
        self._psi = np.log1p(beyond * np.expm1(LAM)[:, None]) / phi
        self._lam = LAM[:, None] / phi

    def end(self, which: Mask) -> None:
        """which: bool[busy]."""
        if which.any():
            for name in _COLUMNS:
                setattr(self, name, getattr(self, name)[~which])
            self.rows.keep(~which)
            self.tune(self.line[~which], self.phi[~which])

    def window(self, n: Floats, bad: Floats, days: float, from_ms: int, gain: Floats | None = None) -> tuple[Floats, Mask]:
        """n, bad: float64[busy]; gain: float64[6, busy], of the mirrored bets where they are not on the score (`Heal.gain`).

        Credit only in windows with events: silence is no recovery. Gives (evidence in days, inside)."""
        if gain is None:
            gain = np.multiply(self._lam, n - bad, out=self.rows.buffer)
            gain -= self._psi * n
        else:
            gain = gain / self.phi
        self.rows.add(gain, np.where(n > 0, days, 0.0), n, bad, from_ms)
        loud = self.rows.m.argmax(0)[None]
        seen, beyond, going = (np.take_along_axis(a, loud, 0)[0] for a in (self.rows.n, self.rows.k, self.rows.w))
        inside = (seen >= self.least[self.monitor] * self.phi) & (beyond <= self.line * seen) & (going > 0)
        evidence, hint = six_digits(self.rows.m.sum(0) / len(LAM)), self.hint[self.monitor]
        # half of it ends what began: with one mark alone, monitors on their line relapsed 2 to 8 times as often (four kinds of fleets)
        self.recovering = (inside & (evidence >= hint)) | (self.recovering & (evidence >= hint / 2))
        return evidence, inside

    def take(self, other: "Healing", mine_of: Mapping[int, int], their_first: Ints, first: Ints) -> None:
        """Busy monitors of an old bank go on here; `tune` must follow. mine_of: theirs -> ours; *first: the banks' first columns."""
        kept = np.flatnonzero(np.isin(other.monitor, list(mine_of)))
        theirs = other.monitor[kept]
        monitor = np.array([mine_of[int(i)] for i in theirs], np.int64)
        start = len(self.monitor)
        self.begin(monitor, other.column[kept] - their_first[theirs] + first[monitor], other.row[kept])
        self.recovering[start:] = other.recovering[kept]
        self.rows.take(other.rows, np.arange(start, len(self.monitor)), kept)

    @property
    def nbytes(self) -> int:
        return self.rows.data.nbytes + sum(int(getattr(self, name).nbytes) for name in _COLUMNS)

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        own: dict[str, NDArray[np.generic]] = {"heal." + name: getattr(self, name).copy() for name in _COLUMNS}
        return own | {"heal.rows": self.rows.data.copy()}

    def restore(self, data: Mapping[str, NDArray[np.generic]], bets: int, columns: int) -> None:
        """bets, columns: of the bank. `tune` must follow. Raises: StateCorrupt when the arrays are of another bank; unchanged then."""
        found = {name: np.asarray(data.get("heal." + name, np.zeros(0))) for name in _COLUMNS}
        busy, size = len(found["monitor"]), len(self.least)
        dtypes = all(found[name].dtype == getattr(self, name).dtype and found[name].shape == (busy,) for name in _COLUMNS)
        bounds = (("monitor", size), ("column", columns), ("row", bets))
        if not dtypes or any(busy and not 0 <= found[name].min() <= found[name].max() < limit for name, limit in bounds):
            raise StateCorrupt(f"bank state 'heal.*': not of a bank of {size} monitors; start this model from empty state")
        rows = Rows(len(LAM), busy)
        rows.restore(data, "heal.rows")
        for name in _COLUMNS:
            setattr(self, name, found[name].copy())
        self.rows = rows


def mirrored(gain: Floats, counts: Floats) -> Floats:
    """float64[6, busy]: gain float64[busy, 6, S] (`Heal.gain` of each) times counts float64[S, busy], symbol by symbol as in the bank."""
    total: Floats = np.zeros((gain.shape[1], len(gain)))
    for symbol in np.flatnonzero(counts.any(1)):
        total += gain[:, :, symbol].T * counts[symbol]
    return total
