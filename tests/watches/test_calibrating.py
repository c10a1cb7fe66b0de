"""The calibration monitor: heard in time, false as seldom as promised, whatever the luck of its reference."""

import numpy as np
from scipy.stats import binom
from tests.watches.seeing import layout, seen

from anchorwatch.estimators.bank import TableBank
from anchorwatch.estimators.cbpe import calibrated
from anchorwatch.estimators.lines import luck
from anchorwatch.estimators.tables import calibration, calibration_heal, stack
from anchorwatch.watches.base import Floats
from anchorwatch.watches.calibrating import MONITOR, TOLERATED, calibration_monitor, explain, tolerated

GROUPS, DAY_MS, N_DAYS, SHARE = 10, 86_400_000, 30.0, 0.05
TRUE = np.linspace(0.03, 0.97, GROUPS)


def bank(monitors: int, labels: int, rng: np.random.Generator) -> TableBank:
    """Each of a reference of its own, of so many labels a group."""
    tables, heals = [], []
    for _ in range(monitors):
        ones = rng.binomial(labels, TRUE)
        cells = np.stack([labels - ones, ones], axis=1)
        rate = calibrated(cells, TRUE, TRUE > 0.5).rate
        within = tolerated(rate, cells.sum(1), 1.0, float(luck(3_000 / 28)))
        tables.append(calibration(rate, within))
        heals.append(calibration_heal(rate, within))
    return TableBank(
        tables=np.stack(tables), phi=np.ones((monitors, 12)), heal=stack(heals), share=SHARE, clear_days=1.0, pages=True, level_days=N_DAYS
    )


def told(found: TableBank, rates: Floats, days: int, a_day: int, rng: np.random.Generator) -> list[tuple[int, str]]:
    heard: list[tuple[int, str]] = []
    for day in range(days):
        ones = rng.binomial(a_day, rates, (found.size, GROUPS))
        counts = np.stack([a_day - ones, ones], axis=2).reshape(found.size, -1)
        heard += [(c.monitor, c.verdict) for c in found.window(counts, 1.0, day * DAY_MS, (day + 1) * DAY_MS)]
    return heard


def logit_moved(by: float) -> Floats:
    moved: Floats = 1 / (1 + (1 - TRUE) / TRUE * np.exp(-by))
    return moved


def test_nothing_wrong_warns_no_oftener_than_promised_with_short_and_long_references() -> None:
    """60 days of 200 labels a day; promised: SHARE x days / (N / 10) warnings a monitor, so 1 each."""
    for labels in (100, 1_000):
        rng = np.random.default_rng(labels)
        heard = told(bank(100, labels, rng), TRUE, 60, 20, rng)

        assert sum(verdict == "warning" for _, verdict in heard) <= binom.ppf(0.999, 100, 0.2), "a fifth of what is promised"
        assert sum(verdict == "page" for _, verdict in heard) <= binom.ppf(0.999, 100, SHARE * 60 / N_DAYS)


def test_exactly_on_the_tolerance_false_alarms_stay_within_the_promise() -> None:
    rng = np.random.default_rng(5)
    heard = told(bank(100, 100_000, rng), logit_moved(TOLERATED), 60, 20, rng)

    assert sum(verdict == "page" for _, verdict in heard) <= binom.ppf(0.999, 100, SHARE * 60 / N_DAYS)


def test_a_shift_of_eight_tenths_in_log_odds_is_heard_within_a_few_thousand_labels() -> None:
    rng = np.random.default_rng(6)
    found = bank(50, 500, rng)
    heard = told(found, logit_moved(0.8), 15, 20, rng)

    assert len({monitor for monitor, verdict in heard if verdict in ("warning", "page")}) >= 48  # within 3,000


def test_a_few_labels_of_a_group_widen_what_it_may_do() -> None:
    rate, n = np.array([0.5, 0.5]), np.array([100, 1_000_000])

    assert tolerated(rate, n, 1.0, 1.5).round(3).tolist() == [0.299, 0.2]  # 1.5 x sqrt(1 / (101 x .25))
    assert tolerated(rate, n, 4.0, 1.5)[0] == 2 * tolerated(rate, n, 1.0, 1.5)[0]
    assert tolerated(rate, n, 1e9, 1.5)[0] == 10.0, "errors that clump without end"


def test_there_is_one_of_the_whole_that_warns_and_never_pages() -> None:
    [monitor] = calibration_monitor(layout())

    assert monitor.key == MONITOR
    assert not monitor.pages
    assert calibration_monitor(layout(learning=True)) == []


def test_it_says_which_way_and_by_how_much() -> None:
    text = explain(seen("calibration@late", label="more rarely", current=0.14, interval=(0.12, 0.16), n=2_500), "Look.")

    assert text.name == "Miscalibrated"
    assert text.summary == (
        "At a given score the positive class comes more rarely than in the reference; scores are off by 0.14 [0.12, 0.16] in the mean,"
        " over 2500 labels. Estimates before labels are in are not shown meanwhile."
    )
