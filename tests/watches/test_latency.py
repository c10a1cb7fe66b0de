import numpy as np
import pytest
from tests.traffic import LOAN
from tests.watches.seeing import layout, seen

from anchorwatch.estimators.latency_histogram import edges
from anchorwatch.watches.base import ANSWER, Columns, Ints
from anchorwatch.watches.latency import WATCH, first_over, promised
from anchorwatch.watches.layout import Layout

BOTH = LOAN.replace("inference_p99: 80ms", "inference_p99: 80ms, end_to_end_p50: 500ms")


def counted(of: Layout, seconds: list[float], failed: list[bool], end_to_end: list[float] | None = None) -> dict[str, list[int]]:
    n, found = len(seconds), dict[str, list[int]]()
    nothing = np.full(n, np.nan)

    class Add:
        def __call__(self, key: str, cells: Ints, where: np.typing.NDArray[np.bool_] | None = None) -> None:
            found[of.counts[key].name] = (cells if where is None else cells[where]).tolist()

        def weighted(self, key: str, cells: Ints, weights: Ints) -> None:
            raise AssertionError("not used by latency")

    columns = Columns(
        n, np.array(failed), {}, {ANSWER: np.zeros(n, np.int64)}, nothing, nothing, np.array(seconds), np.array(end_to_end or nothing)
    )
    WATCH.count(of, columns, Add())
    return found


def test_calls_over_the_promise_are_counted_and_failed_ones_are_over_every_bound() -> None:
    found = counted(layout(), [0.080, 0.0801, np.nan, np.nan], [False, False, True, False])

    assert found["inference.over_p99"] == [0, 1, 1], "a call that did not say its latency is not counted"
    assert found["inference.seconds"][2] == layout().counts["inference.seconds"].symbols - 1


def test_end_to_end_is_counted_only_where_it_is_promised() -> None:
    assert "end_to_end.seconds" not in layout().counts
    found = counted(layout(BOTH), [0.01, 0.01], [False, False], [0.4, 0.6])

    assert found["end_to_end.over_p50"] == [0, 1]
    assert promised(layout(BOTH)) == [("inference", "p99", 0.99, 0.08), ("end_to_end", "p50", 0.5, 0.5)]


def test_the_line_of_a_promise_is_its_own_share_and_nothing_is_learnt() -> None:
    for of in (layout(), layout(learning=True)):
        monitor = next(m for m in WATCH.monitors(of) if m.key == "latency:inference_p99/whole")
        assert monitor.streams[0].line == pytest.approx(0.01)
        assert monitor.harm


def test_bounds_from_the_reference_lie_a_quarter_above_its_quantiles() -> None:
    of = layout()
    monitor = next(m for m in WATCH.monitors(of) if m.key == "latency:inference_usual_p90/whole")

    counts = of.reference_counts("inference.seconds")
    assert counts is not None
    share = counts[0, monitor.streams[0].k].sum() / counts[0].sum()
    assert monitor.reference == pytest.approx(share)
    assert share < 0.1 == pytest.approx(monitor.streams[0].line)
    assert monitor.streams[0].label.startswith("1.25 times the usual p90 of 29")


def test_a_bound_is_nowhere_far_from_a_quarter_above() -> None:
    """An edge of the histogram is 9 % above the one before."""
    usual = np.geomspace(1e-4, 100, 10_000)
    bounds = np.array([edges()[first_over(float(each))] for each in usual])

    assert 1.195 < (bounds / usual).min() < 1.205
    assert 1.295 < (bounds / usual).max() < 1.31


def test_a_p99_needs_a_thousand_calls_of_its_segment() -> None:
    of = layout()
    counts = of.reference_counts("inference.seconds")
    assert counts is not None
    few = {of.segments[row] for row in range(len(of.segments)) if counts[row].sum() < 1_000}

    judged = {m.segment for m in WATCH.monitors(of) if m.subject == "inference_usual_p99"}

    assert few
    assert not judged & few


def test_sentences_name_failure_bound_and_what_is_usual() -> None:
    promise = seen("inference_p99", label="80 ms", current=0.088, line=0.01)
    usual = seen(
        "inference_usual_p50", segment="region=asia", label="1.25 times the usual p50 of 20 ms", current=0.998, reference=0.19, line=0.5
    )

    assert WATCH.explain(promise).summary == "8.8 % of calls fail or take longer than the promised 80 ms (1 % may)."
    assert WATCH.explain(usual).summary == (
        "99.8 % of calls on region=asia fail or take longer than 1.25 times the usual p50 of 20 ms (usual: 19 %, at most 50 %)."
    )
    assert "trace" in WATCH.explain(promise).runbook
