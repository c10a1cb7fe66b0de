"""Metrics by counts against scikit-learn on the unfolded events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from anchorwatch.errors import StateCorrupt
from anchorwatch.estimators.confusion import ConfusionMetrics, RegressionMetrics

YES_NO = ["no", "yes"]
BINARY = {"f1": oracle.f1_score, "precision": oracle.precision_score, "recall": oracle.recall_score, "mcc": oracle.matthews_corrcoef}
ALL = {
    "accuracy": oracle.accuracy_score,
    "balanced_accuracy": oracle.balanced_accuracy_score,
    "cohen_kappa": oracle.cohen_kappa_score,
    "macro_f1": lambda y, p: oracle.f1_score(y, p, average="macro"),
    "micro_f1": lambda y, p: oracle.f1_score(y, p, average="micro"),
    "macro_precision": lambda y, p: oracle.precision_score(y, p, average="macro", zero_division=0),
    "macro_recall": lambda y, p: oracle.recall_score(y, p, average="macro", zero_division=0),
}


def cells_of(labels: list[int], answers: list[int], classes: int) -> np.ndarray:
    return np.bincount(np.array(labels) * classes + np.array(answers), minlength=classes**2).reshape(classes, classes)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=8, max_size=60))
def test_metrics_of_three_classes_are_scikit_learns(events: list[tuple[int, int]]) -> None:
    labels, answers = [[*column, 0, 1, 2] for column in zip(*events, strict=True)]
    m = ConfusionMetrics(["a", "b", "c"])
    m.add(cells_of(labels, answers, 3))

    for name, score in ALL.items():
        assert m.value(name) == pytest.approx(score(labels, answers)), name


@pytest.mark.filterwarnings("ignore:.*ill-defined:UserWarning")
def test_metrics_of_two_classes_are_scikit_learns_on_each_prefix() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(120) < 0.3).astype(int).tolist()
    answers = [y if keep else 1 - y for y, keep in zip(labels, rng.random(120) < 0.8, strict=True)]
    m = ConfusionMetrics(YES_NO, positive="yes")

    for i, (y, p) in enumerate(zip(labels, answers, strict=True), 1):
        m.add(cells_of([y], [p], 2))
        for name, score in BINARY.items():
            value = m.value(name)
            assert value is None or value == pytest.approx(score(labels[:i], answers[:i])), (i, name)
    assert all(m.value(name) is not None for name in m.names)
    assert m.value("error") == pytest.approx(1 - oracle.accuracy_score(labels, answers))


def test_the_positive_class_may_be_the_first_or_one_of_many() -> None:
    labels, answers = [0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 0, 2]
    m = ConfusionMetrics(["a", "b", "c"], positive="a")
    m.add(cells_of(labels, answers, 3))

    for name, score in BINARY.items():
        assert m.value(name) == pytest.approx(score([y == 0 for y in labels], [p == 0 for p in answers])), name


def test_what_cannot_be_measured_has_no_value() -> None:
    """river says 0.0 in each of these places."""
    m = ConfusionMetrics(YES_NO, positive="yes")
    assert {m.value(name) for name in m.names} == {None}

    m.add([[10, 0], [0, 0]])  # nothing but right answers about one class
    assert {name for name in m.names if m.value(name) is None} == {"balanced_accuracy", "cohen_kappa", "f1", "mcc", "precision", "recall"}
    assert m.value("accuracy") == 1.0

    m.add([[0, 2], [0, 0]])  # positive answers, no positive label
    assert m.value("precision") == 0.0
    assert m.value("recall") is None


def test_a_model_that_never_says_yes_has_an_f1_of_nought() -> None:
    m = ConfusionMetrics(YES_NO, positive="yes")
    m.add([[90, 0], [10, 0]])

    assert (m.value("f1"), m.value("recall"), m.value("precision")) == (0.0, 0.0, None)


def test_revised_labels_are_taken_back() -> None:
    m, fresh = ConfusionMetrics(YES_NO, "yes"), ConfusionMetrics(YES_NO, "yes")
    m.add([[50, 5], [5, 40]])
    m.add([[-5, 0], [5, 0]])
    fresh.add([[45, 5], [10, 40]])

    assert [m.value(name) for name in m.names] == [fresh.value(name) for name in m.names]
    with pytest.raises(ValueError, match="taken back twice"):
        m.add([[-100, 0], [0, 0]])
    assert m.n == 100


def test_a_restored_twin_goes_on_alike() -> None:
    m, twin = ConfusionMetrics(YES_NO, "yes"), ConfusionMetrics(YES_NO, "yes")
    m.add([[50, 5], [5, 40]])
    twin.restore(m.snapshot())

    assert [m.value(name) for name in m.names] == [twin.value(name) for name in m.names]
    with pytest.raises(StateCorrupt):
        twin.restore(np.zeros((3, 3), np.int64))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="write one of them"):
        ConfusionMetrics(YES_NO, positive="maybe")
    with pytest.raises(ValueError, match="two different"):
        ConfusionMetrics(["a", "a"])
    with pytest.raises(ValueError, match="known: accuracy"):
        ConfusionMetrics(YES_NO).value("f1")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-10, 10)), min_size=2, max_size=60), st.integers(1, 7))
def test_regression_by_blocks_is_scikit_learns(rows: list[tuple[float, float]], block: int) -> None:
    y, e = np.array(rows).T
    m = RegressionMetrics()
    for i in range(0, len(y), block):
        yy, ee = y[i : i + block], e[i : i + block]
        m.add(len(yy), float(np.abs(ee).mean()), float((ee**2).mean()), float(yy.mean()), float(yy.var()))

    assert m.value("mae") == pytest.approx(oracle.mean_absolute_error(y, y - e), rel=1e-6)
    assert m.value("rmse") == pytest.approx(oracle.mean_squared_error(y, y - e) ** 0.5, rel=1e-6)
    if np.var(y) > 1e-3:
        assert m.value("r2") == pytest.approx(oracle.r2_score(y, y - e), rel=1e-6, abs=1e-6)


def test_regression_without_events_or_variance_has_no_value() -> None:
    m = RegressionMetrics()
    assert [m.value(name) for name in m.names] == [None, None, None]

    m.add(5, 1.0, 1.0, 3.0, 0.0)
    m.add(0, 9.0, 9.0, 9.0, 9.0)
    assert [m.value(name) for name in m.names] == [1.0, 1.0, None]


def test_regression_refuses_what_is_not_finite_and_restores() -> None:
    m, twin = RegressionMetrics(), RegressionMetrics()
    m.add(5, 1.0, 2.0, 3.0, 4.0)
    with pytest.raises(ValueError, match="finite"):
        m.add(5, float("nan"), 1.0, 1.0, 1.0)
    twin.restore(m.snapshot())

    assert [m.value(name) for name in m.names] == [twin.value(name) for name in m.names]
    with pytest.raises(StateCorrupt):
        twin.restore([1.0])
