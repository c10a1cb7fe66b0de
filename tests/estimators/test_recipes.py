"""Recipes that look right and are not (each was tried): what goes wrong, shown beside what is done instead."""

import numpy as np
import pytest
from numpy.typing import NDArray

from anchorwatch.estimators.adwin import ADWIN
from anchorwatch.estimators.bank import BernoulliBank
from anchorwatch.estimators.interval import beta_binomial_interval
from anchorwatch.estimators.late_labels import arrived_share
from anchorwatch.estimators.lines import clumping, line_above, luck
from anchorwatch.estimators.rows import Rows
from anchorwatch.estimators.tables import Floats, bernoulli, calibration

HOUR = 3_600_000


def alarms(line: Floats, p: float, block: int, blocks: int, level: float, seed: int) -> int:
    """Of one 0/1 stream per line, in blocks, promise in events."""
    rng, columns = np.random.default_rng(seed), len(line)
    rows, table = Rows(6, columns), bernoulli(line)
    count = 0
    for _ in range(blocks):
        k = rng.binomial(block, p, columns)
        gain = (table[:, :, 0] * (block - k)[:, None] + table[:, :, 1] * k[:, None]).T
        rows.add(np.ascontiguousarray(gain), np.full(columns, float(block)), np.full(columns, block), k.astype(float), 0)
        told = rows.m.mean(0) >= level
        count += int(told.sum())
        rows.zero(told)
    return count


def test_a_reference_need_not_be_as_long_as_the_promise_but_its_luck_must_be_tolerated() -> None:
    """2,000 labels at .05, a promise 100 times as long: the measured rate itself as the line breaks it."""
    k = np.random.default_rng(1).binomial(2_000, 0.05, 100)
    plain, tolerant = (alarms(line_above(k, 2_000, z=z), 0.05, 500, 400, 2e5, 2) for z in (0.0, luck(100)))

    assert tolerant <= 100
    assert plain > 200


def test_a_normal_bound_is_too_low_where_errors_are_few() -> None:
    """300 labels at .01: p + z se lets through more than twice what Wilson's end does."""
    k = np.random.default_rng(3).binomial(300, 0.01, 200)
    p, z = (k + 0.5) / 301, float(luck(1_000))
    normal = p + z * np.sqrt(p * (1 - p) / 300)

    by_normal, by_wilson = (alarms(line, 0.01, 750, 400, 3e5, 4) for line in (normal, line_above(k, 300, z=z)))
    assert by_wilson <= 200
    assert by_normal > 2 * by_wilson


