"""Slices that nobody declared: found, named and paged in time; nothing on quiet data; the same whatever the cut, the tasks and the kills."""

import itertools
from functools import cache
from typing import Any

import numpy as np
from scipy.stats import binom
from tests.stages.lives import batches, run
from tests.stages.wide import CLOCK, RATE, WIDE, high_n07, wide_applied, wide_traffic
from tests.traffic import T0, contract_of, loan_applied, traffic

from anchorwatch.alerting.budget import SHARES_HARM
from anchorwatch.estimators.interval import beta_binomial_interval
from anchorwatch.events import Finding
from anchorwatch.runtime.drive import Clockwork, Drive, Event, Heard
from anchorwatch.stages import monitors
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.slices import DAY_MS, LOAN_DAYS, Slices
from anchorwatch.stages.table import width
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout

N = 7_000
N_DAYS = 30.0


@cache
def bad() -> list[Event]:
    return wide_traffic(N, seed=3, wrong=high_n07)


@cache
def told_plainly() -> Heard:
    return Drive([wide_applied()], CLOCK).feed(bad()).end(end_ms())


def end_ms() -> int:
    return T0 + N * 1000 // RATE + 10_000


def of_slices(findings: list[Finding]) -> list[tuple[Any, ...]]:
    return [(f.segment, f.verdict, f.window, f.n, f.evidence_days, f.since_ms) for f in findings if f.watch == "slices"]


@cache
def layout() -> Layout:
    return Registry(1_000).apply(wide_applied()).layout


# through both stages


def test_a_slice_with_twice_the_error_among_thirty_fields_is_found_named_and_paged_within_6000_events() -> None:
    heard = told_plainly()
    told = [f for f in heard.findings if f.watch == "slices"]
    [alert] = {a.dedup_key: a for a in heard.alerts if a.labels["watch"] == "slices"}.values()

    assert any("n07=" in summary.reasons.get("slices", "") for summary in heard.summaries), "suspected before it is found"
    assert [(f.verdict, f.name) for f in told] == [("warning", "QualityDrop"), ("page", "QualityDrop")]
    assert {f.segment.partition("=")[0] for f in told} == {"n07"}
    assert (told[-1].window[1] - T0) * RATE / 1000 <= 6_000
    assert alert.labels["severity"] == "critical"
    assert alert.evidence["explains_whole"] is True
    assert alert.evidence["lent_days"] < 1
    low, high = alert.evidence["interval"]
    assert low < 0.2 < high


def test_where_the_contract_does_not_ask_nothing_is_kept_or_counted() -> None:
    drive = Drive([loan_applied()], CLOCK).feed(traffic(3_000))

    assert all(not key.startswith("slices") for key in drive.judge.models["prod/loan"].layout.apart)
    assert width(drive.ingests[0].models["prod/loan"].waiting.columns) <= 1, "a byte for the score alone"
    assert drive.judge.models["prod/loan"].slices.snapshot() == ({}, {})


def test_findings_are_the_same_with_three_tasks_other_batches_and_a_kill_after_every_few_of_them() -> None:
    once = of_slices(told_plainly().findings)
    tasks = Clockwork(CLOCK.window_ms, CLOCK.lateness_ms, 1.0, 3, CLOCK.summary_ms, CLOCK.recent_ms)
    some = batches(bad())
    lived = run(wide_applied(), tasks, some, end_ms(), frozenset(range(0, len(some), 3)))

    assert len(once) == 2
    assert of_slices(lived.heard.findings) == once


def test_private_values_and_their_field_are_named_nowhere() -> None:
    def of_card(features: dict[str, Any]) -> float:
        return 0.4 if features["card"] == "x" else 0.1

    heard = Drive([wide_applied()], CLOCK).feed(wide_traffic(4_000, seed=4, wrong=of_card)).end(end_ms())

    assert not any("card" in name for name in layout().cells.names)  # type: ignore[union-attr]
    assert not any("card" in f.segment for f in heard.findings)


# as rates, on counts


