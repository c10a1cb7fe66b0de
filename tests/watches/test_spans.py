import numpy as np

from anchorwatch.watches.spans import gap_ms, inside, merged, overlap


def test_spans_that_touch_are_one_and_empty_ones_none() -> None:
    assert merged([(50, 60), (10, 20), (20, 30), (12, 15), (70, 70)]) == ((10, 30), (50, 60))


def test_what_begins_with_a_span_is_inside_and_what_begins_with_its_end_is_not() -> None:
    assert inside(np.array([9, 10, 29, 30, 55, 60]), ((10, 30), (50, 60))).tolist() == [False, True, True, False, True, False]
    assert inside(np.array([9, 10]), ()).tolist() == [False, False]


def test_overlap_is_what_both_cover() -> None:
    assert overlap(15, 55, ((10, 30), (50, 60))) == 15 + 5
    assert overlap(30, 50, ((10, 30), (50, 60))) == 0


def test_a_time_that_is_left_out_is_no_gap() -> None:
    at = np.array([100, 0, 10, 45])

    assert gap_ms(at, ()) == 55
    assert gap_ms(at, ((12, 40), (50, 95))) == 10
    assert gap_ms(np.array([5]), ()) == 0
