import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from tests.traffic import LOAN, Fault, loan_drive, quiet_then
from tests.watches.seeing import layout, seen

from anchorwatch.watches.base import Floats, Ints, Matured, Monitor
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.quality import ERROR_BINS, MOMENT_UNIT, WATCH, confusion, error_values, ratio_values


def promise(text: str, *, learning: bool = False) -> Layout:
    return layout(LOAN.replace("promises: {", f"promises: {{quality: {text}, "), learning=learning)


def monitor(of: Layout, subject: str, segment: str = "whole") -> Monitor:
    return next(m for m in WATCH.monitors(of) if (m.subject, m.segment) == (subject, segment))


def matured(of: Layout, answer: list[int], label: list[int], error: list[float] | None = None) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = {}

    class Add:
        def __call__(self, key: str, cells: Ints, where: np.typing.NDArray[np.bool_] | None = None) -> None:
            found[of.counts[key].name] = [cells.tolist()]

        def weighted(self, key: str, cells: Ints, weights: Ints) -> None:
            found.setdefault(of.counts[key].name, []).append([int(cells[0]), int(weights.sum())])

    n = len(label)
    WATCH.mature(of, Matured(n, np.array(answer), np.array(label), np.array(error or [np.nan] * n), np.zeros(n, np.bool_)), Add())
    return found


def test_cells_are_label_times_classes_plus_answer_and_the_last_is_without_a_label() -> None:
    found = matured(layout(), answer=[0, 1, 1, 2, 0], label=[0, 0, 1, 1, -1])

    assert found["confusion@late"] == [[0, 1, 4, 5, 9]]


@given(st.floats(0.05, 0.95), st.lists(st.integers(0, 400), min_size=4, max_size=4), st.sampled_from(["f1", "precision", "recall"]))
def test_a_ratio_is_kept_exactly_while_its_mean_value_is_not_below_zero(least: float, cells: list[int], metric: str) -> None:
    """Against scikit-learn: tn, fp, fn, tp."""
    tn, fp, fn, tp = cells
    n = sum(cells)
    if n == 0 or (metric != "precision" and tp + fn == 0) or (metric != "recall" and tp + fp == 0):
        return
    counts = np.zeros((3, 3))
    counts[0, 0], counts[0, 1], counts[1, 0], counts[1, 1] = tn, fp, fn, tp
    truth, answers = [0] * (tn + fp) + [1] * (fn + tp), [0] * tn + [1] * fp + [0] * fn + [1] * tp
    value = getattr(metrics, {"f1": "f1_score"}.get(metric, f"{metric}_score"))(truth, answers)

    mean = float((ratio_values(metric, least, 1, 3) * counts.reshape(-1)).sum())

    if abs(value - least) > 1e-9:
        assert (mean >= 0) == (value >= least)


@pytest.mark.parametrize(("text", "subject", "line"), [
    ("{metric: accuracy, at_least: 0.9, tolerate: 0.02}", "accuracy@late", 0.12), ("{metric: error, at_most: 0.1}", "error@late", 0.1),
])  # fmt: skip
def test_the_line_of_a_promise_is_the_promise_and_what_is_tolerated(text: str, subject: str, line: float) -> None:
    assert monitor(promise(text), subject).streams[0].line == pytest.approx(line)


def test_a_promise_on_error_takes_the_place_of_the_references_line() -> None:
    of = promise("{metric: error, at_most: 0.1}")

    whole = [m for m in WATCH.monitors(of) if m.segment == "whole" and m.metric not in ("calibration", "roc_auc") and not m.news]

    assert [m.subject for m in whole] == ["error@late"]
    assert whole[0].streams[0].line == pytest.approx(0.1)
    assert monitor(of, "error@late", "region=eu").streams[0].line < 0.09, "not promised in every segment"


def test_errors_among_early_labels_warn_and_never_page() -> None:
    """Wrong from one moment on: at the typical age it is told first; whoever is woken is woken by mature labels."""
    events, begin, end = quiet_then(3_000, Fault(error=0.4))

    heard = loan_drive().feed(events).end(end + 5_000)

    told = [(f.verdict, f.subject, f.window[1]) for f in heard.findings if f.watch == "quality" and f.segment == "whole"]
    first = {subject: at - begin for verdict, subject, at in reversed(told) if verdict == "warning"}
    assert {subject for verdict, subject, _ in told if verdict == "page"} == {"error@late", "auc@late"}
    assert first["error@typical"] < min(at - begin for verdict, _, at in told if verdict == "page")


