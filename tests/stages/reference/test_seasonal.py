"""Hours of the week in the lines of monitors: what a reference of four weeks teaches, and how often a quiet swing then alarms."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.traffic import LOAN, contract_of, loan_reference

from anchorwatch.contract import Contract
from anchorwatch.estimators.season import CELLS, HOUR_MS, hour_of_week
from anchorwatch.stages.monitors import Monitors
from anchorwatch.stages.reference import reference_from_json, reference_to_json
from anchorwatch.stages.reference.counting import _clumping
from anchorwatch.stages.reference.seasonal import asked_for, seasons
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints, Monitor
from anchorwatch.watches.layout import Layout

MONDAY = 4 * 24 * HOUR_MS
WEEKS, AN_HOUR = 4, 400
ERROR = "quality:error@late/whole"
Rates = np.typing.NDArray[np.float64]


def contract(season: str, zone: str) -> Contract:
    return contract_of(LOAN, segments="", reference=f"{{season: {season}}}", timezone=zone)


def rate(hours: Ints, swing: float = 0.5) -> Rates:
    """Of errors: .05, at the swing of .5 half as many and half as many again over the day."""
    found: Rates = 0.05 * (1 + swing * np.sin(2 * np.pi * hours / 24))
    return found


def hours_of(rng: np.random.Generator, key: str, swing: float, weeks: int = WEEKS) -> dict[str, list[tuple[int, Ints]]]:
    """Confusion cells of the whole in each hour: right and wrong ones of `no`."""
    at = MONDAY // HOUR_MS + np.arange(weeks * CELLS)
    wrong = rng.binomial(AN_HOUR, rate(at % 24, swing))
    found = []
    for hour, k in zip(at.tolist(), wrong.tolist(), strict=True):
        dense = np.zeros((2, 10), np.int64)
        dense[0, :2] = AN_HOUR - k, k
        found.append((hour, dense))
    return {key: found}


def learnt(seed: int, *, swing: float = 0.5, season: str = "week", zone: str = "UTC", weeks: int = WEEKS) -> Layout:
    """A reference of these weeks that holds errors alone; made as `counted` makes it, from hours in place of rows."""
    bare = replace(
        loan_reference(), segments=(), from_ms=MONDAY, to_ms=MONDAY + weeks * CELLS * HOUR_MS, counts={}, phi={}, growth={}, pace={}
    )
    first = Layout(contract(season, zone), bare, catalogue())
    key = next(key for key, count in first.counts.items() if count.name == "confusion@late")
    hours = hours_of(np.random.default_rng(seed), key, swing, weeks)
    known = replace(bare, counts={key: np.sum([dense for _, dense in hours[key]], axis=0)})
    layout = Layout(first.contract, known, catalogue())
    found = replace(known, season=seasons(layout, hours) if asked_for(layout) else {})
    together = 3
    stretches: dict[int, Ints] = {}
    for hour, dense in hours[key]:
        stretches[hour // together] = stretches.get(hour // together, np.zeros_like(dense)) + dense
    phi, _ = _clumping(Layout(first.contract, found, catalogue()), {key: sorted(stretches.items())}, hours, together)
    return Layout(first.contract, replace(found, phi=phi), catalogue())


def heard(layout: Layout, seed: int, *, days: int = 30, swing: float = 0.5, worse: float = 0.0) -> list[int]:
    """Hours at which the error pages, `worse` points above its swing, in a layout whose N / share is 30 days for that monitor."""
    rng = np.random.default_rng(seed)
    monitors = Monitors(layout, 30.0)
    mine = next(m for m in monitors.every if m.key == ERROR)
    monitors.groups["zero_one"].bank.rescale(monitors.share_of(mine))
    key = next(key for key, count in layout.counts.items() if count.name == "confusion@late")
    begin, found = MONDAY + WEEKS * CELLS * HOUR_MS, []
    for hour, k in enumerate(rng.binomial(AN_HOUR, rate(np.arange(24 * days) % 24, swing) + worse).tolist()):
        flat = np.zeros(layout.size, np.int64)
        layout.view(flat, key)[0, :2] = AN_HOUR - k, k
        at = begin + hour * HOUR_MS
        changes = monitors.window(flat, 1 / 24, at, at + HOUR_MS)
        found += [hour for each in changes if each.monitor.key == ERROR and each.change.verdict == "page" and not each.change.relapse]
    return found


@cache
def weekly(seed: int) -> Layout:
    return learnt(seed)


def monitor(layout: Layout) -> Monitor:
    return next(m for m in layout.monitors if m.key == ERROR)


def test_a_swing_of_half_the_rate_is_no_clumping_and_pages_no_more_often_than_promised() -> None:
    """One page in 30 days each is promised; ten seeds, so at most 18 with a chance of one in a hundred."""
    seeds = range(10)

    assert all(weekly(seed).phi(ERROR, 1)[0] < 1.5 for seed in seeds)
    assert sum(len(heard(weekly(seed), 100 + seed)) for seed in seeds) <= 18


def test_with_one_line_the_swing_blunts_what_hours_hear_within_a_day() -> None:
    """Three points worse, at all hours: the one line takes the swing for clumps (phi 19)."""
    flat = learnt(1, season="none")

    assert flat.phi(ERROR, 1)[0] > 10
    assert heard(flat, 7, days=3, worse=0.03) == []
    assert [hour < 24 for hour in heard(weekly(1), 7, days=3, worse=0.03)[:1]] == [True]


def test_the_line_is_as_far_above_the_usual_rate_at_every_hour() -> None:
    found = monitor(weekly(1))
    stream = found.streams[0]
    assert stream.hours is not None
    assert found.reference is not None
    usual = weekly(1).reference.season[ERROR][0]  # type: ignore[union-attr]

    assert stream.hours - usual == pytest.approx(stream.line - found.reference)
    assert np.corrcoef(usual, rate(np.arange(CELLS) % 24))[0, 1] > 0.95


def test_an_hour_that_nobody_saw_has_a_line_that_allows_for_it() -> None:
    """Behind it stand the 150 events that the mean lends, of which Wilson's upper end is .09; the hours beside it keep their own."""
    known = weekly(1).reference
    assert known is not None
    key = next(key for key, count in weekly(1).counts.items() if count.name == "confusion@late")
    hours = hours_of(np.random.default_rng(1), key, 0.5)
    without = {key: [(hour, dense) for hour, dense in hours[key] if hour_of_week(hour * HOUR_MS) != 30]}
    bare = Layout(weekly(1).contract, replace(known, season={}, phi={}), catalogue())

    [usual] = seasons(bare, without)[ERROR]
    [before] = seasons(bare, hours)[ERROR]

    tolerated = monitor(bare).streams[0].line - float(monitor(bare).reference or 0)
    assert usual[30] + tolerated == pytest.approx(0.09, abs=0.015)
    assert np.delete(usual, 30) == pytest.approx(np.delete(before, 30), abs=0.002)


