"""Hours of the week: cells that differ keep their own rate, luck is drawn to the mean."""

from datetime import UTC, datetime

import numpy as np
import pytest

from anchorwatch.estimators.bank import BernoulliBank, Change
from anchorwatch.estimators.lines import line_above, luck
from anchorwatch.estimators.season import CELLS, Floats, hour_of_week, mixed_line, season_lines, season_rates
from anchorwatch.estimators.tables import bernoulli

HOUR = 3_600_000


def test_the_hour_of_the_week_is_the_calendars() -> None:
    days = [datetime(2026, 11, 23, 0, 30, tzinfo=UTC), datetime(2026, 11, 29, 23, 59, tzinfo=UTC), datetime(1969, 12, 31, 1, tzinfo=UTC)]

    found = hour_of_week([int(d.timestamp() * 1000) for d in days])
    assert found.tolist() == [d.weekday() * 24 + d.hour for d in days]
    assert hour_of_week(0, 2 * HOUR) == 74


def test_cells_that_do_not_differ_are_all_the_mean() -> None:
    rng = np.random.default_rng(1)
    n = np.full((CELLS, 200), 800)

    rates = season_rates(rng.binomial(n, 0.05), n)
    assert np.median(rates.std(0)) < 0.001


def test_a_swing_is_kept_and_some_of_its_noise_goes() -> None:
    rng = np.random.default_rng(2)
    truth = (0.05 + 0.025 * np.sin(2 * np.pi * np.arange(CELLS) / 24))[:, None]
    n = np.full((CELLS, 100), 800)
    k = rng.binomial(n, truth)

    rates = season_rates(k, n)
    assert ((rates - truth) ** 2).mean() < 0.9 * ((k / n - truth) ** 2).mean()
    assert np.corrcoef(rates.mean(1), truth[:, 0])[0, 1] > 0.99


def test_an_hour_never_seen_has_the_rate_of_the_week() -> None:
    n = np.full(CELLS, 1_000)
    k = np.where(np.arange(CELLS) % 24 < 12, 100, 20)
    n[5], k[5] = 0, 0

    assert season_rates(k, n)[5] == pytest.approx(k.sum() / n.sum())


def test_lines_keep_the_distance_of_the_whole_week() -> None:
    rates: Floats = np.array([0.02, 0.08])

    assert season_lines(rates, 0.05, 0.06) == pytest.approx([0.03, 0.09])


def test_a_swing_of_half_the_rate_keeps_the_promise_with_a_line_per_hour() -> None:
    """Four weeks of reference, 200 events an hour, N = 30 d, 40 streams for 30 days: at most 40 pages; a flat line gives many more."""
    rng = np.random.default_rng(3)
    truth = 0.05 + 0.025 * np.sin(2 * np.pi * np.arange(CELLS) / 24)
    n = np.full((CELLS, 40), 800)
    k = rng.binomial(n, truth[:, None])
    flat = line_above(k.sum(0), n.sum(0), 0.0, 1.0, luck(30 / 28))
    lines = season_lines(season_rates(k, n), k.sum(0) / n.sum(0), flat)

    def pages(seasonal: bool) -> int:
        bank = BernoulliBank(group=np.arange(40), line=flat, share=1.0, clear_days=1.0, pages=True, phi=1.0, up=True, level_days=30.0)
        count = 0
        for t in range(30 * 24):
            if seasonal:
                bank.move_lines(lines[t % CELLS])
            k = rng.binomial(200, truth[t % CELLS], 40)
            count += sum(c.verdict == "page" and not c.relapse for c in bank.window(np.full(40, 200), k, 1 / 24, t * HOUR, (t + 1) * HOUR))
        return count

    assert pages(seasonal=True) <= 40
    assert pages(seasonal=False) > 80


def test_a_benign_change_of_mix_moves_the_line_with_it() -> None:
    assert mixed_line([0.9, 0.1], [0.05, 0.20]) == pytest.approx(0.065)
    assert mixed_line([0.1, 0.9], [0.05, 0.20]) == pytest.approx(0.185)


def one_monitor(line: float) -> BernoulliBank:
    return BernoulliBank(group=[0], line=line, share=1.0, clear_days=1.0, pages=True, phi=1.0, up=True, level_days=30.0)


def test_lines_that_move_are_those_of_a_bank_that_had_them_from_the_start() -> None:
    """Two windows under .1, then one under .3, by hand; evidence is kept."""
    bank, table, later = one_monitor(0.1), np.exp(bernoulli(0.1)), np.exp(bernoulli(0.3))
    for day in range(2):
        bank.window([10], [1], 1.0, day * 24 * HOUR, (day + 1) * 24 * HOUR)
    bank.move_lines([0.3])
    bank.window([10], [3], 1.0, 2 * 24 * HOUR, 3 * 24 * HOUR)

    day_1 = table[:, 0] ** 9 * table[:, 1]
    expected = ((day_1 + 1) * day_1 + 1) * later[:, 0] ** 7 * later[:, 1] ** 3
    assert bank.evidence()[0] == pytest.approx(expected.mean(), rel=1e-5)


def play(bank: BernoulliBank, rng: np.random.Generator, first: int, last: int) -> list[Change]:
    """40 events an hour, a fifth of them ones."""
    return [c for t in range(first, last) for c in bank.window([40], [rng.binomial(40, 0.2)], 1 / 24, t * HOUR, (t + 1) * HOUR)]


def test_a_return_is_judged_by_the_line_of_its_own_time() -> None:
    """Beyond .06, and so is its rate; when the line moves to .4 at noon, the same rate heals at once."""
    rng = np.random.default_rng(11)
    bank = one_monitor(0.06)
    broke = play(bank, rng, 0, 48)
    bank.move_lines([0.4])
    healed = play(bank, rng, 48, 120)

    assert "page" in [c.verdict for c in broke]
    assert [c.verdict for c in healed][-1] == "quiet"
    assert healed[-1].since_ms == 48 * HOUR
