"""What has each bet gathered, and since when? The arithmetic under the banks: Shiryaev-Roberts sums and the CUSUMs that date them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorwatch.errors import StateCorrupt

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

GAIN_MAX = 690.0  # exp of it is finite: a window of a million errors must not become infinity times zero
SUM_MAX = 1e300
FIELDS = 5
EVIDENCE_MAX_DAYS = 1e12  # told at most: beyond it no number says more, and JSON has no infinity
_POWERS = np.array([float(10**i) for i in range(23)])  # exact in float64


class Rows:
    """Per bet and column: `m <- (m + credit) e^gain`, `w <- max(w + gain, 0)`, and what was counted since w last was 0.

    Not in logarithms: an m that underflows is nothing beside its next credit, one that overflows has paged long before; it is capped.
    m, w, since (ms: start of the first window after w was 0), n, k are views of one float64[5, bets, columns], columns last: a window
    costs a few numpy calls however many columns there are. Times and counts are whole numbers below 2**53, so exact.
    Cost: 40 bytes a bet and column.
    """

    def __init__(self, bets: int, columns: int) -> None:
        self._hold(np.zeros((FIELDS, bets, columns)))

    def _hold(self, data: Floats) -> None:
        self.data = data
        self.m, self.w, self.since, self.n, self.k = data
        self.buffer: Floats = np.empty(data.shape[1:])  # to write a gain into; `add` uses it up
        self._going: Floats = np.empty(data.shape[1:])

    def add(self, gain: Floats, credit: Floats, n: Floats, k: Floats, from_ms: int) -> None:
        """One window. gain: float64[bets, columns], overwritten; n: float64[columns]; credit, k: the same or [bets, columns]."""
        np.greater(self.w, 0.0, out=self._going)  # as 0. and 1.: multiplying is ten times faster than copying through a mask
        self.since -= from_ms
        self.data[2:] *= self._going
        self.since += from_ms
        self.n += n
        self.k += k
        self.w += gain
        np.maximum(self.w, 0.0, out=self.w)
        np.exp(np.minimum(gain, GAIN_MAX, out=gain), out=gain)
        self.m += credit
        with np.errstate(over="ignore", under="ignore"):
            self.m *= gain
        np.minimum(self.m, SUM_MAX, out=self.m)

    def zero(self, columns: Ints | Mask) -> None:
        self.data[:2, :, columns] = 0.0

    def loudest(self, first: int, end: int, by_w: bool = False) -> tuple[int, int]:
        """(row, column) of the bet with the most evidence in columns [first, end); among equal ones, or `by_w`, the longest w."""
        m, w = self.m[:, first:end], self.w[:, first:end]
        row, column = np.unravel_index(int(np.argmax(w if by_w else np.where(m == m.max(), w, -1.0))), m.shape)
        return int(row), first + int(column)

    def onset(self, first: int, end: int, told_ms: int) -> tuple[int, int]:
        """Between which times did the change of columns [first, end) begin, that is told at told_ms?

        From the oldest to the newest date of the bets with a tenth of the loudest's evidence, wider by the delay before and by 80 % of it
        after. Guarantee: empirical: holds .88 to .99 of changes of a rate (.05 -> .07 to .20, lines at .05 and .06; .20 -> .35).
        """
        row, column = self.loudest(first, end)
        m, since = self.m[:, first:end], self.since[:, first:end]
        loud = (m >= m.max() / 10) & (self.w[:, first:end] > 0)
        dates = since[loud] if loud.any() else self.since[row, column : column + 1]
        delay = told_ms - float(self.since[row, column])
        return int(dates.min() - delay), min(int(dates.max() + 0.8 * delay), told_ms)

    def keep(self, which: Mask) -> None:
        """Only these columns."""
        self._hold(np.ascontiguousarray(self.data[:, :, which]))

    def grow(self, columns: int) -> None:
        """That many new columns at the end, at zero."""
        self._hold(np.concatenate([self.data, np.zeros((*self.data.shape[:2], columns))], axis=2))

    def take(self, other: "Rows", mine: Ints, theirs: Ints) -> None:
        self.data[:, :, mine] = other.data[:, :, theirs]

    def restore(self, data: Mapping[str, NDArray[np.generic]], name: str) -> None:
        """Raises: StateCorrupt when data[name] is not such an array of this very shape; unchanged then."""
        found = np.asarray(data[name]) if name in data else np.zeros(0)
        if found.shape != self.data.shape or found.dtype != np.float64 or not np.isfinite(found).all():
            want = f"finite float64{self.data.shape}"
            raise StateCorrupt(f"bank state {name!r}: expected {want}, found {found.dtype}{found.shape}; start this model from empty state")
        self._hold(found.astype(np.float64, copy=True))


def columns_of(first: Ints, monitors: Ints) -> Ints:
    """The columns of these monitors, where monitor i owns [first[i], first[i + 1])."""
    return np.concatenate([np.arange(first[i], first[i + 1]) for i in monitors] or [np.zeros(0, np.int64)])


def fitted(values: ArrayLike, size: int, name: str) -> Floats:
    """float64[size], from one number or one for each. Raises: ValueError when it is not finite."""
    array: Floats = np.broadcast_to(np.asarray(values, np.float64), size).copy()
    if not np.isfinite(array).all():
        raise ValueError(f"bank: {name} holds NaN or infinity at {np.flatnonzero(~np.isfinite(array)).tolist()[:5]}; check the reference")
    return array


def six_digits(x: Floats) -> Floats:
    """At most 1e12, to 6 significant digits or 1e-22: exp differs in its last bits between machines, what is compared must not."""
    x = np.minimum(x, EVIDENCE_MAX_DAYS)
    positive = np.where(x > 0, x, 1.0)
    digits = np.clip(5 - np.floor(np.log10(positive)).astype(np.int64), -22, 22)
    up, down = _POWERS[np.maximum(digits, 0)], _POWERS[np.maximum(-digits, 0)]
    rounded: Floats = np.rint(x * up / down) / up * down
    return rounded