def drawn(rng: np.random.Generator, error: float, per_cell: int, worse: dict[int, float] | None = None) -> dict[str, Ints]:
    cells = layout().cells
    assert cells is not None
    chance = np.full(len(cells.names), error)
    for cell, more in (worse or {}).items():
        chance[cell] = more
    k = rng.binomial(per_cell, chance)
    whole = [8 * per_cell, rng.binomial(8 * per_cell, error)]
    return {cells.key: np.concatenate([np.stack([np.full(len(k), per_cell), k], axis=1), [whole]])}


def through(
    slices: Slices, days: int, rng: np.random.Generator, error: float, worse: dict[int, float] | None = None
) -> list[monitors.Heard]:
    heard = []
    for day in range(days):
        heard += slices.window(drawn(rng, error, 100, worse), (day * DAY_MS, (day + 1) * DAY_MS))
    return heard


def plain(heard: list[monitors.Heard]) -> list[Any]:
    return [(each.monitor.key, each.change) for each in heard]


def line() -> float:
    found = Slices(layout(), N_DAYS).line
    assert found is not None
    return found.line


def test_nothing_is_found_on_quiet_data_of_a_quarter_of_a_year() -> None:
    heard = [each for seed in range(20) for each in through(Slices(layout(), N_DAYS), 90, np.random.default_rng(seed), 0.1)]

    assert heard == []


def test_while_all_are_wrong_three_times_as_often_the_luckless_slice_is_no_second_page() -> None:
    """The whole has its page. Cells of a few hundred predictions differ by luck, and each is far beyond the line."""
    found = [through(Slices(layout(), N_DAYS), 20, np.random.default_rng(seed), 0.3) for seed in range(20)]

    assert sum(each.change.verdict == "page" for heard in found for each in heard) == 0


def test_with_every_cell_exactly_on_the_line_pages_stay_within_their_share_of_the_budget() -> None:
    """Promised: a twentieth of one page in N days, with 30 days more. 40 runs of 90 days: .2 pages each, so 8."""
    found = [through(Slices(layout(), N_DAYS), 90, np.random.default_rng(seed), line()) for seed in range(40)]
    pages = sum(each.change.verdict == "page" for heard in found for each in heard)

    promised = SHARES_HARM["slices"] * (90 + LOAN_DAYS) / N_DAYS
    assert pages <= binom.ppf(0.999, 40, promised)


def test_what_made_it_a_suspect_is_no_evidence_against_it() -> None:
    """Terrible until it is suspected, fine ever after: never a page."""
    rng, slices = np.random.default_rng(2), Slices(layout(), N_DAYS)
    day = 0
    while not slices.trials:
        slices.window(drawn(rng, 0.1, 100, {5: 0.6}), (day * DAY_MS, (day + 1) * DAY_MS))
        day += 1
    lent = slices.suspected()
    heard = []
    for later in range(day, day + 60):
        heard += slices.window(drawn(rng, 0.1, 100), (later * DAY_MS, (later + 1) * DAY_MS))

    assert [name for name, _ in lent] == [slices.cells.names[5]]  # type: ignore[union-attr]
    assert lent[0][1] < 1
    assert heard == []


def test_a_slice_that_is_well_again_gives_its_place_back() -> None:
    rng, slices = np.random.default_rng(3), Slices(layout(), N_DAYS)
    sick = through(slices, 10, rng, 0.1, {5: 0.3})
    healed = []
    for day in range(10, 60):
        healed += slices.window(drawn(rng, 0.1, 100), (day * DAY_MS, (day + 1) * DAY_MS))

    assert [each.change.verdict for each in sick][-1] == "page"
    assert [each.change.verdict for each in healed][-1] == "quiet"
    assert slices.trials == {}


def test_a_slice_a_fifth_beyond_its_line_is_told_a_handful_of_times_in_three_years() -> None:
    """Thirty labels a day: with an all-clear by one day of evidence it was over and back every month."""
    told = []
    for seed in range(5):
        rng, slices = np.random.default_rng(seed), Slices(layout(), N_DAYS)
        worse = line() * 1.25
        heard = [
            each for day in range(1_095) for each in slices.window(drawn(rng, 0.05, 30, {5: worse}), (day * DAY_MS, (day + 1) * DAY_MS))
        ]
        told.append(sum(each.change.verdict == "page" and not each.change.relapse for each in heard))

    assert max(told) >= 1
    assert np.mean(told) <= 6


