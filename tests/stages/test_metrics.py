"""Against scikit-learn, on the unfolded events."""

from functools import cache

import numpy as np
import pytest
from sklearn import metrics as oracle
from tests.traffic import LOAN, T0, Fault, loan_drive, quiet_then
from tests.watches.seeing import layout

from anchorwatch.stages.metrics import metrics_of
from anchorwatch.stages.recent import Recent
from anchorwatch.watches.base import Ints

CELLS = np.array([[70, 10, 0], [6, 30, 0], [0, 0, 0]])  # labels no, yes, another; answers likewise


@cache
def recent() -> Recent:
    of = layout()
    found = Recent(of, 86_400_000)
    flat: Ints = np.zeros(of.size, np.int64)
    for key, count in of.counts.items():
        if count.name == "confusion@late":
            of.view(flat, key)[0, :-1] = CELLS.reshape(-1)
        if count.name == "calibration@late":
            of.view(flat, key)[0] = np.arange(count.symbols) + 1
        if count.name == "ranks@late":
            of.view(flat, key)[0] = np.arange(count.symbols) % 7
    found.add(flat, T0)
    return found


def unfolded() -> tuple[list[str], list[str]]:
    names = ("no", "yes", "another")
    truth, answers = [], []
    for i, j in np.ndindex(3, 3):
        truth += [names[i]] * int(CELLS[i, j])
        answers += [names[j]] * int(CELLS[i, j])
    return truth, answers


def test_metrics_of_classes_are_those_of_the_unfolded_events() -> None:
    truth, answers = unfolded()
    found = metrics_of(recent())

    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(truth, answers))
    assert found["balanced_accuracy"] == pytest.approx(oracle.balanced_accuracy_score(truth, answers))
    assert found["f1"] == pytest.approx(oracle.f1_score(truth, answers, pos_label="yes"))
    assert found["mcc"] == pytest.approx(oracle.matthews_corrcoef(truth, answers))
    assert found["cohen_kappa"] == pytest.approx(oracle.cohen_kappa_score(truth, answers))


def test_losses_are_those_of_scores_that_are_the_mean_of_their_group() -> None:
    scores = recent().layout.scores
    assert scores is not None
    n = np.arange(2 * scores.groups) + 1
    said, came = np.repeat(np.repeat(scores.said, 2), n), np.repeat(np.tile([0, 1], scores.groups), n)
    found = metrics_of(recent())

    assert found["log_loss"] == pytest.approx(oracle.log_loss(came, said))
    assert found["brier"] == pytest.approx(oracle.brier_score_loss(came, said))


def test_areas_are_those_of_binned_scores() -> None:
    ranks = recent().layout.ranks
    assert ranks is not None
    n = np.arange(2 * ranks.bins) % 7
    bins, came = np.repeat(np.repeat(np.arange(ranks.bins), 2), n), np.repeat(np.tile([0, 1], ranks.bins), n)
    found = metrics_of(recent())

    assert found["roc_auc"] == pytest.approx(oracle.roc_auc_score(came, bins))
    assert found["pr_auc"] == pytest.approx(oracle.average_precision_score(came, bins))


def test_few_labels_have_no_metrics() -> None:
    assert metrics_of(Recent(layout(), 86_400_000)) == {}


def test_where_truth_is_hidden_what_is_visible_is_no_fair_sample() -> None:
    assert metrics_of(Recent(layout(LOAN.replace("delay: {", 'hidden_when: {prediction: "yes"}, delay: {')), 86_400_000)) == {}


def test_a_summary_carries_them() -> None:
    events, _, end = quiet_then(500, Fault(), quiet=1_000)

    told = loan_drive().feed(events).end(end + 5_000).summaries[-1].metrics

    assert {"accuracy", "mcc", "roc_auc", "log_loss", "brier"} <= set(told)
    assert 0.9 < (told["accuracy"] or 0) < 1
