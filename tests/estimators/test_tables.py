"""Tables are valid exactly up to their line; scores are centred; heals say what the rows say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.estimators.tables import (
    LAM,
    Floats,
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

lines = st.floats(0.001, 0.999)
masses = st.lists(st.floats(0.001, 1), min_size=2, max_size=32).map(lambda w: np.array(w) / np.sum(w))


@given(lines, st.floats(0, 1))
def test_a_bet_on_a_rate_gains_nothing_up_to_its_line(line: float, share: float) -> None:
    """E[L] = 1 on the line, below 1 under it: convexity makes two points enough."""
    table = np.exp(bernoulli(line))

    p = line * share
    assert np.allclose(table @ [1 - line, line], 1)
    assert (table @ [1 - p, p] <= 1 + 1e-12).all()


def test_a_bet_on_a_rate_is_the_formula_of_the_paper() -> None:
    table = bernoulli([0.05, 0.2])

    assert table.shape == (2, 6, 2)
    assert table[1, 3, 1] == pytest.approx(LAM[3] - np.log(1 - 0.2 + 0.2 * np.exp(LAM[3])))


def test_a_line_of_nought_still_forgives_one_slip() -> None:
    assert np.isfinite(bernoulli([0.0, 1.0])).all()


@given(st.floats(0.05, 0.95), st.floats(0, 1), st.floats(0, 1))
def test_a_promise_of_f1_gains_nothing_while_f1_is_kept(f: float, tp: float, fp: float) -> None:
    """F1 >= f is the same as a mean of (TP 2-2f, FP -f, FN -f, TN 0) of at least 0."""
    values = np.array([2 - 2 * f, -f, -f, 0])
    wrong = 1 - tp
    q = np.array([tp, wrong * fp, wrong * (1 - fp), 0])
    f1 = 2 * q[0] / max(2 * q[0] + q[1] + q[2], 1e-12)

    factor = np.exp(promise(values)) @ q
    assert (factor <= 1 + 1e-9).all() == (f1 >= f - 1e-9) or abs(f1 - f) < 1e-6


def test_a_promise_that_nothing_could_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="lower the promise"):
        promise([0.0, -1.0, -1.0, 0.0])


@given(masses)
def test_the_scores_of_a_reference_are_centred_under_it(q: Floats) -> None:
    z, p2 = rank_scores(q)

    assert np.dot(q, z) == pytest.approx(0, abs=1e-9)
    assert np.dot(q, p2) == pytest.approx(0, abs=1e-9)
    assert (np.abs(z) <= 1).all()
    assert ((p2 >= -0.5 - 1e-12) & (p2 <= 1 + 1e-12)).all()


@given(masses, st.floats(0, 0.1), st.floats(0, 0.1), st.integers(0, 2**32 - 1))
def test_a_rank_table_gains_nothing_inside_its_tolerances(q: Floats, within: float, within2: float, seed: int) -> None:
    table, (z, p2) = np.exp(rank_tilt(q, within, within2)), rank_scores(q)
    live = q + (np.random.default_rng(seed).dirichlet(np.ones(len(q))) - q) * 0.1

    if abs(live @ z) <= 2 * within and abs(live @ p2) <= within2:
        assert (table @ live <= 1 + 1e-12).all()
    assert (table @ q <= 1 + 1e-12).all()


def test_place_and_spread_rows_answer_to_their_own_tolerance() -> None:
    """Everything one bin of two to the right: E[z] = .5, P2 as before."""
    table = np.exp(rank_tilt([0.5, 0.5], p_within=0.25))

    live = np.array([0.0, 1.0])  # E[2u - 1] = .5 = 2 x .25: exactly on the line
    assert np.allclose(table[0:8:2] @ live, 1)


@given(masses, st.floats(0, 0.1), st.floats(0, 0.1), st.integers(0, 2**32 - 1))
def test_a_row_gains_in_the_mean_exactly_where_its_score_is_beyond_its_line(q: Floats, within: float, within2: float, seed: int) -> None:
    """`Heal` speaks about the same null as the table, whichever direction the row has."""
    live = np.random.default_rng(seed).dirichlet(np.ones(len(q)))
    heal, factor = rank_heal(q, within, within2), np.exp(rank_tilt(q, within, within2)) @ live

    mean = (heal.score[0] @ live)[heal.of_row]
    beyond = np.where(heal.up, mean, 1 - mean) - heal.line[0]
    clear = np.abs(beyond) > 1e-9
    assert ((factor > 1) == (beyond > 0))[clear].all()


def test_a_promise_heals_by_its_values_rescaled() -> None:
    heal = promise_heal([0.6, -0.7, -0.7, 0.0])

    assert heal.score[0, 0] == pytest.approx([1, 0, 0, 0.7 / 1.3])
    assert heal.line[0] == pytest.approx([0.6 / 1.3] * 6)
    assert not heal.up.any()


def test_narrow_monitors_are_padded_when_stacked() -> None:
    heal = stack([rank_heal([0.5, 0.5]), rank_heal([0.2, 0.3, 0.5])])

    assert heal.score.shape == (2, 2, 3)
    assert heal.score[0, :, 2].tolist() == [0, 0]


rates = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=20).map(np.array)


def cells(mix: Floats, rate: Floats) -> Floats:
    """float64[2 B]: the law of (bin, outcome)."""
    return np.stack([mix * (1 - rate), mix * rate], axis=1).reshape(-1)


@given(rates, st.floats(0, 0.5), st.floats(-1, 1), st.integers(0, 2**32 - 1))
def test_a_calibration_table_gains_nothing_while_each_bin_is_within_its_tolerance(r: Floats, within: float, part: float, seed: int) -> None:
    """Any mix of the bins, each rate moved by up to the tolerance in log-odds."""
    rng = np.random.default_rng(seed)
    mix = rng.dirichlet(np.ones(len(r)))
    moved = 1 / (1 + np.exp(-np.log(r / (1 - r)) - within * part * rng.random(len(r))))

    table = np.exp(calibration(r, within))
    assert (table @ cells(mix, moved) <= 1 + 1e-12).all()
    assert (table @ cells(mix, r) <= 1 + 1e-12).all()


def test_a_calibration_table_is_a_rate_table_per_bin() -> None:
    r = np.array([0.1, 0.6])
    table = calibration(r)

    assert np.allclose(table[:6, 2:], bernoulli(0.6))
    assert np.allclose(table[6:, :2], bernoulli(0.9)[:, ::-1])  # more rarely is the mirrored table


@given(rates, st.floats(0, 0.5), st.floats(0.001, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_bins_beyond_their_tolerance_are_beyond_the_line_of_their_heal(r: Floats, within: float, more: float, up: bool, seed: int) -> None:
    """Whatever the mix: so "still beyond" is a null that the mirrored detector can test."""
    mix = np.random.default_rng(seed).dirichlet(np.ones(len(r)))
    logit = np.log(r / (1 - r)) + (within + more) * (1 if up else -1)
    live, heal = cells(mix, 1 / (1 + np.exp(-logit))), calibration_heal(r, within)

    row = 0 if up else 6
    mean, calm = (float(heal.score[0, heal.of_row[row]] @ law) for law in (live, cells(mix, r)))
    line = heal.line[0, row]
    assert (mean if up else 1 - mean) >= line - 1e-9
    assert (calm if up else 1 - calm) <= line + 1e-9
    assert ((heal.score >= -1e-12) & (heal.score <= 1 + 1e-12)).all()


def test_tables_of_two_kinds_are_not_stacked() -> None:
    with pytest.raises(ValueError, match="a bank of its own"):
        stack([rank_heal([0.5, 0.5]), calibration_heal([0.5])])
