"""Answers of other arms: what would have been without the model, and what another model would have said (watches/baseline.py).

They wait in the same table as the model's, under layout numbers of their own, so they are joined, kept and dropped by the same code. A prediction
of the arm `baseline` has an id of its own; a `shadow` answers under the model's id, so its rows are found under another hash, and one outcome
serves both.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anchorwatch.stages.join import GHOST
from anchorwatch.watches.base import ANSWER, Columns, Compared, Floats, Ints
from anchorwatch.watches.layout import Layout

if TYPE_CHECKING:
    from anchorwatch.stages.model_ingest import ModelIngest

SHADOW = "shadow"
OTHER_SIDE = np.uint64(0x9E3779B97F4A7C15)  # of an id's hash, where its shadow stands
Hashes = NDArray[np.uint64]


def compares(layout: Layout) -> bool:
    """Does anything compare arms? Else they are only counted."""
    return any(count.name == "arms@late" for count in layout.counts.values())


def take(
    model: "ModelIngest", layout: Layout, arm: str, combos: Ints, hashes: Hashes, at: Ints, columns: Columns, closed_ms: int
) -> None:  # fmt: skip
    """closed_ms: windows before that have left; what comes for them may be judged with no cell."""
    number = model.layout_number(layout, arm)
    answers = np.where(columns.failed, np.nan, columns.codes[ANSWER].astype(np.float64))
    mine = _other_side(hashes) if arm == SHADOW else hashes
    model.waiting.add(mine, at, combos, answers, number, layout.contract.labels.delay.final)
    cell, on_time = model.cell_ms(layout.late_ms), at[at >= closed_ms]
    if len(on_time):
        begin = int(on_time.min()) // cell * cell
        model.closed["late"] = min(model.closed.get("late", begin), begin)
    if arm == SHADOW:
        known = model.waiting.index.find(hashes, model.waiting.first)
        places = known[known >= 0] - model.waiting.first
        column = model.waiting.column
        told = places[column("revision")[places] >= 0]
        label(model, column("hash")[told], column("label")[told], column("known")[told], column("revision")[told].astype(np.int64))


def label(model: "ModelIngest", hashes: Hashes, labels: Floats, known: Ints, revisions: Ints) -> None:
    """An outcome is that of the shadow's answer as well, where there is one."""
    if SHADOW not in model.arm_of.values() or not len(hashes):
        return
    beside = _other_side(hashes)
    there = np.flatnonzero(model.waiting.index.find(beside, model.waiting.first) >= 0)
    if len(there):
        model.waiting.label(beside[there], labels[there], known[there], revisions[there])


def count(model: "ModelIngest", horizon: str, number: int, rows: Ints, window: int, age: int) -> None:
    """Rows of a closed cell: told to the watches once, at `late`."""
    layout, arm, column = model.layouts[number], model.arm_of[number], model.waiting.column
    if horizon != "late" or not compares(layout):
        return
    in_time = (column("revision")[rows] >= 0) & (column("known")[rows] - column("at")[rows] <= age)
    labels = np.where(in_time, model.classes.read(layout.classes, column("label")[rows]), -1)
    beside = np.full(len(rows), -1)
    if arm == SHADOW:
        known = model.waiting.index.find(_other_side(column("hash")[rows]), model.waiting.first)
        places = np.maximum(known - model.waiting.first, 0)
        answer = column("answer")[places]
        there = (known >= 0) & (column("layout")[places] != GHOST) & ~np.isnan(answer)
        beside = np.where(there, np.nan_to_num(answer), -1).astype(np.int64)
    compared = Compared(len(rows), arm, column("answer")[rows].astype(np.int64), labels, beside)
    groups = model.groups(window, column("combo")[rows], model.layout_number(layout))
    for watch in layout.watches:
        watch.compare(layout, compared, groups)


def _other_side(hashes: Hashes) -> Hashes:
    """Its own inverse; never 0, which marks an empty slot."""
    found = hashes ^ OTHER_SIDE
    return np.where(found == 0, OTHER_SIDE, found)
