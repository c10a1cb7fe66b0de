"""Which monitors speak, and when do they fall silent? Thousands of monitors with their life, in arrays.

    quiet --M >= N/10--> warned --M >= N--> open        (pages=False: never beyond warned)
    quiet --M >= N--> open                              (news=True: nothing is said before, and then it is `news`, never a page)
    warned, open --a dated return, a tenth of the evidence--> recovering --evidence of health--> quiet
    recovering --half of it lost--> warned, open again

M_i <- (M_i + share_i days) L_i once per window, alone for each monitor; while open M rests at 0 and earns nothing (detection.md 1, 2).
Silence earns next to nothing, so that nothing is ever said of a monitor that saw no event. Nor is anything said while the events since the
date that would be told lie on the good side of the line: at three a day credit alone comes to a warning, and "only 100 % are right" is none.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorwatch.errors import StateCorrupt
from anchorwatch.estimators.healing import Healing, mirrored
from anchorwatch.estimators.rows import EVIDENCE_MAX_DAYS, Floats, Ints, Mask, Rows, columns_of, fitted, six_digits
from anchorwatch.estimators.tables import LAM, Heal, bernoulli

QUIET, WARNED, OPEN = 0, 1, 2
WARN_SHARE = 0.1  # of N: where a warning begins
RECOVER_SHARE = 0.1  # of clear_days; without it a lucky hour of a lasting fault (.12 for .06) stopped escalation 2.1 times a day, so .4
IDLE_SHARE = 1 / 30  # of N, so usually a day, is what silence earns; unbounded, 15 days without a label were a warning, 150 a page
LINE_OUT_OF_REACH = 1 - 2e-6  # lines end at 1 - 1e-6; with all ones on both sides no gain ever takes away what credit adds
AGAIN_MS = 7 * 86_400_000  # an alarm so soon after the all-clear is the same alert
NEVER_MS = -(2**62)

Verdict = Literal["page", "warning", "news", "recovering", "quiet"]
Direction = Literal["up", "down", ""]


class Change(NamedTuple):
    """A monitor whose verdict changed in this window.

    since_ms, n, k: when the change (of recovering and quiet: the return) began by the loudest stream, and what it counted since. For 0/1
    banks k counts ones of the stream as it was given (a complement stays one); for table banks k / n is the mean of the loudest score,
    rescaled to [0, 1] as in `Heal.score`. again: an alarm within 7 days of the all-clear, or a relapse: the same alert, no new one.
    relapse: out of `recovering` without an all-clear; no alarm for the promise. stream: of the loudest (table banks: the loudest row).
    between_ms: the change of a page or warning lies in it nine times of ten (`Rows.onset`); (0, 0) of others.
    """

    monitor: int
    verdict: Verdict
    evidence_days: float
    direction: Direction
    since_ms: int
    n: int
    k: float
    stream: int
    again: bool
    relapse: bool = False
    between_ms: tuple[int, int] = (0, 0)


class _Sense(NamedTuple):
    """What a row of a column means: [bets, columns] each, views of less. flip: a high score is good, so 1 - score is what heals."""

    line: Floats
    phi: Floats
    up: Mask
    flip: Mask
    stream_is_row: bool


class _Bank:
    """Everything but the gain: shares, evidence, life, state. A monitor owns the columns `_first[i]` to `_first[i + 1]` of its rows."""

    def __init__(self, first: Ints, bets: int, level_days: float, of_monitor: Mapping[str, ArrayLike], sense: _Sense) -> None:
        """of_monitor: share, clear_days, pages, news, healing_min: [monitors] or one for all."""
        size = len(first) - 1
        self._first, self._bets = first, bets
        self._width = np.diff(first)
        self._sense = sense
        self._mirror: tuple[Floats, Ints] | None = None  # of a TableBank whose return is not judged by a score: Heal.gain, of_row
        self._by_symbol: Floats = np.zeros((0, 0))
        self.share, self.clear_days, least = (fitted(of_monitor[name], size, name) for name in ("share", "clear_days", "healing_min"))
        pages, self.news = (np.broadcast_to(np.asarray(of_monitor[name], np.bool_), size).copy() for name in ("pages", "news"))
        self.opens: Mask = pages | self.news
        if not (self.share >= 0).all() or not 0 < level_days < EVIDENCE_MAX_DAYS:
            raise ValueError(
                f"bank: share must be >= 0 and level_days in (0, 1e12), got {self.share.tolist()[:5]}, {level_days}; see the budget"
            )
        self.level_days = float(level_days)
        self._rows = Rows(bets, int(first[-1]))
        self._earns: Mask = np.ones(int(first[-1]), np.bool_)  # columns whose line can be passed at all
        self._heal = Healing(least, self.clear_days * RECOVER_SHARE)
        self._status: NDArray[np.int8] = np.zeros(size, np.int8)
        self._cleared: Ints = np.full(size, NEVER_MS, np.int64)  # the last all-clear of a page
        self._calmed: Ints = np.full(size, NEVER_MS, np.int64)  # the last all-clear of either

    @property
    def size(self) -> int:
        return len(self._status)

    @property
    def nbytes(self) -> int:
        """Bytes of state, without settings."""
        return self._rows.data.nbytes + self._heal.nbytes + self._status.nbytes + self._cleared.nbytes + self._calmed.nbytes

    def evidence(self) -> Floats:
        """float64[monitors]: M in days, 6 significant digits, at most 1e12; 0 while open."""
        return six_digits(self._means())

    def _means(self) -> Floats:
        means: Floats = self._rows.m.sum(0) / self._bets
        if len(means) != self.size:
            means = np.add.reduceat(means, self._first[:-1]) / self._width
        return means

    def state(self) -> NDArray[np.int8]:
        """int8[monitors]: 0 quiet, 1 warned, 2 open."""
        return self._status.copy()

    def recovering(self) -> Mask:
        """bool[monitors]: warned or open, and a return is dated."""
        flags = np.zeros(self.size, np.bool_)
        flags[self._heal.monitor] = self._heal.recovering
        return flags

    def _step(self, n: Floats, k: Floats, days: float, from_ms: int, to_ms: int) -> list[Change]:
        """The gain lies in the buffer of the rows. n: float64[columns]; k: float64[columns] or [bets, columns]."""
        assert days >= 0, f"days of credit are {days}: windows must be given in the order of time"
        assert to_ms >= from_ms, f"the window ends at {to_ms} before it begins at {from_ms}"
        was = self._heal.recovering
        healed, inside = self._heal_window(n, k, days, from_ms)
        self._rows.add(self._rows.buffer, self._credit(n, days), n, k, from_ms)
        m = self._bounded(self.evidence())

        alarm = self.opens & (self._status != OPEN) & (m >= self.level_days)
        warn = (self._status == QUIET) & ~alarm & ~self.news & (m >= self.level_days * WARN_SHARE)
        well = [i for i in np.flatnonzero(alarm | warn) if self._rows.w[self._loudest(int(i))] <= 0]
        alarm[well] = warn[well] = False  # waiting only takes alarms away, so the promise is untouched
        who = self._heal.monitor
        done = inside & (healed >= self.clear_days[who]) & ~alarm[who]
        turned = (self._heal.recovering != was) & ~done & ~alarm[who]
        if not (alarm.any() or warn.any() or done.any() or turned.any()):
            return []
        changes = [self._spoke(int(i), float(m[i]), self._said(int(i), bool(alarm[i])), to_ms) for i in np.flatnonzero(alarm | warn)]
        changes += [self._turned(int(i), float(m[who[i]]), bool(done[i])) for i in np.flatnonzero(done | turned)]
        self._move(alarm, warn, done, changes, to_ms)
        return sorted(changes)

    def _credit(self, n: Floats, days: float) -> Floats:
        """float64[columns] or [bets, columns]. Silence earns little: that only takes M away, so the promise is untouched."""
        share = np.repeat(np.where(self._status == OPEN, 0.0, self.share), self._width) * self._earns
        most = self.level_days * IDLE_SHARE
        credit: Floats = share * min(days, most)  # nor does one window after a month of nothing bring a month's credit
        if (idle := n == 0).any():
            left = np.maximum(share * most - self._rows.m, 0.0)
            credit = np.where(idle, np.minimum(left, credit), credit)
        return credit

    def _heal_window(self, n: Floats, k: Floats, days: float, from_ms: int) -> tuple[Floats, Mask]:
        row, column = self._heal.row, self._heal.column
        if not len(row):
            return np.zeros(0), np.zeros(0, np.bool_)
        seen, score = n[column], np.broadcast_to(k, (self._bets, len(n)))[row, column]
        bad = np.where(self._sense.flip[row, column], seen - score, score)
        return self._heal.window(seen, bad, days, from_ms, self._mirrored(row, column))

    def _mirrored(self, row: Ints, column: Ints) -> Floats | None:
        """float64[6, busy]: gains of the mirrored bets in this window; None: the bets on the score."""
        if self._mirror is None:
            return None
        gain, of_row = self._mirror
        return mirrored(gain[column, of_row[row]], self._by_symbol[:, column])

    def _bounded(self, m: Floats) -> Floats:
        """What never pages is held just below N. Only takes M away, and its warning was counted at N/10: the promise is untouched."""
        cap = self.level_days * (1 - 1e-5)
        over = ~self.opens & (m > cap)
        if over.any():
            self._rows.m *= np.repeat(np.where(over, cap / np.maximum(self._means(), cap), 1.0), self._width)
            m = np.where(over, six_digits(np.array([cap])), m)
        return m

    def _move(self, alarm: Mask, warn: Mask, done: Mask, changes: list[Change], to_ms: int) -> None:
        """The new states; M of what alarmed or was cleared becomes 0; what alarmed or warned is watched for its return."""
        who = self._heal.monitor[done]
        self._cleared[who[self._status[who] == OPEN]] = to_ms
        self._calmed[who] = to_ms
        self._status[who] = QUIET
        self._heal.end(done)
        self._status[alarm], self._status[warn] = OPEN, WARNED
        over = alarm.copy()
        over[who] = True
        loud = [(c.monitor, *self._loudest(c.monitor)) for c in changes if alarm[c.monitor] or warn[c.monitor]]
        if loud:
            monitor, row, column = np.array(loud, np.int64).T
            self._heal.begin(monitor, column, row)
            self._tune_heal()
        self._rows.zero(np.repeat(over, self._width))

    def _tune_heal(self) -> None:
        row, column = self._heal.row, self._heal.column
        self._heal.tune(self._sense.line[row, column], self._sense.phi[row, column])

    def _loudest(self, monitor: int, by_w: bool = False) -> tuple[int, int]:
        return self._rows.loudest(int(self._first[monitor]), int(self._first[monitor + 1]), by_w)

    def _said(self, i: int, at_mark: bool) -> Verdict:
        return "news" if self.news[i] else "page" if at_mark else "warning"

    def _spoke(self, i: int, m: float, verdict: Verdict, to_ms: int, relapse: bool = False) -> Change:
        row, column = self._loudest(i, by_w=relapse)
        cleared = self._calmed if verdict == "warning" else self._cleared
        again = relapse or to_ms - int(cleared[i]) <= AGAIN_MS
        since, n, k = (a[row, column] for a in (self._rows.since, self._rows.n, self._rows.k))
        between = (0, 0) if relapse else self._rows.onset(int(self._first[i]), int(self._first[i + 1]), to_ms)
        told = self._direction(row, column), int(since), int(n), float(k), self._stream(row, column)
        return Change(i, verdict, m, *told, again, relapse, between)

    def _turned(self, i: int, m: float, done: bool) -> Change:
        """i: of the busy monitors. Cleared, recovering, or relapsed."""
        heal = self._heal
        monitor, row, column = int(heal.monitor[i]), int(heal.row[i]), int(heal.column[i])
        if not done and not heal.recovering[i]:
            return self._spoke(monitor, m, self._said(monitor, self._status[monitor] == OPEN), 0, relapse=True)
        bet = int(heal.rows.m[:, i].argmax())
        since, n, bad = int(heal.rows.since[bet, i]), int(heal.rows.n[bet, i]), float(heal.rows.k[bet, i])
        k = n - bad if self._sense.flip[row, column] else bad
        verdict: Verdict = "quiet" if done else "recovering"
        return Change(monitor, verdict, m, self._direction(row, column), since, n, k, self._stream(row, column), False)

    def _direction(self, row: int, column: int) -> Direction:
        return "up" if self._sense.up[row, column] else "down"

    def _stream(self, row: int, column: int) -> int:
        return row if self._sense.stream_is_row else column

    def reset(self, which: ArrayLike) -> None:
        """`accept`, `resolve`: these monitors (bool[monitors] or indices) are quiet, M is 0, nothing of before is remembered."""
        mask = np.zeros(self.size, np.bool_)
        mask[np.asarray(which)] = True
        self._status[mask], self._cleared[mask], self._calmed[mask] = QUIET, NEVER_MS, NEVER_MS
        self._heal.end(mask[self._heal.monitor])
        self._rows.zero(np.repeat(mask, self._width))

    def rescale(self, ratio: float) -> None:
        """A new N = ratio x the old one: the promise holds in M / N, so M is multiplied as well."""
        assert ratio > 0, f"N cannot be multiplied by {ratio}"
        self.level_days *= ratio
        self._rows.m *= ratio

    def take_over(self, other: "_Bank", mine: ArrayLike, theirs: ArrayLike) -> None:
        """Monitors `theirs` of an old bank go on as `mine` of this one, with M in proportion to N. They must have as many streams and bets.

        Raises: ValueError when they have not: what changed its definition starts anew instead.
        """
        a, b = np.asarray(mine, np.int64), np.asarray(theirs, np.int64)
        if other._bets != self._bets or not np.array_equal(self._width[a], other._width[b]):
            raise ValueError(f"take_over: monitors {b.tolist()[:5]} have other streams or bets than {a.tolist()[:5]}; let them start anew")
        self.reset(a)
        mine_columns, their_columns = columns_of(self._first, a), columns_of(other._first, b)
        self._rows.take(other._rows, mine_columns, their_columns)
        self._rows.m[:, mine_columns] *= self.level_days / other.level_days
        for name in ("_status", "_cleared", "_calmed"):
            getattr(self, name)[a] = getattr(other, name)[b]
        self._heal.take(other._heal, dict(zip(b.tolist(), a.tolist(), strict=True)), other._first, self._first)
        self._tune_heal()

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Plain arrays; settings are not among them: a bank is built from the contract, then restored."""
        own: dict[str, NDArray[np.generic]] = {
            "status": self._status.copy(),
            "cleared": self._cleared.copy(),
            "calmed": self._calmed.copy(),
        }
        return own | {"rows": self._rows.data.copy()} | self._heal.snapshot()

    def restore(self, data: Mapping[str, NDArray[np.generic]]) -> None:
        """Raises: StateCorrupt when the arrays are not those of a bank of this shape; the bank is unchanged then."""
        own = {name: np.asarray(data.get(name, np.zeros(0))) for name in ("status", "cleared", "calmed")}
        for name, found in own.items():
            ours: NDArray[np.generic] = getattr(self, "_" + name)
            if found.shape != ours.shape or found.dtype != ours.dtype:
                want = f"{ours.dtype}{ours.shape}"
                raise StateCorrupt(
                    f"bank state {name!r}: expected {want}, found {found.dtype}{found.shape}; start this model from empty state"
                )
        heal = Healing(self._heal.least, self._heal.hint)
        heal.restore(data, *self._rows.m.shape)
        busy = np.flatnonzero(own["status"])
        if ((own["status"] < QUIET) | (own["status"] > OPEN)).any() or not np.array_equal(np.sort(heal.monitor), busy):
            raise StateCorrupt("bank state: status and healing name different monitors; start this model from empty state")
        self._rows.restore(data, "rows")
        self._heal, self._status = heal, own["status"].astype(np.int8)
        self._cleared, self._calmed = own["cleared"].astype(np.int64), own["calmed"].astype(np.int64)
        self._tune_heal()