def test_the_references_line_is_a_tenth_or_a_point_above_its_error() -> None:
    found = monitor(layout(), "error@late")

    assert found.reference == pytest.approx(0.05, abs=0.01)
    assert 0.055 < found.streams[0].line < 0.075
    assert found.harm


def test_a_promise_in_every_segment_is_judged_in_each_listed_one() -> None:
    text = "{metric: f1, at_least: 0.8, in_every_segment: true}"

    found = {m.segment for m in WATCH.monitors(promise(text)) if m.subject == "f1@late"}

    assert found == set(promise(text).segments)


def regression(metric: str = "{metric: mae, at_most: 2}") -> Layout:
    text = LOAN.replace("task: binary", "task: regression").replace('classes: ["no", "yes"], positive: "yes", ', "")
    return layout(text.replace("promises: {", f"promises: {{quality: {metric}, "), learning=True)


def test_errors_are_binned_by_the_clip_and_summed_as_whole_numbers() -> None:
    """Clip is ten times the promise, 20: errors of 1, -5, 100, unknown."""
    found = matured(regression(), [0] * 4, [0, 0, 0, -1], [1.0, -5.0, 100.0, np.nan])

    assert found["abs_error@late"] == [[1, 8, ERROR_BINS - 1, ERROR_BINS]]
    assert found["error_moments@late"] == [
        [0, round(0.05 * MOMENT_UNIT) + round(0.25 * MOMENT_UNIT) + 5 * MOMENT_UNIT],
        [1, round(0.0025 * MOMENT_UNIT) + round(0.0625 * MOMENT_UNIT) + 25 * MOMENT_UNIT],
    ]


def test_a_mean_error_within_its_line_is_worth_something() -> None:
    values = error_values(0.1)

    assert values[0] == pytest.approx(0.1)
    assert values[4] < 0 < values[3]
    assert len(monitor(regression(), "mae@late").tilt.symbols) == ERROR_BINS  # type: ignore[union-attr]


@pytest.mark.parametrize("errors", [[2.0] * 50, [1.0] * 49 + [float(np.sqrt(4 * 50 - 49))], [0.0] * 25 + [float(np.sqrt(8.0))] * 25])
def test_a_root_mean_square_at_its_promise_earns_nothing_and_one_beyond_it_does(errors: list[float]) -> None:
    """However the errors are spread: L is 1 at most in the mean at an RMSE of 2, which is promised, and grows at twice that."""
    of = regression("{metric: rmse, at_most: 2}")
    tilt = monitor(of, "rmse@late").tilt
    assert tilt is not None

    def gains(scale: float) -> Floats:
        bins = matured(of, [0] * 50, [0] * 50, [scale * error for error in errors])["abs_error@late"][0]
        found: Floats = np.exp(tilt.table[:, bins]).mean(1)
        return found

    assert gains(1.0).max() <= 1.0
    assert gains(2.0).min() > 1.0


def test_sentences_say_what_is_and_what_should_be() -> None:
    error = seen(
        "error@late", segment="region=af", current=0.58, reference=0.073, line=0.124, interval=(0.356, 0.783), whole_looks_fine=True
    )
    f1 = seen("f1@late", current=0.543, reference=None, line=0.85)
    mean = seen("abs_error@late", segment="region=asia", current=16.0, reference=6.33, line=7.66)
    unknown = seen("recall@late", current=None, reference=None, line=0.9)
    early = seen("error@typical", current=0.3, reference=0.05, line=0.06)

    assert [WATCH.explain(each).summary for each in (error, f1, mean, unknown, early)] == [
        "Only 42 % of answers on region=af are right [21.7, 64.4], was 92.7 %; at least 87.6 % should be while the whole still looks fine.",
        "F1 is 0.543; it should be at least 0.85.",
        "The mean error on region=asia is 16, was 6.33; it should be at most 7.66.",
        "Recall is not measurable; it should be at least 0.9.",
        "By the labels that came early, only 70 % of answers are right, was 95 %; at least 94 % should be.",
    ]
    assert {WATCH.explain(each).name for each in (error, f1, mean)} == {"QualityDrop"}


def test_confusion_of_other_classes_is_another_count() -> None:
    other = layout(LOAN.replace('["no", "yes"]', '["yes", "no"]'), learning=True)

    assert confusion(other).key != confusion(layout()).key
