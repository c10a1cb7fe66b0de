"""The arithmetic under the banks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.errors import StateCorrupt
from anchorwatch.estimators.rows import Rows, six_digits
from anchorwatch.estimators.tables import bernoulli

gains = st.lists(st.floats(-5, 5), min_size=1, max_size=40)


def fed(gain: list[float], columns: int = 1) -> Rows:
    rows = Rows(1, columns)
    for t, g in enumerate(gain):
        rows.add(np.full((1, columns), g), np.ones(columns), np.full(columns, 10.0), np.full(columns, 3.0), t * 1_000)
    return rows


@given(gains)
def test_evidence_is_the_sum_over_all_beginnings(gain: list[float]) -> None:
    """M = sum over s of exp(gain_s + .. + gain_now): Shiryaev-Roberts, written out."""
    assert fed(gain).m[0, 0] == pytest.approx(sum(np.exp(sum(gain[s:])) for s in range(len(gain))), rel=1e-9)


@given(gains)
def test_the_date_is_the_last_window_before_which_nothing_had_gathered(gain: list[float]) -> None:
    w, since, n = 0.0, 0, 0
    for t, g in enumerate(gain):
        since, n = (since, n) if w > 0 else (t * 1_000, 0)
        w, n = max(w + g, 0.0), n + 10

    rows = fed(gain)
    assert (rows.since[0, 0], rows.n[0, 0], rows.k[0, 0]) == (since, n, n * 3 / 10)


def test_what_overflows_is_capped_and_what_underflows_begins_again() -> None:
    assert fed([1e9, 1e9]).m[0, 0] == 1e300
    assert fed([1e9, -1e9, 0.0]).m[0, 0] == 1.0


def test_the_loudest_of_equal_ones_is_the_one_that_gathered_longest() -> None:
    rows = Rows(2, 2)
    rows.m[:] = [[5, 7], [7, 7]]
    rows.w[:] = [[9, 1], [3, 2]]

    assert rows.loudest(0, 2) == (1, 0)
    assert rows.loudest(0, 2, by_w=True) == (0, 0)
    assert rows.loudest(1, 2) == (1, 1)


def test_columns_come_and_go() -> None:
    rows = fed([1.0], columns=3)
    rows.m[0] = [1, 2, 3]
    rows.keep(np.array([True, False, True]))
    rows.grow(1)

    assert rows.m[0].tolist() == [1, 3, 0]
    assert rows.buffer.shape == (1, 3)


@pytest.mark.parametrize(
    "broken", [{}, {"rows": np.zeros((5, 1, 2))}, {"rows": np.zeros((5, 1, 1), int)}, {"rows": np.full((5, 1, 1), np.inf)}]
)
def test_state_that_does_not_fit_is_refused(broken: dict[str, np.ndarray]) -> None:
    with pytest.raises(StateCorrupt, match="expected finite"):
        Rows(1, 1).restore(broken, "rows")


def test_six_digits_are_six_digits() -> None:
    x = np.array([0.0, 1234567.0, 0.000123456789, 9.9999999, 5e11, 1e300])

    assert six_digits(x).tolist() == [0.0, 1234570.0, 0.000123457, 10.0, 5e11, 1e12]


@pytest.mark.parametrize(("line", "after", "block"), [(0.05, 0.07, 32), (0.05, 0.10, 16), (0.06, 0.20, 4), (0.06, 0.08, 32)])
def test_the_interval_of_an_onset_holds_the_change(line: float, after: float, block: int) -> None:
    """From .05 at event 3,000; 300 monitors, .88 and more stated, four standard errors of that are allowed. Events stand for ms."""
    rng, size, table = np.random.default_rng(5), 300, bernoulli(line)
    rows, told, held, wide = Rows(6, size), np.zeros(size, np.bool_), 0, []
    for t in range(0, 40_000, block):
        k = rng.binomial(block, 0.05 if t < 3_000 else after, size).astype(float)
        every = np.full(size, float(block))
        rows.add(table[:, :1] * (block - k) + table[:, 1:] * k, every, every, k, t)
        alarm = rows.m.mean(0) >= 1e4
        for i in np.flatnonzero(alarm & ~told & (t >= 3_000)).tolist():
            low, high = rows.onset(i, i + 1, t + block)
            held += low <= 3_000 + block and high >= 3_000 - block
            wide.append(high - low)
            told[i] = True
        rows.zero(alarm)

    assert len(wide) > 250
    assert held / len(wide) >= 0.88 - 4 * np.sqrt(0.88 * 0.12 / len(wide))
    assert np.median(wide) > 0
