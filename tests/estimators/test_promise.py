"""The promise as a rate: at most so many false pages per month for a fleet, whatever its tables; and what it costs in delay."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from anchorwatch.estimators.bank import BernoulliBank, Change, TableBank
from anchorwatch.estimators.tables import calibration, calibration_heal, promise, promise_heal, rank_heal, rank_scores, rank_tilt, stack

HOUR = 3_600_000
UNIFORM = np.full(32, 1 / 32)
F1_70 = [0.6, -0.7, -0.7, 0.0]
ON_F1_70 = [0.35, 0.15, 0.15, 0.35]  # F1 = .7 exactly
Draw = Callable[[np.random.Generator, int], list[Change]]  # (generator, hour) -> changes


def on_tolerance(within: float) -> NDArray[np.float64]:
    """A tilt of the uniform for which E[2u - 1] is exactly 2 within."""
    z, _ = rank_scores(UNIFORM)
    q: NDArray[np.float64] = UNIFORM * (1 + 2 * within / float(np.mean(z * z)) * z)
    return q


def rate_fleet(size: int, share: float, level: float, phi: float = 1.0) -> tuple[BernoulliBank, Draw]:
    """Monitors exactly on their line of .05, 50 to 50,000 events a day, more by day than by night."""
    bank = BernoulliBank(group=np.arange(size), line=0.05, share=share, clear_days=1.0, pages=True, phi=phi, up=True, level_days=level)
    daily = np.exp(np.linspace(np.log(50), np.log(50_000), size))

    def draw(rng: np.random.Generator, t: int) -> list[Change]:
        n = rng.poisson(daily / 24 * (1 + 0.8 * np.sin(2 * np.pi * t / 24)))
        return bank.window(n, rng.binomial(n, 0.05), 1 / 24, t * HOUR, (t + 1) * HOUR)

    return bank, draw


def two_sided_fleet(size: int, share: float, level: float) -> tuple[BernoulliBank, Draw]:
    """Both ways at once, on the upper line."""
    bank = BernoulliBank(
        group=np.repeat(np.arange(size), 2),
        line=np.tile([0.05, 0.99], size),
        share=share,
        clear_days=1.0,
        pages=True,
        phi=1.0,
        up=np.tile([True, False], size),
        level_days=level,
    )

    def draw(rng: np.random.Generator, t: int) -> list[Change]:
        n = rng.poisson(50, size)
        k = rng.binomial(n, 0.05)
        return bank.window(np.repeat(n, 2), np.stack([k, n - k], 1).ravel(), 1 / 24, t * HOUR, (t + 1) * HOUR)

    return bank, draw


def feature_fleet(size: int, share: float, level: float) -> tuple[TableBank, Draw]:
    """Histograms exactly at the tolerance of their place."""
    heal = stack([rank_heal(UNIFORM, 0.03, 0.03)] * size)
    tables = np.stack([rank_tilt(UNIFORM, 0.03, 0.03)] * size)
    bank = TableBank(tables=tables, share=share, clear_days=1.0, pages=True, phi=1.0, heal=heal, level_days=level)
    live = on_tolerance(0.03)

    def draw(rng: np.random.Generator, t: int) -> list[Change]:
        return bank.window(rng.multinomial(30, live, size), 1 / 24, t * HOUR, (t + 1) * HOUR)

    return bank, draw


def promise_fleet(size: int, share: float, level: float) -> tuple[TableBank, Draw]:
    """F1 exactly as promised."""
    heal = stack([promise_heal(F1_70)] * size)
    tables = np.stack([promise(F1_70)] * size)
    bank = TableBank(tables=tables, share=share, clear_days=1.0, pages=True, phi=1.0, heal=heal, level_days=level)

    def draw(rng: np.random.Generator, t: int) -> list[Change]:
        return bank.window(rng.multinomial(30, ON_F1_70, size), 1 / 24, t * HOUR, (t + 1) * HOUR)

    return bank, draw


SCORES: NDArray[np.float64] = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 0.9])  # share of positive outcomes in each score bin
MIX: NDArray[np.float64] = np.array([0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05])


def outcomes(shift: float) -> NDArray[np.float64]:
    """The law of (bin, outcome) when every bin's rate is off by `shift` in log-odds."""
    p = 1 / (1 + np.exp(-np.log(SCORES / (1 - SCORES)) - shift))
    law: NDArray[np.float64] = np.stack([MIX * (1 - p), MIX * p], axis=1).reshape(-1)
    return law


