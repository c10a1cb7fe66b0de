"""Groups of scores, as the reference made them."""

import numpy as np
from tests.watches.seeing import layout

from anchorwatch.watches.base import Columns


def test_each_score_has_the_group_of_its_bin_and_none_without_a_score() -> None:
    found = layout().scores
    assert found is not None
    score = np.array([-1.0, 0.0, 0.2, 0.8, 1.0, np.nan])
    nothing = np.full(6, np.nan)
    groups = found.of(Columns(6, np.zeros(6, np.bool_), {}, {}, score, nothing, nothing, nothing)).tolist()

    assert groups[0] == groups[1] == 0
    assert groups == [*sorted(groups[:-1]), -1]
    assert groups[4] == found.groups - 1


def test_the_mean_score_of_groups_ascends_and_answers_change_once() -> None:
    found = layout().scores
    assert found is not None

    assert (np.diff(found.said) > 0).all()
    assert found.calibrated.answer.tolist() == sorted(found.calibrated.answer.tolist())


def test_without_a_reference_scores_promise_nothing() -> None:
    learning = layout(learning=True)

    assert learning.scores is None
    assert learning.arrivals is None
