"""The order of scores as a monitor: false as seldom as promised, deaf to what is no loss of order, heard in time, silent where it cannot tell."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from tests.stages.worlds import HIDDEN, scored_applied
from tests.traffic import LOAN, contract_of
from tests.watches.seeing import layout, seen

from anchorwatch.estimators.bank import TableBank
from anchorwatch.estimators.pairing import LEVELS, dealt
from anchorwatch.estimators.tables import stack
from anchorwatch.stages.reference import reference_from_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints, Monitor, Reference
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.ordering import DRAWS_MIN, SUBJECT, TOLERATED, derive, derived, explain, judged, ordering_monitors

DAY_MS, N_DAYS, SHARE, BINS = 86_400_000, 30.0, 0.05, 32
APART = 1.406  # sd between the classes: an AUC of .84


def scored(text: str = LOAN) -> tuple[Layout, Reference]:
    reference = reference_from_json(scored_applied().reference or {})
    return Layout(contract_of(text), reference, catalogue()), reference


def drawn(rng: np.random.Generator, rows: int, labels: int, positive: float, apart: float = APART, shift: float = 0.0) -> Ints:
    """int64[rows, BINS, 2]: labels of normal scores; negatives around `shift`, positives `apart` sd above."""
    truth = rng.random((rows, labels)) < positive
    scores = rng.normal(size=(rows, labels)) + apart * truth + shift
    bins = np.clip((scores + 2.5) / 6.5 * BINS, 0, BINS - 1).astype(np.int64)
    place = (np.arange(rows)[:, None] * BINS + bins) * 2 + truth
    return np.bincount(place.reshape(-1), minlength=rows * BINS * 2).reshape(rows, BINS, 2)


def monitors_of(n: int, labels: int, positive: float, rng: np.random.Generator) -> list[Monitor]:
    """Each with a reference of its own: 40 stretches, so many labels in all; the watch itself draws the line."""
    of, reference = scored()
    ranks = judged(of)
    assert ranks is not None
    found = []
    for _ in range(n):
        stretches = drawn(rng, 40, labels // 40, positive)
        cells, draws = np.zeros((len(of.segments), ranks.cells.symbols), np.int64), np.zeros((len(of.segments), LEVELS + 1), np.int64)
        cells[0, 0], draws[0] = labels, dealt(stretches).sum(0)
        own = replace(reference, counts={**reference.counts, ranks.cells.key: cells, ranks.draws.key: draws}, phi={})
        found += [m for m in ordering_monitors(Layout(of.contract, own, of.watches)) if m.row == 0]
    return found


def alarms(
    monitors: list[Monitor], days: int, a_day: int, positive: float, rng: np.random.Generator, apart: float = APART, shift: float = 0.0
) -> list[tuple[int, str, int]]:
    """(monitor, verdict, day), of windows of an hour."""
    tilts = [m.tilt for m in monitors if m.tilt is not None]
    bank = TableBank(
        tables=np.stack([t.table for t in tilts]), phi=np.ones((len(tilts), len(tilts[0].table))), heal=stack([t.heal for t in tilts]),
        share=SHARE, clear_days=1.0, pages=True, level_days=N_DAYS,
    )  # fmt: skip
    heard: list[tuple[int, str, int]] = []
    for hour in range(24 * days):
        counts = dealt(drawn(rng, len(tilts), a_day // 24, positive, apart, shift))
        found = bank.window(counts, 1 / 24, hour * DAY_MS // 24, (hour + 1) * DAY_MS // 24)
        heard += [(c.monitor, c.verdict, hour // 24) for c in found]
    return heard


@pytest.mark.parametrize(("labels", "positive"), [(1_000, 0.5), (4_000, 0.1), (20_000, 0.02)])
def test_nothing_wrong_pages_and_warns_no_oftener_than_promised(labels: int, positive: float) -> None:
    """30 days of 240 labels a day, 100 references; promised: SHARE x days / N pages a monitor, ten times as many warnings."""
    rng = np.random.default_rng(labels)
    monitors = monitors_of(100, labels, positive, rng)
    heard = alarms(monitors, 30, 240, positive, rng)

    assert len(monitors) == 100
    assert sum(verdict == "page" for _, verdict, _ in heard) <= binom.ppf(0.999, 100, SHARE * 30 / N_DAYS)
    assert sum(verdict == "warning" for _, verdict, _ in heard) <= binom.ppf(0.999, 100, 10 * SHARE * 30 / N_DAYS / 2), "half of it"


@pytest.mark.parametrize(("shift", "positive"), [(-0.5, 0.5), (0.5, 0.5), (0.0, 0.8), (-0.5, 0.3)])
def test_scores_that_all_move_and_another_mix_of_classes_lose_no_order(shift: float, positive: float) -> None:
    """References of half positives. Ranks among the reference's classes cry in all of the first two."""
    rng = np.random.default_rng(9)
    heard = alarms(monitors_of(40, 4_000, 0.5, rng), 10, 1_000, positive, rng, shift=shift)

    assert len({monitor for monitor, verdict, _ in heard if verdict == "page"}) <= binom.ppf(0.999, 40, SHARE * 10 / N_DAYS)