def calibration_bank(size: int, within: float, **settings: float) -> TableBank:
    heal = stack([calibration_heal(SCORES, within)] * size)
    tables = np.stack([calibration(SCORES, within)] * size)
    return TableBank(tables=tables, pages=True, phi=1.0, heal=heal, **settings)


def calibration_fleet(size: int, share: float, level: float) -> tuple[TableBank, Draw]:
    """Every bin exactly at its tolerance."""
    bank, live = calibration_bank(size, 0.2, share=share, level_days=level, clear_days=1.0), outcomes(0.2)

    def draw(rng: np.random.Generator, t: int) -> list[Change]:
        return bank.window(rng.multinomial(30, live, size), 1 / 24, t * HOUR, (t + 1) * HOUR)

    return bank, draw


FLEETS = [rate_fleet, two_sided_fleet, feature_fleet, promise_fleet, calibration_fleet]


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda f: f.__name__)
def test_a_fleet_on_its_line_pages_and_warns_no_more_than_promised(fleet: Callable[..., tuple[object, Draw]]) -> None:
    """20 fleets of 40 monitors for 30 days at N = 30: at most 20 false pages and 200 false warnings are promised in the mean."""
    _, draw = fleet(800, 1 / 40, 30.0)
    rng = np.random.default_rng(1)
    changes = [c for t in range(30 * 24) for c in draw(rng, t)]

    alarms = [c.verdict for c in changes if not c.relapse]
    assert alarms.count("page") <= 20
    assert alarms.count("warning") <= 200
    assert any(c.verdict == "warning" for c in changes)  # the fleet was awake


@pytest.mark.parametrize("fleet", FLEETS, ids=lambda f: f.__name__)
def test_evidence_in_the_mean_is_at_most_the_credit_given(fleet: Callable[..., tuple[BernoulliBank | TableBank, Draw]]) -> None:
    """E[M] <= share x days before any alarm: 20,000 monitors, two hours, within four standard errors."""
    bank, draw = fleet(20_000, 24.0, 1e9)
    rng = np.random.default_rng(2)
    for t in range(2):
        draw(rng, t)

    evidence = bank.evidence()
    assert evidence.mean() - 4 * evidence.std() / np.sqrt(len(evidence)) <= 2.0
    assert evidence.mean() > 0.5


def test_under_clumps_phi_keeps_the_promise_that_independence_would_break() -> None:
    """The logit of .05 wanders (sd .3, memory 3 h, 2,000 events an hour); line at .06; phi = 55 as the reference would say."""

    def pages(phi: float) -> int:
        rng, wander = np.random.default_rng(3), np.zeros(100)
        bank = BernoulliBank(group=np.arange(100), line=0.06, share=1.0, clear_days=1.0, pages=True, phi=phi, up=True, level_days=300.0)
        count = 0
        for t in range(90 * 24):
            wander = np.exp(-1 / 3) * wander + np.sqrt(1 - np.exp(-2 / 3)) * rng.standard_normal(100)
            k = rng.binomial(2_000, 1 / (1 + np.exp(np.log(19) - 0.3 * wander)))
            count += sum(
                c.verdict == "page" and not c.relapse for c in bank.window(np.full(100, 2_000), k, 1 / 24, t * HOUR, (t + 1) * HOUR)
            )
        return count

    assert pages(1.0) > 10 * 30
    assert pages(55.0) <= 30


