"""Real streams into which a change is brought, as the KDD 2026 protocol does it: rows shuffled, a model that learns all along, four drifts.

Source: Cerqueira et al. 2026, arXiv 2606.07789, and the settings of its published experiments: which rows are left out or changed, how wide a
ramp is, where the onset lies. Its Hoeffding tree is MOA's, ours is river's.
"""

import copy
import csv
import gzip
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from river import tree
from scripts.simulations.panel import Floats
from scripts.simulations.sheet import generator

Ints = NDArray[np.int64]
DATA = Path(os.environ.get("ANCHORWATCH_DATA", "../shared/data/dev"))
STREAMS = {  # file, columns that are no feature, width of the ramp, which is how long an alarm is in time as well
    "Electricity": ("elec2.csv.gz", ("ts", "label"), 2_500),
    "NOAA": ("noaa_weather.csv.gz", ("seq", "label"), 1_500),
}
DRIFTS = ("class prior", "label swap", "feature permutation", "feature filtering")
SKIPPED = 0.75  # of one class, by "class prior"
ONSET = (0.5, 0.8)  # of the stream


class Rows(NamedTuple):
    x: Floats  # float64[n, features]
    y: Ints  # 0 or 1


class Run(NamedTuple):
    """A stream with a drift: rows as they came, without those left out, and was the model wrong on each?"""

    x: Floats
    y: Ints
    wrong: Ints
    at: Ints  # place of each row in the stream, where what is left out counts as well
    onset: int  # a place
    length: int
    width: int

    def from_(self, share: float) -> int:
        """The first row from that share of the stream on."""
        return int(np.searchsorted(self.at, int(share * self.length) + 1))


def load(name: str) -> Rows | None:
    file, left_out, _ = STREAMS[name]
    if not (DATA / file).exists():
        return None
    with gzip.open(DATA / file, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = [c for c in rows[0] if c not in left_out]
    labels = sorted({row["label"] for row in rows})
    x = np.array([[float(row[c]) for c in names] for row in rows])
    return Rows(x, np.array([labels.index(row["label"]) for row in rows], np.int64))


def runs(rows: Rows, width: int, seed: int) -> dict[str, dict[str, Run]]:
    """`abrupt` or `gradual` -> drift -> run. One shuffle and one onset, from which on it is played eight times."""
    rng, n = generator(8, seed), len(rows.y)
    order, onset, label = rng.permutation(n), int(n * rng.uniform(*ONSET)), int(rng.integers(2))
    x, y = rows.x[order], rows.y[order]
    column, places = int(rng.integers(x.shape[1])), rng.permutation(x.shape[1])
    high = x[:, column] > np.median(x[:, column])
    before = _Learner()
    before.play(x[:onset], y[:onset])
    made: dict[str, dict[str, Run]] = {}
    for kind, ramp in (("abrupt", 0), ("gradual", width)):
        since = np.arange(n) - onset
        drifted = (since >= ramp) | (rng.random(n) * max(ramp, 1) < since)
        skipped = {"class prior": drifted & (y == label) & (rng.random(n) < SKIPPED), "feature filtering": drifted & high}
        made[kind] = {}
        for drift in DRIFTS:
            there = np.flatnonzero(~skipped.get(drift, np.zeros(n, np.bool_)))
            told = np.where(drifted & (y == label), 1 - y, y) if drift == "label swap" else y
            seen = np.where(drifted[:, None], x[:, places], x) if drift == "feature permutation" else x
            after = copy.deepcopy(before)
            after.play(seen[there[onset:]], told[there[onset:]])  # before the onset nothing is left out
            made[kind][drift] = Run(seen[there], told[there], np.array(after.wrong, np.int64), there, onset, n, width)
    return made


class _Learner:
    """A Hoeffding tree that is asked first and taught then."""

    def __init__(self) -> None:
        self.model, self.wrong = tree.HoeffdingTreeClassifier(), list[bool]()

    def play(self, x: Floats, y: Ints) -> None:
        for row, label in zip(x.tolist(), y.tolist(), strict=True):
            features = dict(enumerate(row))
            self.wrong.append(self.model.predict_one(features) != label)
            self.model.learn_one(features, label)
