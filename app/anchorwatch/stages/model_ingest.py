"""One model in one ingest task: its waiting predictions, what is counted of them, and when they are old enough to be judged."""

from collections.abc import Callable, Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

from anchorwatch.stages import arms
from anchorwatch.stages.arrived import count_arrived
from anchorwatch.stages.columns import Maker, Objects
from anchorwatch.stages.complained import Complaints
from anchorwatch.stages.decided import Decisions
from anchorwatch.stages.drawn import drawn
from anchorwatch.stages.groups import Groups
from anchorwatch.stages.join import GHOST, Added, Joined, Waiting
from anchorwatch.stages.labels import Classes
from anchorwatch.stages.reactions import Reactions, Taken
from anchorwatch.stages.table import CELLS, width
from anchorwatch.stages.windows import OpenWindow
from anchorwatch.watches.base import ANSWER, Columns, Floats, Ints, Matured
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.scores import EXPLORED

HOUR_MS = 3_600_000
LOOK_SHARE = 64  # one record in so many is read as a map, at most; where few come, more of them
LOOKS_AN_HOUR = 60  # wanted: a field nobody knows is told once ten records of an hour had it
LOOK_SHARE_LEARNING = 16  # how many come is not known yet
LAYOUTS_MAX = 1_000  # that waiting rows may belong to; numbers of older ones are used again

REACTIONS: dict[str, type[Reactions]] = {kind.horizon: kind for kind in (Decisions, Complaints)}
Windows = dict[tuple[int, int], OpenWindow]  # (window number, layout number) -> counts


