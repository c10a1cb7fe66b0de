"""Groups of scores, as the reference made them."""

import numpy as np
from tests.watches.seeing import layout

from anchorwatch.watches.base import Columns, Floats, Ints
from anchorwatch.watches.scores import BINS, bins_of

SCORES = [-1.0, 0.0, 0.2, 0.8, 1.0, np.nan]


def kept(scores: list[float]) -> Ints:
    """What a prediction keeps of its score."""
    nothing: Floats = np.full(len(scores), np.nan)
    found = layout().kept(Columns(len(scores), np.zeros(len(scores), np.bool_), {}, {}, np.array(scores), nothing, nothing, nothing))
    assert found is not None
    return found[:, 0].astype(np.int64)


def test_each_score_has_the_group_of_its_bin_and_none_without_a_score() -> None:
    found = layout().scores
    assert found is not None
    groups = found.of(kept(SCORES)).tolist()

    assert groups[0] == groups[1] == 0
    assert groups == [*sorted(groups[:-1]), -1]
    assert groups[4] == found.groups - 1


def test_bins_are_kept_and_none_without_a_score() -> None:
    bins = bins_of(kept(SCORES)).tolist()

    assert bins == [*sorted(bins[:-1]), -1]
    assert max(bins) < BINS


def test_groups_that_were_kept_before_bins_were_are_read_as_groups() -> None:
    """0 and group + 1, as 0.1.0 wrote them before it judged the order of scores."""
    found = layout().scores
    assert found is not None
    old = np.array([0, 1, 5])

    assert found.of(old).tolist() == [-1, 0, 4]
    assert bins_of(old).tolist() == [-1, -1, -1]


def test_the_mean_score_of_groups_ascends_and_answers_change_once() -> None:
    found = layout().scores
    assert found is not None

    assert (np.diff(found.said) > 0).all()
    assert found.calibrated.answer.tolist() == sorted(found.calibrated.answer.tolist())


def test_without_a_reference_scores_promise_nothing() -> None:
    learning = layout(learning=True)

    assert learning.scores is None
    assert learning.arrivals is None
    assert learning.ranks is None