class BernoulliBank(_Bank):
    """Monitors that are the mean over one or several 0/1 streams: rates, two-sided rates (a stream each way), category mixes.

    Takes:     per window n and k: int64[streams], events and ones (0 <= k <= n).
    Gives:     the changes of this window, by monitor.
    Settings:  group: int[streams], ascending, the monitor of each stream, every monitor at least once; line, phi: float[streams];
               share: days of credit per day, clear_days: evidence of health for the all-clear, pages, news: [monitors];
               up: bool[streams], False where the stream is given as its complement; level_days: N; healing_min: events / phi.
    Cost:      240 bytes a stream + 17 a monitor; .11 us a monitor and window, .19 with two streams (2,000 monitors); 45 us for one.
    Guarantee: at most sum(share) T / N false pages and 10 times as many false warnings in T days, under any dependence between monitors;
               of those of `news` at most sum(share) T / N as well, and none before.
    Source:    Shin, Ramdas, Rinaldo 2023, arXiv 2203.03532; the budget: detection.md 1.
    """

    def __init__(
        self, *, group: ArrayLike, line: ArrayLike, share: ArrayLike, clear_days: ArrayLike, pages: ArrayLike, phi: ArrayLike,
        up: ArrayLike, level_days: float, healing_min: ArrayLike = 30.0, news: ArrayLike = False,
    ) -> None:  # fmt: skip
        of = np.asarray(group, np.int64)
        size = int(of[-1]) + 1 if len(of) else 0
        if not np.array_equal(np.unique(of), np.arange(size)) or (np.diff(of) < 0).any():
            raise ValueError(f"bank: group must ascend and name every monitor, got {of.tolist()[:10]}; sort the streams by monitor")
        self.line, self.phi = fitted(line, len(of), "line"), fitted(phi, len(of), "phi")
        shape = (len(LAM), len(of))
        ups, flip = np.broadcast_to(np.asarray(up, np.bool_), shape), np.broadcast_to(np.bool_(False), shape)
        sense = _Sense(np.broadcast_to(self.line, shape), np.broadcast_to(self.phi, shape), ups, flip, stream_is_row=False)
        settings = {"share": share, "clear_days": clear_days, "pages": pages, "news": news, "healing_min": healing_min}
        super().__init__(np.searchsorted(of, np.arange(size + 1)), len(LAM), level_days, settings, sense)
        self.move_lines(self.line)
        self._part: Floats = np.empty_like(self._one)

    def move_lines(self, line: ArrayLike) -> None:
        """Other lines from the next window on: of its hour of the week (season.py), of its mix. Evidence is kept.

        line: float64[streams], known before the window's counts: each window stays a fair bet, so the promise holds."""
        self.line[:] = fitted(line, len(self.line), "line")  # in place: the healing side reads the same array
        self._earns = self.line < LINE_OUT_OF_REACH
        table = bernoulli(self.line) / self.phi[:, None, None]
        self._zero: Floats = np.ascontiguousarray(table[..., 0].T)  # gain of a 0: float64[bets, streams]
        self._one: Floats = np.ascontiguousarray(table[..., 1].T)
        self._tune_heal()

    def window(self, n: ArrayLike, k: ArrayLike, days: float, from_ms: int, to_ms: int) -> list[Change]:
        """One closed window [from_ms, to_ms). days: event time since the window before, for the credit."""
        events, ones = np.asarray(n, np.float64), np.asarray(k, np.float64)
        assert events.shape == ones.shape == self.line.shape, f"counts {events.shape}, {ones.shape} for {len(self.line)} streams"
        assert ((ones >= 0) & (ones <= events)).all(), "more ones than events in a window: the watch counted one of them wrongly"
        gain = np.multiply(self._zero, events - ones, out=self._rows.buffer)
        gain += np.multiply(self._one, ones, out=self._part)
        return self._step(events, ones, days, from_ms, to_ms)


