import numpy as np
import pytest
from scipy.stats import binom
from tests.traffic import LOAN, Fault, loan_drive, quiet_then
from tests.watches.seeing import layout, seen

from anchorwatch.estimators.bank import BernoulliBank, Change
from anchorwatch.estimators.latency_histogram import N_BINS, bins_of, edges, quantile
from anchorwatch.watches.base import ANSWER, Columns, Ints, Monitor
from anchorwatch.watches.latency import LOWER, WATCH, first_over, promised
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


# news: much faster


def faster(of: Layout, segment: str = "whole") -> Monitor:
    return next(m for m in WATCH.monitors(of) if m.subject == LOWER and m.segment == segment)


def test_half_the_usual_p50_is_rounded_down_to_an_edge_and_half_of_the_calls_must_be_below() -> None:
    of = layout()
    monitor = faster(of)
    [stream] = monitor.streams
    counts = of.reference_counts("inference.seconds")
    assert counts is not None

    usual = quantile(counts[0, :N_BINS], 0.5)
    assert usual is not None
    bound = edges()[stream.k[-1] + 1]
    assert usual / 2 / 2 ** (1 / 8) < bound <= usual / 2
    assert stream.line == pytest.approx(0.5)
    assert (monitor.news, monitor.harm, monitor.like) == (True, False, "latency:inference_usual_p50/whole")
    assert N_BINS not in stream.k, "a call that failed was not fast"


def test_where_many_calls_are_that_fast_already_a_quarter_more_must_be() -> None:
    """Four of ten calls are answered by a cache, in a tenth of the time."""
    of = layout()
    binned = np.zeros((len(of.segments), N_BINS + 1), np.int64)
    binned[0, bins_of([0.002])], binned[0, bins_of([0.02])] = 4_000, 6_000

    class Known(Layout):
        def reference_counts(self, key: str, monitor: str = "") -> Ints | None:
            return binned if key == "inference.seconds" else super().reference_counts(key, monitor)

    monitor = faster(Known(of.contract, of.reference, of.watches))

    assert monitor.streams[0].line == pytest.approx(0.65, abs=1e-3)
    assert monitor.reference == pytest.approx(0.6)


def test_a_model_that_answers_in_a_third_of_the_time_is_news_and_one_a_little_faster_is_none() -> None:
    told = {}
    for factor in (0.33, 0.8):
        events, _, end = quiet_then(2_500, Fault(slow=dict.fromkeys(("eu", "us", "asia", "af"), factor)))
        heard = loan_drive().feed(events).end(end + 4_000)
        told[factor] = {(a.labels["alertname"], a.labels["severity"], a.labels["segment"]) for a in heard.alerts}

    assert ("LatencyFell", "info", "whole") in told[0.33]
    assert {severity for _, severity, _ in told[0.33]} == {"info"}
    assert told[0.8] == set()


def test_calls_that_fail_at_once_are_no_news() -> None:
    events, _, end = quiet_then(2_500, Fault(failed=0.9, slow=dict.fromkeys(("eu", "us", "asia", "af"), 0.1)))

    heard = loan_drive().feed(events).end(end + 4_000)

    assert "LatencyFell" not in {a.labels["alertname"] for a in heard.alerts}
    assert "LatencyOverPromise" in {a.labels["alertname"] for a in heard.alerts}


def test_calls_exactly_on_the_line_are_news_no_oftener_than_promised() -> None:
    """Half of 500 calls a day below half the usual p50, 100 monitors that share one, 300 days: at most 30 are promised."""
    rng, line = np.random.default_rng(4), np.full(100, 0.5)
    bank = BernoulliBank(
        group=np.arange(100), line=line, share=0.01, clear_days=1 / 6, pages=False, news=True, phi=1.0, up=False, level_days=10.0
    )
    told: list[Change] = []
    for day in range(300):
        told += bank.window(np.full(100, 500), rng.binomial(500, line), 1.0, day * 86_400_000, (day + 1) * 86_400_000)

    assert sum(c.verdict == "news" and not c.relapse for c in told) <= binom.ppf(0.999, 300, 0.1)


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
    fell = {"label": "half the usual p50 of 20 ms", "reference": 0.97, "line": 0.5, "direction": "down"}
    assert WATCH.explain(seen(LOWER, current=0.12, **fell)).summary == (
        "12 % of calls take longer than half the usual p50 of 20 ms (usual: 97 %): ask what is no longer done."
    )
    assert WATCH.explain(seen(LOWER, current=0.96, **fell)).summary.endswith(": no longer faster.")
