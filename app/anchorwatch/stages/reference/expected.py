"""What do answers at a given score turn out to be? Counted in the reference, read before labels are in (CBPE, detection.md 5.4 ii)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from anchorwatch.contract import Contract
from anchorwatch.events import canonical
from anchorwatch.watches.base import Floats, Ints

LABELS_A_BIN = 100  # fewer: the bin is joined to its neighbour on the same side of the threshold
Found = dict[str, tuple[float, ...]]


def threshold(contract: Contract, scores: Floats, answers: Ints) -> float | None:
    """The largest score that was answered in the negative, where all that was answered in the positive lies above it; else None.

    answers: int64[n], class codes. A model that answers by more than its score cannot be judged by its score.
    """
    labels = contract.labels
    if contract.task != "binary" or len(labels.classes) != 2:
        return None
    positive = labels.classes.index(labels.positive) if labels.positive in labels.classes else 1
    there = ~np.isnan(scores)
    yes, no = scores[there & (answers == positive)], scores[there & (answers == 1 - positive)]
    if not len(yes) or not len(no) or no.max() >= yes.min():
        return None
    return float(no.max())


def expected(contract: Contract, edges: Floats, limit: float | None, scores: Floats, ids: Sequence[str], outcomes: Sequence[Any]) -> Found:
    """Per group of score bins: labels of either kind, mean score, answer; and the group of each bin. Empty where there is too little.

    edges: inner edges of the score bins, `limit` among them. ids: of the predictions; outcomes: events, of which the largest revision counts.
    """
    if limit is None:
        return {}
    labels = contract.labels
    positive = labels.positive or labels.classes[1]
    truth: dict[str, tuple[int, bool]] = {}
    for outcome in outcomes:
        revision = outcome.revision or 0
        if outcome.kind != "proxy" and revision >= truth.get(outcome.prediction_id, (-1, False))[0]:
            truth[outcome.prediction_id] = (revision, canonical(outcome.label) == positive)
    known = np.array([i for i, name in enumerate(ids) if name in truth and not np.isnan(scores[i])], np.int64)
    if not len(known):
        return {}
    bins = np.searchsorted(edges, scores[known])
    ones = np.array([truth[ids[i]][1] for i in known])
    size = len(edges) + 1
    cells = np.stack([np.bincount(bins[~ones], minlength=size), np.bincount(bins[ones], minlength=size)], axis=1)
    sums = np.bincount(bins, scores[known], size)
    answer = np.append(edges, np.inf) > limit  # a bin ends at its edge: the negative ones end at the limit
    group = _grouped(cells.sum(1), answer)
    count = int(group.max()) + 1
    together = np.stack([np.bincount(group, cells[:, side], count) for side in (0, 1)], axis=1)
    n = together.sum(1)
    if n.min() < LABELS_A_BIN:
        return {}
    said = np.bincount(group, sums, count) / n
    yes = np.array([bool(answer[group == g][0]) for g in range(count)])
    columns = {"no": together[:, 0], "yes": together[:, 1], "said": np.round(said, 9), "answer": yes, "group": group}
    return {name: tuple(float(x) for x in column) for name, column in columns.items()}


def _grouped(n: Ints, answer: Any) -> Ints:
    """int64[bins]: neighbours joined until each group has labels enough; what is left over on a side joins the group before it."""
    group, current, held = np.zeros(len(n), np.int64), 0, 0
    for i in range(len(n)):
        if i and (answer[i] != answer[i - 1] or held >= LABELS_A_BIN):
            current, held = _closed(group[:i], current, held, answer) + 1, 0
        group[i] = current
        held += int(n[i])
    _closed(group, current, held, answer)
    return group


def _closed(group: Ints, current: int, held: int, answer: Any) -> int:
    """A group that is too small joins the one before it on the same side, if there is one. Returns the last group's number."""
    before = np.flatnonzero(group == current - 1)
    if held >= LABELS_A_BIN or not len(before) or answer[before[0]] != answer[len(group) - 1]:
        return current
    group[group == current] = current - 1
    return current - 1