class TableBank(_Bank):
    """Monitors over any finite alphabet: rank histograms, ratio and money promises (tables.py).

    Takes:     per window counts: int64[monitors, S].
    Gives:     the changes of this window, by monitor; `stream` is the loudest row of the table.
    Settings:  tables: float64[monitors, K, S], padded with 0 where a monitor has fewer symbols; phi: float64[monitors, K]; heal: the
               scores of a return (`rank_heal`, `promise_heal`, `stack`); the rest as in BernoulliBank.
    Cost:      40 K bytes of state, 8 S (K + scores) of table a monitor; .60 us a monitor and window (32 bins), .14 (4 cells).
    Guarantee: as BernoulliBank. Gains are added symbol by symbol: a matrix product adds in another order on each machine.
    Source:    Shin, Ramdas, Rinaldo 2023, arXiv 2203.03532; the budget: detection.md 1.
    """

    def __init__(
        self,
        *,
        tables: ArrayLike,
        share: ArrayLike,
        clear_days: ArrayLike,
        pages: ArrayLike,
        phi: ArrayLike,
        heal: Heal,
        level_days: float,
        healing_min: ArrayLike = 30.0,
        news: ArrayLike = False,
    ) -> None:
        table = np.asarray(tables, np.float64)
        size, bets, self.symbols = table.shape
        self.phi: Floats = np.broadcast_to(np.asarray(phi, np.float64), (size, bets)).copy()
        if heal.score.shape[::2] != (size, self.symbols) or heal.line.shape != (size, bets):
            raise ValueError(f"bank: heal {heal.score.shape}, {heal.line.shape} is not of tables {table.shape}; use tables.stack")
        up = np.broadcast_to(heal.up[:, None], (bets, size))
        settings = {"share": share, "clear_days": clear_days, "pages": pages, "news": news, "healing_min": healing_min}
        super().__init__(np.arange(size + 1), bets, level_days, settings, _Sense(heal.line.T, self.phi.T, up, ~up, stream_is_row=True))
        self._of_row, self._mirror = heal.of_row, None if heal.gain is None else (heal.gain, heal.of_row)
        both = np.concatenate([table / self.phi[..., None], heal.score], axis=1)
        self._table: Floats = np.ascontiguousarray(both.transpose(2, 1, 0))  # [S, bets + scores, monitors]
        self._sums: Floats = np.empty(self._table.shape[1:])
        self._part: Floats = np.empty(self._table.shape[1:])

    def window(self, counts: ArrayLike, days: float, from_ms: int, to_ms: int) -> list[Change]:
        """One closed window [from_ms, to_ms). days: event time since the window before, for the credit."""
        cells = np.asarray(counts)
        assert cells.shape == (self.size, self.symbols), f"counts {cells.shape} for {(self.size, self.symbols)} monitors and symbols"
        assert (cells >= 0).all(), "a negative count in a window: the watch counted wrongly"
        by_symbol = self._by_symbol = np.ascontiguousarray(cells.T, np.float64)
        self._sums[:] = 0.0
        for symbol in np.flatnonzero(by_symbol.any(1)):
            self._sums += np.multiply(self._table[symbol], by_symbol[symbol], out=self._part)
        self._rows.buffer[:] = self._sums[: self._bets]
        scores = self._sums[self._bets :]
        return self._step(by_symbol.sum(0), scores[self._of_row], days, from_ms, to_ms)
