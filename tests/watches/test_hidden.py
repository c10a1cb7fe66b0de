"""Which stratum a prediction belongs to, by hand."""

import numpy as np
from tests.stages.worlds import HIDDEN
from tests.traffic import contract_of, loan_reference

from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Matured
from anchorwatch.watches.hidden import Hidden, explored_monitors
from anchorwatch.watches.layout import Layout

NO, YES = 0, 1


def layout(text: str = HIDDEN) -> Layout:
    return Layout(contract_of(text), loan_reference(), catalogue())


def hidden() -> Hidden:
    found = layout().hidden
    assert found is not None
    return found


def matured(answers: list[int], labels: list[int], explored: list[bool]) -> Matured:
    n, no = len(answers), np.zeros(len(answers), np.bool_)
    return Matured(n, np.array(answers), np.array(labels), np.full(n, np.nan), no, "late", None, np.array(explored))


def test_visible_explored_and_hidden_are_three_and_no_prediction_is_in_two() -> None:
    given = matured([NO, NO, YES, YES, YES, YES], [NO, -1, YES, NO, -1, -1], [False, False, True, True, True, False])
    side = hidden().side

    assert hidden().visible(given).tolist() == [True, True, False, False, False, False]
    assert hidden().due(given).tolist() == [True, True, True, True, True, False]
    assert hidden().symbols(given).tolist() == [-1, -1, YES * side + YES, NO * side + YES, side * side, side * side + 1]


def test_a_label_of_what_was_not_explored_is_no_random_sample_and_counts_as_hidden() -> None:
    given = matured([YES], [NO], [False])

    assert hidden().symbols(given).tolist() == [hidden().side ** 2 + 1]


def test_without_hidden_truth_there_are_no_strata() -> None:
    assert layout(HIDDEN.replace("hidden_when: {prediction: 'yes'}, ", "")).hidden is None


def test_a_reference_that_explored_nothing_gives_no_line() -> None:
    assert explored_monitors(layout()) == []


def test_labels_that_never_come_are_not_taken_for_late_ones() -> None:
    assert layout().arrivals is None


def test_a_ratio_is_not_judged_since_no_stratum_shows_all_its_cells() -> None:
    promised = HIDDEN.replace("promises: {", "promises: {quality: {metric: f1, at_least: 0.8}, ")

    assert not [m for m in layout(promised).monitors if m.subject.startswith("f1")]