def test_what_was_cleared_has_to_look_bad_anew_before_it_is_tried_again() -> None:
    rng, slices = np.random.default_rng(3), Slices(layout(), N_DAYS)
    through(slices, 10, rng, 0.1, {5: 0.3})
    day = 10
    while slices.trials:
        slices.window(drawn(rng, 0.1, 100), (day * DAY_MS, (day + 1) * DAY_MS))
        day += 1

    assert slices.seen[5, 0] <= 100, "of the window that cleared it"


def test_a_loan_ends_after_thirty_days_and_the_same_share_is_not_lent_before() -> None:
    rng, slices = np.random.default_rng(4), Slices(layout(), N_DAYS)
    loans: dict[int, tuple[float, ...]] = {}  # when they end -> what was lent
    for day in range(100):
        worse = {} if slices.trials else {5: 0.6, 6: 0.6}  # fine as soon as it is looked at
        slices.window(drawn(rng, 0.1, 100, worse), (day * DAY_MS, (day + 1) * DAY_MS))
        for trial in slices.trials.values():
            loans[trial.until_ms // DAY_MS] = (*loans.get(trial.until_ms // DAY_MS, ()), trial.lent_days)
    most = max(lent for found in loans.values() for lent in found)
    of_first = sorted(until for until, found in loans.items() if most in found)

    assert len(of_first) >= 3
    assert all(later - earlier >= LOAN_DAYS for earlier, later in itertools.pairwise(of_first))
    assert len(loans) > len(of_first), "two are on trial at a time"


def test_memory_is_bounded_by_the_contract_however_many_cells_are_bad() -> None:
    rng, slices = np.random.default_rng(5), Slices(layout(), N_DAYS)
    cells = slices.cells
    assert cells is not None
    through(slices, 40, rng, 0.05, dict.fromkeys(range(0, len(cells.names), 3), 0.5))
    header, arrays = slices.snapshot()

    assert len(header["trials"]) == contract_of(WIDE).segments.discover == 10
    assert sum(array.nbytes for array in arrays.values()) < 16 * cells.rows + 1_000 * 10


def test_a_twin_from_its_state_has_the_same_future() -> None:
    rng, slices = np.random.default_rng(6), Slices(layout(), N_DAYS)
    through(slices, 5, rng, 0.1, {5: 0.25, 40: 0.2})
    twin = Slices(layout(), N_DAYS)
    twin.restore(*slices.snapshot())

    for day in range(5, 40):
        counts = drawn(rng, 0.1, 100, {5: 0.25, 40: 0.2})
        window = (day * DAY_MS, (day + 1) * DAY_MS)
        assert plain(slices.window(counts, window)) == plain(twin.window(counts, window))
        assert slices.suspected() == twin.suspected()


def test_state_of_other_cells_or_another_line_is_left() -> None:
    slices = Slices(layout(), N_DAYS)
    through(slices, 5, np.random.default_rng(6), 0.1, {5: 0.25})
    header, arrays = slices.snapshot()
    for changed in ({"key": "slices@late~another"}, {"line": 0.5}):
        twin = Slices(layout(), N_DAYS)
        twin.restore({**header, **changed}, arrays)
        assert twin.trials == {}


def test_a_person_who_resolves_a_slice_begins_anew_with_it() -> None:
    slices = Slices(layout(), N_DAYS)
    through(slices, 10, np.random.default_rng(7), 0.1, {5: 0.3})
    [found] = slices.busy()
    slices.reset([found.segment])

    assert slices.busy() == []
    assert slices.seen[5].tolist() == [0.0, 0.0]


def test_the_worst_is_tried_first_and_only_beyond_doubt() -> None:
    slices = Slices(layout(), N_DAYS)
    slices.seen[:] = [1_000, 100]
    slices.seen[-1] = [8_000, 800]
    slices.seen[5], slices.seen[6], slices.seen[7] = [1_000, 200], [1_000, 300], [150, 100]  # the last one is too small
    assert slices._worst() == 6

    slices.seen[6] = slices.seen[5] = [1_000, 130]
    assert beta_binomial_interval(130, 1_000)[0] < line()
    assert slices._worst() is None
