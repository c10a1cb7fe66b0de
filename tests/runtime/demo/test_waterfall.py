"""A trace as text."""

import doctest
from typing import NamedTuple

from anchorwatch.runtime.demo import waterfall
from anchorwatch.runtime.demo.waterfall import bar, duration, lines


class Span(NamedTuple):
    name: str
    span_id: str
    parent_id: str
    start_ms: float
    end_ms: float
    service: str = "loan-service"


PREDICT = Span("predict loan", "a", "", 1_000, 1_040)
SEND = Span("send predictions", "b", "a", 1_040, 1_060)
QUEUE = Span("queue predictions", "c", "b", 1_060, 1_090, "anchorwatch")
PROCESS = Span("process predictions", "d", "b", 1_090, 1_100, "anchorwatch")


def test_the_examples_of_the_file_are_true() -> None:
    assert doctest.testmod(waterfall).failed == 0


def test_children_stand_below_their_parent_in_the_order_of_time() -> None:
    drawn = waterfall.waterfall([PROCESS, QUEUE, SEND, PREDICT], 10)

    assert [(one.depth, one.name, one.after_ms, one.took_ms) for one in drawn] == [
        (0, "predict loan", 0, 40),
        (1, "send predictions", 40, 20),
        (2, "queue predictions", 60, 30),
        (2, "process predictions", 90, 10),
    ]
    assert [one.drawn for one in drawn] == ["████      ", "    ██    ", "      ███ ", "         █"]


def test_a_span_whose_parent_did_not_come_stands_at_the_left() -> None:
    assert [one.depth for one in waterfall.waterfall([QUEUE, PROCESS])] == [0, 0]


def test_a_span_that_was_sent_twice_is_drawn_once() -> None:
    assert len(waterfall.waterfall([PREDICT, PREDICT, SEND])) == 2


def test_no_spans_draw_nothing() -> None:
    assert lines([]) == []


def test_a_line_tells_name_bar_duration_and_service() -> None:
    (line,) = lines([PREDICT], 4)

    assert line.split() == ["predict", "loan", "████", "40", "ms", "loan-service"]


def test_a_span_of_no_length_at_the_end_is_still_seen() -> None:
    assert bar(36, 0, 36).rstrip().endswith("▏")
    assert duration(0) == "0.0 ms"
