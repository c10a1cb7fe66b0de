"""The mathematics as mathematics: bets nobody can expect to win, whatever the block, the split, the restart, the moment one stops."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.estimators.bank import BernoulliBank, TableBank
from anchorwatch.estimators.calibration import Floats
from anchorwatch.estimators.healing import Healing
from anchorwatch.estimators.rows import Rows
from anchorwatch.estimators.tables import (
    bernoulli,
    calibration,
    calibration_heal,
    promise,
    promise_heal,
    rank_heal,
    rank_scores,
    rank_tilt,
    stack,
)

DAY = 86_400_000
UNIFORM: Floats = np.full(32, 1 / 32)
F1_70 = np.array([0.6, -0.7, -0.7, 0.0])
RATES = np.array([0.05, 0.3, 0.8])
MIX = np.array([0.6, 0.3, 0.1])


def tilted(within: float) -> Floats:
    z, _ = rank_scores(UNIFORM)
    q: Floats = UNIFORM * (1 + 2 * within / float(np.mean(z * z)) * z)
    return q


def moved(rates: Floats, within: float) -> Floats:
    """The law of (bin, outcome) with every rate at the end of its tolerance."""
    logit = np.log(rates / (1 - rates)) + within
    p = 1 / (1 + np.exp(-logit))
    return np.stack([MIX * (1 - p), MIX * p], axis=1).reshape(-1)


# name: (table, the law of its symbols at the very end of what is fine)
NULLS: dict[str, tuple[Floats, Floats]] = {
    "rate": (bernoulli(0.05), np.array([0.95, 0.05])),
    "F1 as promised": (promise(F1_70), np.array([0.35, 0.15, 0.15, 0.35])),
    "money at nought": (promise([2.0, -1.0]), np.array([1 / 3, 2 / 3])),
    "ranks at their tolerance": (rank_tilt(UNIFORM, 0.03, 0.03), tilted(0.03)),
    "calibration at its tolerance": (calibration(RATES, 0.2), moved(RATES, 0.2)),
}


@pytest.mark.parametrize("name", sorted(NULLS))
@pytest.mark.parametrize("events", [1, 5])
def test_a_product_of_gains_has_a_mean_of_at_most_one(name: str, events: int) -> None:
    """40,000 products of independent events, within four standard errors; the best bet is not far below: the law is the edge."""
    table, law = NULLS[name]
    counts = np.random.default_rng(1).multinomial(events, law, 40_000)
    products = np.exp(counts @ table.T)

    mean, error = products.mean(0), products.std(0) / 200
    assert (mean - 4 * error <= 1).all()
    assert (np.exp(table) @ law <= 1 + 1e-12).all()
    assert (np.exp(table) @ law).max() > 0.99


@pytest.mark.parametrize("name", sorted(NULLS))
def test_evidence_at_any_moment_one_stops_is_at_most_the_credit_given(name: str) -> None:
    """A gambler who stops as soon as M is twice the credit so far, or at the end: E[M - credit] <= 0 over 4,000 streams."""
    table, law = NULLS[name]
    rng, size = np.random.default_rng(2), 4_000
    rows = Rows(len(table), size)
    gain_of: Floats = table.T
    taken, credit = np.full(size, np.nan), 0.0
    for _ in range(60):
        counts = rng.multinomial(3, law, size)
        rows.add(np.ascontiguousarray((counts @ gain_of).T), np.full(size, 3.0), np.full(size, 3.0), np.zeros(size), 0)
        credit += 3
        m = rows.m.mean(0)
        stop = np.isnan(taken) & (m >= 2 * credit)
        taken[stop] = m[stop] - credit
    taken = np.where(np.isnan(taken), rows.m.mean(0) - credit, taken)

    assert taken.mean() - 4 * taken.std() / np.sqrt(size) <= 0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=60), st.floats(0.02, 0.9))
def test_a_block_is_its_events_with_the_credit_at_its_beginning(bits: list[int], line: float) -> None:
    """Whatever their order. An event form that gets its credit event by event differs in where a restart may begin, in nothing else."""
    rows, block = Rows(6, 1), Rows(6, 1)
    table, n = bernoulli(line), len(bits)
    for i, x in enumerate(bits):
        rows.add(table[:, x : x + 1].copy(), np.array([float(n) if i == 0 else 0.0]), np.ones(1), np.array([float(x)]), i)
    gain = table[:, :1] * (n - sum(bits)) + table[:, 1:] * sum(bits)
    block.add(gain.copy(), np.array([float(n)]), np.array([float(n)]), np.array([float(sum(bits))]), 0)

    assert block.m == pytest.approx(rows.m)
    assert block.w == pytest.approx(np.maximum(gain, 0.0))


def banks() -> tuple[BernoulliBank, TableBank, TableBank]:
    shared: dict[str, Any] = {"share": 1.0, "clear_days": 1.0, "pages": True, "phi": 1.0, "level_days": 30.0}
    rates = BernoulliBank(group=[0, 1, 1], line=[0.1, 0.06, 0.97], up=[True, True, False], **shared)
    ranks = TableBank(tables=rank_tilt(UNIFORM, 0.03, 0.03)[None], heal=rank_heal(UNIFORM, 0.03, 0.03), **shared)
    bins = TableBank(tables=calibration(RATES, 0.2)[None], heal=calibration_heal(RATES, 0.2), **shared)
    return rates, ranks, bins


def feed(three: tuple[BernoulliBank, TableBank, TableBank], counts: tuple[Any, Any, Any], day: int) -> list[Any]:
    when = (1.0, day * DAY, (day + 1) * DAY)
    n, k = counts[0]
    return [three[0].window(n, k, *when), three[1].window(counts[1], *when), three[2].window(counts[2], *when)]


def drawn(rng: np.random.Generator, bad: bool) -> tuple[Any, Any, Any]:
    n = rng.integers(0, 200, 3)
    law = moved(RATES, 1.0 if bad else 0.0)
    return (
        (n, rng.binomial(n, 0.25 if bad else 0.04)),
        rng.multinomial(90, tilted(0.1 if bad else 0.0))[None],
        rng.multinomial(80, law)[None],
    )


def parts(rng: np.random.Generator, counts: Any, tasks: int) -> list[Any]:
    """The same counts as so many tasks' blocks, in any order."""
    whole = np.asarray(counts)
    pieces, left = [], whole.copy()
    for _ in range(tasks - 1):
        piece = rng.integers(0, left + 1)
        left = left - piece
        pieces.append(piece)
    return [*pieces, left]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_how_a_windows_counts_are_split_over_blocks_and_tasks_changes_no_bit(seed: int, tasks: int) -> None:
    rng, split = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    one, other = banks(), banks()
    for day in range(12):
        (n, k), ranks, bins = drawn(rng, bad=day > 5)
        added = [sum(reversed(parts(split, c, tasks))) for c in (k, n - k, ranks, bins)]
        first = feed(one, ((n, k), ranks, bins), day)
        second = feed(other, ((added[0] + added[1], added[0]), added[2], added[3]), day)
        assert first == second

    for a, b in zip(one, other, strict=True):
        assert all(np.array_equal(v, b.snapshot()[name]) for name, v in a.snapshot().items())


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 29))
def test_a_state_restored_at_any_window_has_the_same_future_to_the_last_bit(seed: int, at: int) -> None:
    """Ten quiet days, ten bad ones, ten quiet ones; lines move each day, as those of a season do."""
    rng, one, two = np.random.default_rng(seed), banks(), banks()
    for day in range(30):
        if day == at:
            for old, new in zip(one, two, strict=True):
                new.restore(old.snapshot())
        line = np.array([0.1, 0.06, 0.97]) + 0.02 * np.sin(day)
        one[0].move_lines(line)
        two[0].move_lines(line)
        counts = drawn(rng, bad=10 <= day < 20)
        told = feed(one, counts, day)
        if day >= at:
            assert feed(two, counts, day) == told

    for a, b in zip(one, two, strict=True):
        assert all(np.array_equal(v, b.snapshot()[name]) for name, v in a.snapshot().items())