class ModelIngest:
    def __init__(self, key: str, window_ms: int) -> None:
        self.key, self.window_ms = key, window_ms
        self.waiting = Waiting()
        self.layouts: list[Layout] = []
        self.classes = Classes()  # of the labels that wait
        self.reactions: dict[str, Reactions] = {}  # by horizon, those that were asked for
        self.arm_of: dict[int, str] = {}  # of layouts, those whose rows are answers of another arm (arms.py)
        self.windows: Windows = {}
        self.closed: dict[str, int] = {}  # horizon -> predictions before that time are judged at it; empty: none seen yet
        self.last_ms = -1

    # layouts

    def layout_number(self, layout: Layout, arm: str = "") -> int:
        """Of the layout for this arm, "" the model itself. Equal contracts and references are one layout, also after a restart."""
        for number, known in enumerate(self.layouts):
            if known is layout and self.arm_of.get(number, "") == arm:
                return number
        for number, known in enumerate(self.layouts):
            same = (known.contract.id, known.reference_id) == (layout.contract.id, layout.reference_id)
            if same and self.arm_of.get(number, "") == arm:
                self.layouts[number] = layout
                return number
        self.layouts.append(layout)
        if arm:
            self.arm_of[len(self.layouts) - 1] = arm
        assert len(self.layouts) <= LAYOUTS_MAX, f"{self.key}: more than {LAYOUTS_MAX} contracts in one life of a task; restart it"
        return len(self.layouts) - 1

    def into(self, layout: int) -> Callable[[int], OpenWindow]:
        def open_window(number: int) -> OpenWindow:
            found = self.windows.get((number, layout))
            if found is None:
                found = self.windows[number, layout] = OpenWindow(self.layouts[layout])
            return found

        return open_window

    # predictions

    def predictions(
        self, layout: Layout, combos: Ints, hashes: NDArray[np.uint64], at: Ints, columns: Columns, closed_ms: int
    ) -> tuple[Added, NDArray[np.bool_]]:
        """What the join made of them; bool[n] which are new, but came after their window was closed."""
        number = self.layout_number(layout)
        said = columns.numbers[ANSWER] if layout.regression else columns.codes[ANSWER].astype(np.float64)
        answers = np.where(columns.failed, np.nan, said)
        added = self.waiting.add(hashes, at, combos, answers, number, layout.contract.labels.delay.final, layout.kept(columns))
        late = at < closed_ms
        counted = added.new & ~late
        groups = Groups(at // self.window_ms, combos, counted, self.into(number))
        for watch in layout.watches:
            watch.count(layout, columns, groups)
        self.last_ms = max(self.last_ms, int(at.max()))
        groups.note_newest(at)
        if counted.any():
            for horizon, age in layout.ages.items():
                begin = int(at[counted].min()) // self.cell_ms(age) * self.cell_ms(age)
                # lower only before anything was closed: the first batch need not hold the oldest prediction
                self.closed[horizon] = min(self.closed.get(horizon, begin), begin)
        return added, added.new & late

    def outcomes(self, maker: Maker, labels: Objects, hashes: NDArray[np.uint64], known: Ints, revisions: Ints) -> tuple[Joined, int]:
        """What they did, and how many named a class that the contract does not know."""
        if maker.layout.regression:
            codes = np.array([float(v) if isinstance(v, int | float) else np.nan for v in labels])
            fresh = 0
        else:
            found = maker.answers.of(labels)
            codes = self.classes.kept(maker.layout.classes, found)
            fresh = int((found == len(maker.layout.classes)).sum())
        if self.arm_of:
            arms.label(self, hashes, codes, known, revisions)
        return self.waiting.label(hashes, codes, known, revisions), fresh

    def react(self, layout: Layout, horizon: str, records: Objects, hashes: NDArray[np.uint64], at: Ints) -> Taken:
        """Decisions or complaints, as `horizon` says."""
        predicted, closed_ms = self.waiting.predicted(hashes), self.closed.get(horizon, -1)
        return self.reacted(horizon).take(layout, records, hashes, at, predicted, closed_ms)

    def reacted(self, horizon: str) -> Reactions:
        found = self.reactions.get(horizon)
        if found is None:
            found = self.reactions[horizon] = REACTIONS[horizon]()
        return found

    # maturity

    @property
    def closed_to(self) -> int:
        """Predictions before that time are judged at `late`; -1: none seen yet."""
        return self.closed.get("late", -1)

    def cell_ms(self, age_ms: int) -> int:
        """How wide a cell of predictions is closed at once: a 24th of the age, whole windows, at most an hour."""
        return max(self.window_ms, min(HOUR_MS, age_ms // 24 // self.window_ms * self.window_ms))

    def mature(self, layout: Layout, until_ms: int, closed_ms: int = -1) -> int:
        """Close every cell that is due before `until_ms`, at every horizon. Returns how many predictions were judged at `late`.

        A cell is due at its end + the horizon's age, and counts in the window of that moment; where a new contract made it shorter, in the
        first one that is still open, after `closed_ms`.
        """
        self.closed = {name: self.closed[name] for name in layout.ages if name in self.closed}
        count_arrived(self, layout, until_ms, closed_ms)
        judged = {name: self._mature(name, age, until_ms, closed_ms) for name, age in layout.ages.items() if name in self.closed}
        return judged.get("late", 0)

    def _mature(self, horizon: str, age: int, until_ms: int, closed_ms: int) -> int:
        cell, judged = self.cell_ms(age), 0
        while True:
            begin = self.closed[horizon]
            end = (begin // cell + 1) * cell
            if end + age >= until_ms:
                break
            at = self.waiting.column("at")
            ahead = at[(self.waiting.column("layout") != GHOST) & (at >= begin)]
            if not len(ahead) or int(ahead.min()) >= end:
                skip = int(ahead.min()) // cell * cell if len(ahead) else 1 << 62
                last_due = (until_ms - age - 1) // cell * cell  # of no cell that is due holds anything: pass them all
                self.closed[horizon] = max(min(skip, last_due), end)
                continue
            judged += self._close(horizon, begin, end, age, max(end + age, closed_ms) // self.window_ms)
            self.closed[horizon] = end
        return judged

    def _close(self, horizon: str, begin: int, end: int, age: int, window: int) -> int:
        column = self.waiting.column
        rows = np.flatnonzero((column("at") >= begin) & (column("at") < end))
        rows = rows[(column("layout")[rows] != GHOST) & ~np.isnan(column("answer")[rows])]  # failed calls: neither right nor wrong
        for number in np.unique(column("layout")[rows]).tolist():
            some = rows[column("layout")[rows] == number]
            if number in self.arm_of:
                arms.count(self, horizon, number, some, window, age)
            elif horizon in REACTIONS:
                self.reacted(horizon).count(self, number, some, window)
            else:
                self._count_matured(horizon, number, some, window, age)
        return len(rows)

    def _count_matured(self, horizon: str, number: int, rows: Ints, window: int, age: int) -> None:
        layout, column = self.layouts[number], self.waiting.column
        if horizon not in layout.horizons:
            return  # of a contract that was in force when these predictions came
        in_time = (column("revision")[rows] >= 0) & (column("known")[rows] - column("at")[rows] <= age)
        revised = in_time & (column("revision")[rows] > 0)
        label, answer = column("label")[rows], column("answer")[rows]
        if layout.regression:
            error: Floats = np.where(in_time, answer - label, np.nan)
            nothing = np.zeros(len(rows), np.int64)
            matured = Matured(len(rows), nothing, np.where(in_time, 0, -1), error, revised, horizon)
        else:
            label = self.classes.read(layout.classes, label)
            codes = np.where(in_time, label, -1)
            no_error = np.full(len(rows), np.nan)
            matured = Matured(len(rows), answer.astype(np.int64), codes, no_error, revised, horizon, *self._kept(rows))
        combos = column("combo")[rows]
        groups = self.groups(window, combos, number)
        for watch in layout.watches:
            watch.mature(layout, matured, groups)
        wrong = in_time & (label != answer)
        if layout.cells is not None and horizon == "late" and width(self.waiting.columns) > len(layout.cells.fields):
            some = in_time if layout.hidden is None else in_time & layout.hidden.visible(matured)
            codes = column(CELLS)[rows[some], 1 : 1 + len(layout.cells.fields)]
            into = self.into(number)(window)
            into.add_apart(layout.cells.key, layout.cells.count(codes, wrong[some]))
            into.draw(drawn(column("hash")[rows[some]], codes, wrong[some]))
        if self.waiting.traces and horizon == "late":
            self._tell_wrong(layout, self.into(number)(window), column("hash")[rows[wrong]], combos[wrong])

    def _kept(self, rows: Ints) -> tuple[Ints | None, NDArray[np.bool_] | None]:
        """What is kept of the score of each row, 0 for nothing, and whether it was explored; None where no contract ever asked."""
        if not width(self.waiting.columns):
            return None, None
        first = self.waiting.column(CELLS)[rows, 0].astype(np.int64)
        return first % EXPLORED, first >= EXPLORED

    def groups(self, window: int, combos: Ints, number: int) -> Groups:
        """All of these events in one window of that layout."""
        return Groups(np.full(len(combos), window), combos, np.ones(len(combos), np.bool_), self.into(number))

    def _tell_wrong(self, layout: Layout, window: OpenWindow, hashes: NDArray[np.uint64], combos: Ints) -> None:
        kept = [(i, 1.0, self.waiting.traces[h], h) for i in self.waiting.traced(hashes).tolist() for h in (int(hashes[i]),)]
        if kept:
            window.tell(segment_names(layout, combos[[i for i, *_ in kept]]), combos, "wrong", kept)

    def leave(self, watermark_ms: int, layout: Layout) -> tuple[int, int]:
        """Rows that are final go. Returns (predictions without a label, outcomes without a prediction)."""
        judged_to = min(self.closed.values(), default=0)  # cells are closed whole: what is due with a later one waits for it
        n = self.waiting.final_front(min(watermark_ms - layout.contract.labels.delay.final, judged_to))
        return self._drop(n)

    def squeeze(self, most_bytes: int) -> tuple[int, int]:
        """The oldest go until the table fits: what its memory does not cover is counted as expired."""
        gone = (0, 0)
        while self.waiting.nbytes > most_bytes and self.waiting.n > 0:
            a, b = self._drop(max(self.waiting.n // 16, 1))
            gone = (gone[0] + a, gone[1] + b)
        return gone

    def clear(self) -> None:
        self._drop(self.waiting.n)
        for each in self.reactions.values():
            each.clear()

    def _drop(self, n: int) -> tuple[int, int]:
        if not n:
            return 0, 0
        gone = self.waiting.drop_front(n)
        ghosts = gone["layout"] == GHOST
        missing = ~ghosts & (gone["revision"] < 0)
        for number, layout in enumerate(self.layouts):
            if layout.hidden is not None:  # truth that nobody waits for is not missing
                missing &= (gone["layout"] != number) | (gone["answer"] != layout.hidden.answer)
        return int(missing.sum()), int(ghosts.sum())


def segment_names(layout: Layout, combos: Ints) -> dict[int, list[str]]:
    """Combination -> names of all its segments, finest last."""
    unique = np.unique(combos)
    columns = layout.segments_of(unique)
    return {int(c): [layout.segments[int(rows[i])] for rows in columns if rows[i] >= 0] for i, c in enumerate(unique)}


def look_share(layout: Layout) -> int:
    """One record in so many is read as a map, by the hash of its id: the same ones, whatever the tasks and batches. By the reference's rate."""
    if layout.reference is None:
        return LOOK_SHARE_LEARNING
    an_hour = layout.reference.rows / (24 * layout.reference.days)
    return int(min(max(an_hour / LOOKS_AN_HOUR, 1), LOOK_SHARE))


def hashes_of(ids: Sequence[bytes]) -> NDArray[np.uint64]:
    """64-bit xxh3 of each id's UTF-8; never 0, which marks an empty slot."""
    found = np.fromiter(map(xxhash.xxh3_64_intdigest, ids), np.uint64, len(ids))
    return np.maximum(found, np.uint64(1))