def test_hours_are_those_of_the_business() -> None:
    """New York is five hours behind in January: what swings by UTC swings five cells earlier there."""
    here, there = (learnt(1, zone=zone).reference.season[ERROR][0] for zone in ("UTC", "America/New_York"))  # type: ignore[union-attr]

    assert np.roll(here, -5) == pytest.approx(there)


def test_no_swing_no_hours_and_too_short_a_reference_none_either() -> None:
    for layout in (learnt(1, swing=0.0), learnt(1, weeks=3), learnt(1, season="none")):
        assert monitor(layout).streams[0].hours is None


def test_a_week_is_enough_for_the_hours_of_the_day() -> None:
    hours = monitor(learnt(1, season="day", weeks=1)).streams[0].hours

    assert hours is not None
    assert hours[:24] == pytest.approx(hours[24:48])


def test_a_promise_has_one_line_for_all_hours() -> None:
    bare, key = loan_reference(), "latency:inference_p99/whole"
    promised = next(m for m in Layout(contract_of(), bare, catalogue()).monitors if m.key == key)
    layout = Layout(contract("week", "UTC"), replace(bare, from_ms=MONDAY, to_ms=MONDAY + WEEKS * CELLS * HOUR_MS), catalogue())
    name, width = promised.streams[0].key, layout.counts[promised.streams[0].key].symbols
    at = MONDAY // HOUR_MS + np.arange(WEEKS * CELLS)
    hours = {name: [(int(h), np.full((len(layout.segments), width), 40 if h % 24 < 12 else 400)) for h in at]}

    assert key not in seasons(layout, hours)


def test_hours_travel_with_the_reference() -> None:
    known = weekly(1).reference
    assert known is not None

    back = reference_from_json(reference_to_json(known))

    assert {key: rates.tolist() for key, rates in back.season.items()} == {key: rates.tolist() for key, rates in known.season.items()}
    assert ERROR in back.season


def test_a_window_of_a_day_has_the_line_of_the_whole_week() -> None:
    monitors = Monitors(weekly(1), 30.0)
    bank = monitors.groups["zero_one"].bank
    empty = np.zeros(weekly(1).size, np.int64)

    monitors.window(empty, 1 / 24, MONDAY, MONDAY + HOUR_MS)
    hourly = bank.line.copy()  # type: ignore[union-attr]
    monitors.window(empty, 1.0, MONDAY + HOUR_MS, MONDAY + 25 * HOUR_MS)

    assert not np.array_equal(hourly, bank.line)  # type: ignore[union-attr]
    assert bank.line.tolist() == [s.line for m in monitors.groups["zero_one"].monitors for s in m.streams]  # type: ignore[union-attr]
