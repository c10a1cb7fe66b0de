import numpy as np
import pytest
from tests.watches.seeing import layout

from anchorwatch.watches.lines import category_monitor, line_of, luck_of, tilt_monitor


def shape_key(name: str) -> str:
    return layout().shape_keys[name]


def test_luck_grows_with_the_promise_and_shrinks_with_the_reference() -> None:
    assert luck_of(layout()) == 3.0, "sixteen seconds of reference for a promise of years"


def test_a_line_lies_above_the_reference_by_its_tolerance_at_least() -> None:
    assert line_of(layout(), "x:y/whole", 50, 10_000, 0.01) == pytest.approx(0.015, abs=0.0005)
    assert line_of(layout(), "x:y/whole", 5, 100, 0.0) > 0.13, "Wilson's upper end, three standard errors"


def test_a_histogram_of_too_few_rows_or_one_value_is_not_judged() -> None:
    of = layout()
    counts = of.reference_counts(shape_key("age"))
    assert counts is not None
    rows = {of.segments[row]: bool(counts[row].sum() >= 500) for row in range(len(of.segments))}

    found = {s: bool(tilt_monitor(of, "inputs", "age", shape_key("age"), of.rows[s], s, 0.05, 0.05, 1.0)) for s in of.segments}

    assert found == rows
    assert tilt_monitor(of, "inputs", "x", "unknown count", 0, "whole", 0.05, 0.05, 1.0) == []


def test_the_table_of_a_histogram_is_worth_nothing_under_the_reference() -> None:
    """Mean gain at most 1 for each bet: nobody can expect to win while nothing moved."""
    of = layout()
    [monitor] = tilt_monitor(of, "inputs", "age", shape_key("age"), 0, "whole", 0.05, 0.05, 1.0)
    counts = of.reference_counts(shape_key("age"))
    assert counts is not None
    assert monitor.tilt is not None

    q = counts[0] / counts[0].sum()

    assert (np.exp(monitor.tilt.table) @ q <= 1 + 1e-12).all()
    assert monitor.tilt.labels == ("place",) * 8 + ("spread",) * 4


def test_shares_are_judged_up_and_down_each_beyond_its_tolerance() -> None:
    of = layout()
    [monitor] = category_monitor(of, "inputs", "job", shape_key("job"), 0, "whole", ("a", "b"), 0.05, 1.0)
    counts = of.reference_counts(shape_key("job"))
    assert counts is not None

    share = counts[0, 0] / counts[0].sum()

    assert [s.direction for s in monitor.streams] == ["up", "down"] * 2
    assert monitor.streams[0].line == pytest.approx(share + 0.05, abs=0.002)
    assert monitor.streams[1].line == pytest.approx(1 - share + 0.05, abs=0.002)