def test_ten_of_200_segments_are_heard_after_their_stated_delay() -> None:
    """.10 -> .20 at event 3,000 of 6,000, N = 1e4 events, blocks of 32: mean delay 295 events, .13 false segments stated."""
    rng, runs = np.random.default_rng(4), 10
    bad = np.tile(np.arange(200) < 10, runs)
    bank = BernoulliBank(
        group=np.arange(200 * runs), line=0.10, share=1 / 200, clear_days=1e9, pages=True, phi=1.0, up=True, level_days=1e4
    )
    heard: dict[int, int] = {}
    for t in range(6_000 // 32):
        k = rng.binomial(32, np.where(bad & (t * 32 >= 3_000), 0.20, 0.10))
        for c in bank.window(np.full(200 * runs, 32), k, 32.0, t * 32, (t + 1) * 32):
            if c.verdict == "page":
                heard.setdefault(c.monitor, (t + 1) * 32 - 3_000)

    delays = [heard[i] for i in np.flatnonzero(bad).tolist() if i in heard]
    assert len(delays) == 100
    assert np.mean(delays) <= 330
    assert sum(not bad[i] for i in heard) <= 6


def test_an_onset_is_dated_without_bias() -> None:
    """Median error of the date for .05 -> .10 at event 3,000: 56 events stated; blocks of 16 add half a block."""
    rng = np.random.default_rng(5)
    bank = BernoulliBank(group=np.arange(400), line=0.05, share=1.0, clear_days=1e9, pages=True, phi=1.0, up=True, level_days=1e4)
    dates: dict[int, int] = {}
    for t in range(400):
        k = rng.binomial(16, 0.05 if t * 16 < 3_000 else 0.10, 400)
        for c in bank.window(np.full(400, 16), k, 16.0, t * 16, (t + 1) * 16):
            if c.verdict == "page" and t * 16 >= 3_000:
                dates.setdefault(c.monitor, c.since_ms)

    error = np.array(list(dates.values())) - 3_000
    assert len(error) > 300
    assert np.median(np.abs(error)) <= 90
    assert abs(np.median(error)) <= 40


def test_half_healed_is_not_healed() -> None:
    """A feature that came half-way back stays warned for 60 days; one that came back is quiet within two."""
    rng, size = np.random.default_rng(6), 20
    moved, half = (UNIFORM * (1 + tilt * rank_scores(UNIFORM)[0]) for tilt in (0.9, 0.6))
    heal = stack([rank_heal(UNIFORM, 0.05, 0.05)] * size)
    tables = np.stack([rank_tilt(UNIFORM, 0.05, 0.05)] * size)
    bank = TableBank(tables=tables, share=0.01, clear_days=1.0, pages=False, phi=1.0, heal=heal, level_days=30.0)

    def play(q: NDArray[np.float64], first: int, last: int) -> list[str]:
        return [c.verdict for t in range(first, last) for c in bank.window(rng.multinomial(42, q, size), 1 / 24, t * HOUR, (t + 1) * HOUR)]

    assert play(moved, 0, 240) == ["warning"] * size
    assert "quiet" not in play(half, 240, 240 + 60 * 24)
    assert play(UNIFORM, 1_680, 1_728).count("quiet") >= size - 2


@pytest.mark.parametrize(("shift", "within", "direction"), [(0.6, 520, "up"), (-0.6, 660, "down")])
def test_scores_that_no_longer_mean_what_they_said_are_heard_and_their_return_too(shift: float, within: int, direction: str) -> None:
    """Tolerance .1 in log-odds, N = 1e4 events, blocks of 10: the mean delay; then 20,000 events as before: nearly all are well again."""
    rng, size = np.random.default_rng(7), 50
    bank = calibration_bank(size, 0.1, share=1.0, level_days=1e4, clear_days=1_000.0)
    heard: dict[int, tuple[int, str]] = {}
    for t in range(2_200):
        for c in bank.window(rng.multinomial(10, outcomes(shift if t < 200 else 0.0), size), 10.0, t * 10, (t + 1) * 10):
            if c.verdict == "page":
                heard.setdefault(c.monitor, ((t + 1) * 10, c.direction))

    assert len(heard) == size
    assert np.mean([at for at, _ in heard.values()]) <= within
    assert sum(said == direction for _, said in heard.values()) >= 47
    assert (bank.state() == 2).sum() <= 3


def test_nothing_is_said_while_all_is_well_however_few_events_there_are() -> None:
    """Three right answers a day for two years; credit alone once made four warnings a year of them: "only 100 % are right"."""
    bank = BernoulliBank(group=[0], line=0.01, share=1.0, clear_days=1.0, pages=True, phi=1.0, up=True, level_days=30.0)

    changes = [bank.window([hour % 8 == 0], [0], 1 / 24, hour * HOUR, (hour + 1) * HOUR) for hour in range(2 * 365 * 24)]

    assert not any(changes)
    assert bank.evidence()[0] > 3, "it would be a warning"
