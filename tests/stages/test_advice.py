import numpy as np
from tests.traffic import LOAN, contract_of

from anchorwatch.stages.advice import LABELS_MAX, Advice
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout

NAMED = "watches: {quality: {detectors: [adwin]}}\n"


def layout(more: str = NAMED) -> Layout:
    return Layout(contract_of(LOAN.replace("by: [region, tier]", "by: [region], always: [region=eu]") + more), None, catalogue())


def window(of: Layout, right: int, wrong: int) -> Ints:
    flat: Ints = np.zeros(of.size, np.int64)
    key = next(key for key in of.counts if key.startswith("confusion@late"))
    of.view(flat, key)[:, [0, 1]] = [right, wrong]
    return flat


def test_a_change_of_the_error_is_told_as_a_warning_outside_the_budget() -> None:
    advice = Advice(layout())
    quiet = [s for i in range(20) for s in advice.window(window(advice.layout, 190, 10), (i, i + 1))]

    told = [s for i in range(20, 40) for s in advice.window(window(advice.layout, 120, 80), (i, i + 1))]

    assert quiet == []
    assert {(s.name, s.verdict, s.severity, s.outside_budget) for s in told} == {("QualityDrop", "exact", "warning", True)}
    assert {s.segment for s in told} == {"whole", "region=eu"}
    assert "ADWIN sees another error" in told[0].summary
    assert len(told) == 2, "once a segment, however long it lasts"


def test_advice_ends_when_the_error_is_back_where_it_was() -> None:
    advice = Advice(layout())
    story = [(190, 10)] * 20 + [(120, 80)] * 5 + [(192, 8)] * 60

    told = [(s.segment, s.verdict) for i, w in enumerate(story) for s in advice.window(window(advice.layout, *w), (i, i + 1))]

    assert [verdict for segment, verdict in told if segment == "whole"] == ["exact", "quiet"]


def test_an_error_that_falls_is_good_news_and_no_warning() -> None:
    advice = Advice(layout())
    story = [(120, 80)] * 20 + [(192, 8)] * 20

    assert [s for i, w in enumerate(story) for s in advice.window(window(advice.layout, *w), (i, i + 1))] == []


def test_without_being_named_it_only_shows_its_level() -> None:
    advice = Advice(layout(""))

    told = [s for i in range(40) for s in advice.window(window(advice.layout, 190 - 3 * i, 10 + 3 * i), (i, i + 1))]

    assert told == []
    n, mean = advice.levels()["whole"]
    assert n > 0
    assert mean is not None
    assert mean > 0.05


def test_a_flood_of_labels_is_thinned() -> None:
    advice = Advice(layout())

    advice.window(window(advice.layout, 9 * LABELS_MAX, LABELS_MAX), (0, 1))

    n, mean = advice.levels()["whole"]
    assert n <= LABELS_MAX
    assert mean is not None
    assert abs(mean - 0.1) < 0.01


def test_a_restored_twin_has_the_same_level() -> None:
    advice, twin = Advice(layout()), Advice(layout())
    for i in range(30):
        advice.window(window(advice.layout, 190 - 70 * (i > 20), 10 + 70 * (i > 20)), (i, i + 1))

    twin.restore(advice.snapshot())

    assert advice.open
    assert (twin.levels(), twin.open) == (advice.levels(), advice.open)