def wandering(seed: int, hours: float, days: int, streams: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """n, k: [half hours, streams], 5,000 events a day, the logit of .05 wanders by .3."""
    rng, rho = np.random.default_rng(seed), np.exp(-0.5 / hours)
    state: Floats = rng.standard_normal(streams)
    rows = []
    for _ in range(days * 48):
        n = rng.poisson(5_000 / 48, streams)
        rows.append((n, rng.binomial(n, 1 / (1 + np.exp(np.log(19) - 0.3 * state)))))
        state = rho * state + np.sqrt(1 - rho**2) * rng.standard_normal(streams)
    counts = np.array(rows)
    return counts[:, 0], counts[:, 1]


def test_phi_from_one_scale_hears_too_little_of_a_memory_of_three_hours() -> None:
    """Neighbouring half hours spread half as wide as a day does."""
    n, k = wandering(5, 3, 28, 40)
    p = k.sum(0) / n.sum(0)
    miss, toss = k - n * p, n * p * (1 - p)

    neighbours = (miss**2).sum(0) / toss.sum(0)
    assert np.median(clumping(miss, toss)[0]) > 2 * np.median(neighbours)


def test_a_promise_in_events_is_broken_by_growth_one_in_days_is_not() -> None:
    """20 fleets of 40 on their line, twenty times the usual traffic: warnings of 30 days (200 promised), by usual events and by days."""

    def warnings(by_events: bool) -> int:
        rng, size = np.random.default_rng(6), 800
        bank = BernoulliBank(group=np.arange(size), line=0.05, share=1 / 40, clear_days=1.0, pages=True, phi=1.0, up=True, level_days=30.0)
        count = 0
        for t in range(30 * 24):
            n = rng.poisson(800, size)  # 40 an hour were usual
            when = (20 / 24 if by_events else 1 / 24, t * HOUR, (t + 1) * HOUR)
            count += sum(c.verdict == "warning" and not c.relapse for c in bank.window(n, rng.binomial(n, 0.05), *when))
        return count

    assert warnings(by_events=False) <= 200
    assert warnings(by_events=True) > 200


def test_kaplan_meier_of_a_class_cannot_be_had_from_the_labels_that_are_in() -> None:
    """Among those that are in, all are in: the share of early ones is 1 at once, where a product in reverse time finds the true .45."""
    rng, days = np.random.default_rng(7), 30
    cells = np.zeros((days, days), np.int64)
    for age in range(days):
        delay = rng.exponential(12, 3_000).astype(int)
        cells[age] = np.bincount(delay[delay <= age], minlength=days)
    law = 1 - np.exp(-(np.arange(days) + 1) / 12)

    plain = np.cumsum(cells.sum(0)) / cells.sum()
    true = law / law[-1]
    assert arrived_share(cells)[4] == pytest.approx(true[4], abs=0.03)
    assert plain[4] > true[4] + 0.1


def test_dropping_single_labels_with_a_small_weight_is_biased_whole_ages_are_not() -> None:
    """Errors .1 of positives (early), .3 of negatives (late), half each; labels of an age and class with G < .05 are dropped."""
    true, ages = 0.2, np.arange(28) / 4  # a week in steps of six hours
    early, late = 1 - np.exp(-(ages + 0.25) / 3), 1 - np.exp(-(ages + 0.25) / 12)
    kept = late >= 0.05

    by_label = np.mean(0.5 * 0.1 + 0.5 * 0.3 * kept)  # in the mean: a label that is kept counts 1 / G for all of its age
    by_age = (0.5 * 0.1 + 0.5 * 0.3) * kept.sum() / kept.sum()
    assert early.min() >= 0.05
    assert abs(by_label - true) > 0.005
    assert by_age == pytest.approx(true)


def test_labels_in_the_order_in_which_they_come_move_with_the_traffic() -> None:
    """Early ones err in .05, late ones in .10; after a busy day the labels that come are the early ones: no error has changed."""
    n = np.where(np.arange(60) == 40, 4_000, 400)
    early, late = n, np.concatenate([np.full(12, 400), n])[:60]  # known at once; known after twelve days
    by_arrival = (0.05 * early + 0.10 * late) / (early + late)

    assert np.ptp(by_arrival) > 0.03
    assert np.ptp((0.05 * n + 0.10 * n) / (2 * n)) < 1e-12  # by the day of the prediction, when all are old enough


def test_averaging_nested_horizons_is_no_bet_given_everybodys_past() -> None:
    """The late horizon holds the early one's labels: given what the early one saw, the late one's gain has a mean far from 1."""
    rng = np.random.default_rng(8)
    early = rng.binomial(40, 0.05, 60_000)
    late = early + rng.binomial(60, 0.05, 60_000)
    table = bernoulli(0.05)[1]
    gain = np.exp(table[0] * (100 - late) + table[1] * late)

    assert gain.mean() == pytest.approx(1, abs=0.05)
    assert gain[early >= 5].mean() > 1.3


def test_half_a_count_in_thin_bins_is_not_a_prior() -> None:
    """Ten bins of ten labels at .01: (k + .5) / (n + 1) says .05, five times as much."""
    k = np.random.default_rng(9).binomial(10, 0.01, 4_000)

    assert np.mean((k + 0.5) / 11) > 0.045


def test_the_mean_residual_hears_a_change_of_concept_later_than_the_bins_do() -> None:
    """Logit + .6 in bins .05 to .95: events until 1e4 by the growth of each one's best bet."""
    rates: Floats = np.linspace(0.05, 0.95, 10)
    p = 1 / (1 + np.exp(-np.log(rates / (1 - rates)) - 0.6))
    law = np.stack([(1 - p) / 10, p / 10], axis=1).reshape(-1)
    residual = np.stack([(0 - rates + 1) / 2, (1 - rates + 1) / 2], axis=1).reshape(-1)  # the value in [0, 1]

    growth = float((calibration(rates) @ law).max())
    plain = float((bernoulli(0.5)[:, 0] * (1 - residual @ law) + bernoulli(0.5)[:, 1] * (residual @ law)).max())
    assert growth > 2 * plain


def test_adwins_window_does_not_begin_where_the_change_did() -> None:
    """When it first alarms its window still holds events of before, more than a thousand too many in the median."""
    held = []
    for seed in range(20):
        rng, detector = np.random.default_rng(seed), ADWIN()
        for i, x in enumerate(rng.random(6_000) < np.where(np.arange(6_000) < 4_000, 0.05, 0.10)):
            detector.update(float(x))
            if i >= 4_000 and detector.drift_detected:
                held.append(detector.level().n - (i - 4_000 + 1))
                break

    assert len(held) > 15
    assert np.median(held) > 500


def test_a_plain_e_process_never_comes_back_after_a_long_fault() -> None:
    """Sixty bad days, then health: the restarting sum has a day of evidence within a day, the product is still at nothing after ten."""
    rng, table = np.random.default_rng(10), bernoulli(1 - 0.06)
    restarting, plain = np.zeros(6), np.zeros(6)  # M, and ln of the product
    at: dict[str, float] = {}
    for hour in range(70 * 24):
        bad = rng.binomial(40, 0.12 if hour < 60 * 24 else 0.05)
        gain = table[:, 0] * bad + table[:, 1] * (40 - bad)
        restarting, plain = (restarting + 1 / 24) * np.exp(np.minimum(gain, 300)), plain + gain
        if hour >= 60 * 24 and restarting.mean() >= 1:
            at.setdefault("restarting", (hour - 60 * 24 + 1) / 24)

    assert at["restarting"] <= 2
    assert np.logaddexp.reduce(plain) - np.log(6) < 0


def test_a_null_half_way_to_health_clears_what_is_still_beyond_its_line() -> None:
    """Line .06, fault .12, healed to .07: beyond its line. A null of .09 calls it health within days, one of .06 does not in 30."""
    rng = np.random.default_rng(11)
    found = {}
    for null in (0.06, 0.09):
        table, m = bernoulli(1 - null), np.zeros(6)
        best = 0.0
        for _ in range(30 * 24):
            bad = rng.binomial(40, 0.07)
            m = (m + 1 / 24) * np.exp(table[:, 0] * bad + table[:, 1] * (40 - bad))
            best = max(best, float(m.mean()))
        found[null] = best

    assert found[0.09] > 100
    assert found[0.06] < found[0.09] / 10


def test_asymptotic_sequences_miss_rare_errors_far_more_often_than_they_say() -> None:
    """p = .01, looked at after 8, 16, .. 4,096 events: the asymptotic sequence (rho tuned for n = 100) at 95 % against the beta one."""
    rng, looks = np.random.default_rng(12), 2 ** np.arange(3, 13)
    seen = (rng.random((400, looks[-1])) < 0.01).cumsum(1)[:, looks - 1]
    mean = seen / looks
    rho2 = (2 * np.log(1 / 0.05) + np.log(1 + 2 * np.log(1 / 0.05))) / 100
    half = np.sqrt(mean * (1 - mean)) * np.sqrt(2 * (looks * rho2 + 1) / (looks**2 * rho2) * np.log(np.sqrt(looks * rho2 + 1) / 0.05))

    asymptotic = (np.abs(mean - 0.01) > half).any(1).mean()
    ends = [[beta_binomial_interval(k, n) for k, n in zip(row, looks.tolist(), strict=True)] for row in seen.tolist()]
    exact = np.mean([any(not low <= 0.01 <= high for low, high in row) for row in ends])
    assert asymptotic > 0.3
    assert exact <= 0.05


def test_a_quantile_of_the_reference_without_a_unit_is_passed_by_every_wander_of_a_few_per_cent() -> None:
    """Medians wander by 3 % for days, as those of real databases do; 20 monitors, 120 days, over the median itself or over 1.25 of it."""
    rng, size, live = np.random.default_rng(13), 20, 120
    wander = np.zeros((live + 60, size))
    for day in range(1, live + 60):
        wander[day] = 0.8 * wander[day - 1] + 0.018 * rng.standard_normal(size)
    latency = np.exp(0.3 * rng.standard_normal((live + 60, 100, size)) + wander[:, None])  # 100 calls a day
    pages = {}
    for times in (1.0, 1.25):
        over = (latency > times * np.median(latency[:60], axis=(0, 1))).sum(1)
        p = over[:60].mean(0) / 100
        phi = clumping(over[:60] - 100 * p, np.broadcast_to(100 * p * (1 - p), (60, size)))[0]
        line = np.maximum(0.5, line_above(over[:60].sum(0), 6_000, 0.0, phi, luck(90 * size / 60)))
        bank = BernoulliBank(
            group=np.arange(size), line=line, share=1 / size, clear_days=1.0, pages=True, phi=phi, up=True, level_days=90.0
        )
        changes = [bank.window(np.full(size, 100), k, 1.0, t * 24 * HOUR, (t + 1) * 24 * HOUR) for t, k in enumerate(over[60:])]
        pages[times] = sum(c.verdict == "page" and not c.relapse for found in changes for c in found)

    assert pages[1.25] == 0
    assert pages[1.0] > 3


def test_poisson_calls_a_gap_impossible_that_bursty_traffic_has_every_day() -> None:
    """100 events an hour, in bursts of 50: an hour and a half without any has a chance of e^-150 for Poisson, and comes each day."""
    rng = np.random.default_rng(14)
    gaps = rng.exponential(0.5, 30 * 48)  # hours between bursts, for 30 days

    longest = np.sort(gaps)[-30]
    assert longest > 1.5
    assert np.exp(-100 * longest) * 30 * 24 < 1e-50


def test_seven_days_of_evidence_hold_an_alert_open_for_a_day_after_a_two_hour_fault() -> None:
    """Latency, line .10, two hours at .60, then healthy at .05, 1,000 calls a day: the all-clear at 4 h, and at 7 d of evidence."""
    ended = {}
    for clear_days in (4 / 24, 7.0):
        rng, size = np.random.default_rng(15), 60
        bank = BernoulliBank(
            group=np.arange(size), line=0.10, share=1.0, clear_days=clear_days, pages=True, phi=1.0, up=True, level_days=3_000.0
        )
        at = np.full(size, np.nan)
        for t in range(8 * 144):
            n = rng.poisson(1_000 / 144, size)
            changes = bank.window(n, rng.binomial(n, 0.6 if t < 12 else 0.05), 1 / 144, t * HOUR // 6, (t + 1) * HOUR // 6)
            for c in changes:
                if c.verdict == "quiet":
                    at[c.monitor] = (t - 11) / 144
        ended[clear_days] = float(np.nanmedian(at))

    assert ended[4 / 24] <= 0.12
    assert ended[7.0] > 2 * ended[4 / 24]
