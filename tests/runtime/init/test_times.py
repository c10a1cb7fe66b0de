import doctest

import pytest
from tests.runtime.init import topics_of_others as topics
from tests.runtime.init.topics_of_others import N, T

from anchorwatch.runtime import init
from anchorwatch.runtime.init import times as of_times

NOW = T + N * 1_000


def test_spans_are_rounded_as_documented() -> None:
    assert doctest.testmod(of_times).failed == 0


def test_delays_accuracy_latency_and_gaps_are_those_of_the_pairs() -> None:
    """Outcomes of `native` come 10 to 60 s later; one in ten is taken for `block`; latencies are 20 to 28 ms; one event a second."""
    found = init.write(*topics.native(), NOW).times

    assert (found.joined, found.gap_ms) == (N, 1_000)
    assert 30_000 <= found.typical <= 40_000
    assert 55_000 <= found.late <= 60_000 <= found.final
    assert found.p99_ms == pytest.approx(28)
    assert found.accuracy == pytest.approx(0.92, abs=0.03)


def test_a_reference_fits_what_the_topic_holds() -> None:
    day = 86_400_000

    assert of_times.reference(10 * day) == (9 * day, day, "10 d")
    assert of_times.reference(90 * day)[:2] == (0, 0)


def test_a_backlog_is_as_old_as_its_events_not_as_its_records() -> None:
    """Written within the last minute, made over the last 400 s."""
    predictions, outcomes = topics.native()
    late = tuple((key, value, offset, NOW - 60_000) for key, value, offset, _ in predictions.rows)

    found = init.write(type(predictions)(predictions.topic, late, NOW - 60_000), outcomes, NOW).times

    assert (found.last, found.lag) == (420_000, 0)


def test_other_models_of_the_topic_are_not_counted_as_read() -> None:
    assert init.write(*topics.nested(), NOW).times.readable == f"Read by this contract: {N * 3 // 4} of {N} predictions; none is refused."


def test_refused_records_are_counted_with_their_commonest_reason() -> None:
    predictions, outcomes = topics.native()
    broken = tuple(
        (key, (value or b"").replace(b'"pass"', b"[]") if i % 50 == 0 else value, i, at)
        for i, (key, value, _, at) in enumerate(predictions.rows)
    )

    told = init.write(type(predictions)(predictions.topic, broken, predictions.oldest_ms), outcomes, NOW).times.readable

    assert "refused: " in told
    assert "$.prediction" in told
