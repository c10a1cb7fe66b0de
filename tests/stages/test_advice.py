from typing import Any

import numpy as np
import pytest
from tests.traffic import LOAN, contract_of

from anchorwatch.stages.advice import EVENTS_MAX, Advice
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints, Monitor
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
    assert "adwin sees another error" in told[0].summary
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
    level = beside(advice)["adwin"]
    assert level["n"] > 0
    assert level["mean"] > 0.05


def test_a_flood_of_labels_is_thinned() -> None:
    advice = Advice(layout())

    advice.window(window(advice.layout, 9 * EVENTS_MAX, EVENTS_MAX), (0, 1))

    level = beside(advice)["adwin"]
    assert level["n"] <= EVENTS_MAX
    assert abs(level["mean"] - 0.1) < 0.01


def test_a_restored_twin_has_the_same_level() -> None:
    advice, twin = Advice(layout()), Advice(layout())
    for i in range(30):
        advice.window(window(advice.layout, 190 - 70 * (i > 20), 10 + 70 * (i > 20)), (i, i + 1))

    twin.restore(advice.snapshot())

    assert advice.open
    assert twin.snapshot() == advice.snapshot()
    assert advice.holds() == [("quality", "error@late.adwin", name) for name in ("whole", "region=eu")]


@pytest.mark.parametrize("name", ["page_hinkley", "hddm_a", "e_detector", "self_starting"])
def test_every_detector_can_be_named_and_tells_a_rise_and_its_end(name: str) -> None:
    advice = Advice(layout(f"watches: {{quality: {{detectors: [{name}]}}}}\n"))
    story = [(190, 10)] * 20 + [(120, 80)] * 10 + [(192, 8)] * 20

    told = [(i, s) for i, w in enumerate(story) for s in advice.window(window(advice.layout, *w), (i, i + 1)) if s.segment == "whole"]

    assert [(s.subject, s.verdict) for _, s in told] == [(f"error@late.{name}", "exact"), (f"error@late.{name}", "quiet")]
    (since, rise), (until, _) = told
    assert 20 <= since < 30 <= until
    assert rise.evidence["detector"] == name
    assert rise.outside_budget
    assert rise.severity == "warning"


def test_shares_of_another_watch_are_asked_about_where_it_names_a_detector() -> None:
    advice = Advice(layout("watches: {latency: {detectors: [page_hinkley]}}\n"))
    key = next(key for key in advice.layout.counts if key.startswith("inference.over_p99"))

    def calls(fast: int, slow: int) -> Ints:
        flat: Ints = np.zeros(advice.layout.size, np.int64)
        advice.layout.view(flat, key)[:] = [fast, slow]
        return flat

    story = [(198, 2)] * 20 + [(120, 80)] * 10
    told = [s for i, w in enumerate(story) for s in advice.window(calls(*w), (i, i + 1)) if s.segment == "whole"]

    assert [(s.watch, s.name, s.subject) for s in told] == [("latency", "LatencyOverPromise", "inference_p99.page_hinkley")]
    assert "of the last 200 (before: 1 %)" in told[0].summary


def test_state_that_knew_adwin_alone_goes_on() -> None:
    advice, twin = Advice(layout()), Advice(layout())
    for i in range(30):
        advice.window(window(advice.layout, 190 - 70 * (i > 20), 10 + 70 * (i > 20)), (i, i + 1))
    detectors = {name.rpartition("/")[2]: detector.snapshot() for (name, _), detector in advice.detectors.items()}
    opened = {name.rpartition("/")[2]: since for (name, _), since in advice.open.items()}

    twin.restore({"detectors": detectors, "open": opened})

    assert beside(twin) == beside(advice) != {}
    assert twin.open == advice.open


def beside(advice: Advice) -> dict[str, dict[str, Any]]:
    """Of the whole's error."""
    monitor = Monitor("quality", "error@late", "whole", 0, True, 1.0)
    return advice.beside(monitor)