@pytest.mark.parametrize(("positive", "within"), [(0.5, 4), (0.1, 7)])
def test_an_auc_that_falls_from_84_to_75_is_a_page_within_days(positive: float, within: int) -> None:
    """1,000 labels a day; 2.5 and 4 days in the mean, so that eight of ten are heard by then."""
    rng = np.random.default_rng(11)
    heard = alarms(monitors_of(30, 4_000, positive, rng), within, 1_000, positive, rng, apart=0.954)

    assert len({monitor for monitor, verdict, _ in heard if verdict == "page"}) >= 24


def test_its_line_lies_three_points_below_a_long_reference_and_lower_below_a_short_one() -> None:
    rng = np.random.default_rng(3)
    [long], [short] = (monitors_of(1, labels, 0.1, rng) for labels in (100_000, 1_600))

    assert long.reference is not None
    assert short.reference is not None
    assert abs(long.reference - 0.84) < 0.01
    assert long.line == pytest.approx(long.reference - TOLERATED)
    assert short.line is not None
    assert short.reference - short.line > 1.2 * TOLERATED


def test_each_segment_that_holds_enough_labels_is_judged_and_is_named() -> None:
    of, reference = scored()
    ranks = judged(of)
    assert ranks is not None
    draws = reference.counts[ranks.draws.key]
    enough = [name for name, n in zip(of.segments, draws.sum(1).tolist(), strict=True) if n >= DRAWS_MIN]

    assert [m.segment for m in ordering_monitors(of)] == enough
    assert {m.key for m in of.monitors if m.subject == SUBJECT} >= {"quality:auc@late/whole"}
    assert all(m.harm and m.pages for m in ordering_monitors(of))


def test_it_is_not_judged_without_a_reference_of_many_classes_or_where_truth_is_hidden() -> None:
    of, reference = scored()
    ranks = judged(of)
    assert ranks is not None
    one_class = reference.counts[ranks.cells.key].copy()
    one_class[:, 1::2] = 0  # no positive
    alone = derived(of, {ranks.cells.key: {0: one_class}})[ranks.draws.key][0]
    without = {**reference.counts, ranks.cells.key: one_class, ranks.draws.key: alone}

    assert ordering_monitors(layout(learning=True)) == []
    assert ordering_monitors(Layout(contract_of(LOAN.replace("binary", "multiclass")), reference, catalogue())) == []
    assert ordering_monitors(Layout(contract_of(HIDDEN), reference, catalogue())) == []
    assert ordering_monitors(Layout(of.contract, replace(reference, counts=without), catalogue())) == []


def test_labels_of_one_class_wait_for_the_other_and_are_dealt_once() -> None:
    of, _ = scored()
    ranks = judged(of)
    assert ranks is not None
    carried: dict[str, Ints] = {}
    seen_draws = []
    for symbols in ({2: 8}, {}, {2 * 31 + 1: 1}, {2 * 31 + 1: 1}):  # eight negatives in bin 1, nothing, a positive, another
        flat = np.zeros(of.size, np.int64)
        for symbol, n in symbols.items():
            of.view(flat, ranks.cells.key)[0, symbol] = n
        derive(of, flat, carried)
        seen_draws.append(of.view(flat, ranks.draws.key)[0].tolist())

    assert [sum(draws) for draws in seen_draws] == [0, 0, 1, 0]
    assert seen_draws[2][LEVELS] == 1, "it is above all eight"
    assert carried[ranks.draws.key].sum() == 1


def test_it_says_where_it_is_what_it_was_and_what_it_should_be() -> None:
    fell = explain(seen(SUBJECT, segment="region=eu", current=0.71, interval=(0.68, 0.74), reference=0.84, line=0.81), "Look.")
    promised = explain(seen(SUBJECT, current=None, reference=None, line=0.8), "Look.")

    assert fell.name == "QualityDrop"
    assert fell.summary == (
        "Scores on region=eu put the right ones first less often: ROC AUC is 0.71 [0.68, 0.74], was 0.84; it should be at least 0.81."
    )
    assert promised.summary == "Scores put the right ones first too seldom: ROC AUC is not measurable; it should be at least 0.8."