@pytest.mark.parametrize("kind", ["rate", "promise", "calibration"])
def test_the_evidence_for_a_return_has_a_mean_of_at_most_the_credit_while_the_fault_lasts(kind: str) -> None:
    """The mirrored detector at the very edge of the fault: 20,000 monitors, three days of credit, within four standard errors."""
    heal = {"promise": promise_heal(F1_70), "calibration": calibration_heal(RATES, 0.2)}.get(kind)
    score = np.array([0.0, 1.0]) if heal is None else heal.score[0, 0] if heal.up[0] else 1 - heal.score[0, 0]
    line = 0.05 if heal is None else float(heal.line[0, 0])
    law = {"rate": np.array([0.95, 0.05]), "promise": np.array([0.35, 0.15, 0.15, 0.35]), "calibration": moved(RATES, 0.2)}[kind]
    rng, size = np.random.default_rng(3), 20_000
    healing = Healing(np.full(size, 30.0), np.full(size, 0.1))
    every = np.arange(size)
    healing.begin(every, every, np.zeros(size, np.int64))
    healing.tune(np.full(size, line), np.ones(size))
    assert float(law @ score) == pytest.approx(line)
    for day in range(3):
        counts = rng.multinomial(4, law, size)
        evidence, _ = healing.window(counts.sum(1).astype(float), counts @ score, 1.0, day * DAY)

    assert evidence.mean() - 4 * evidence.std() / np.sqrt(size) <= 3.0


def test_the_mirrored_bets_on_bins_are_fair_while_each_bin_is_beyond_its_tolerance() -> None:
    """Both ways, exactly at the tolerance and beyond it, whatever the mix."""
    gain = calibration_heal(RATES, 0.2).gain
    assert gain is not None
    for way, sign in ((0, 1), (1, -1)):
        assert np.exp(gain[0, way]) @ moved(RATES, 0.2 * sign) == pytest.approx(np.ones(6))
        assert (np.exp(gain[0, way]) @ moved(RATES, 0.5 * sign) < 1).all()
        assert (np.exp(gain[0, way]) @ moved(RATES, 0.0)).max() > 1


def test_a_monitors_evidence_does_not_depend_on_its_neighbours() -> None:
    """Gains are added symbol by symbol: by a matrix product the last bits would change with the size of the bank."""
    rng = np.random.default_rng(4)
    tables, heal = rank_tilt(UNIFORM, 0.03, 0.03), rank_heal(UNIFORM, 0.03, 0.03)

    def bank(size: int) -> TableBank:
        shared: dict[str, Any] = {"share": 1.0, "clear_days": 1.0, "pages": True, "phi": 1.0, "level_days": 1e6}
        return TableBank(tables=np.stack([tables] * size), heal=stack([heal] * size), **shared)

    alone, among = bank(1), bank(37)
    for day in range(40):
        counts = rng.multinomial(500, tilted(0.04), 37)
        alone.window(counts[5:6], 1.0, day * DAY, (day + 1) * DAY)
        among.window(counts, 1.0, day * DAY, (day + 1) * DAY)

    assert np.array_equal(alone.snapshot()["rows"][:, :, 0], among.snapshot()["rows"][:, :, 5])
