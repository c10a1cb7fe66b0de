"""The way back: only a dated return with enough events ends what was beyond its line."""

import numpy as np
import pytest

from anchorwatch.errors import StateCorrupt
from anchorwatch.estimators.healing import Healing

HOUR = 3_600_000


def watched(count: int = 1, phi: float = 1.0) -> Healing:
    heal, at = Healing(np.full(count, 30.0), np.full(count, 0.1)), np.arange(count)
    heal.begin(at, at, np.zeros(count, np.int64))
    heal.tune(np.full(count, 0.10), np.full(count, phi))
    return heal


def days_until(heal: Healing, n: int, bad: float, target: float, last: int = 2_000) -> float | None:
    for t in range(last):
        evidence, inside = heal.window(np.array([float(n)]), np.array([bad]), 1 / 24, t * HOUR)
        if inside[0] and evidence[0] >= target:
            return (t + 1) / 24
    return None


def test_health_is_believed_within_days_and_a_lasting_fault_never() -> None:
    assert (days_until(watched(), 40, 1.0, 1.0) or 99) < 1.5
    assert days_until(watched(), 40, 6.0, 1.0) is None


def test_a_month_of_fault_does_not_delay_the_return() -> None:
    """A plain e-process would have to win the month back first."""
    heal = watched()
    assert days_until(heal, 40, 12.0, 1.0, last=720) is None

    assert (days_until(heal, 40, 1.0, 1.0) or 99) < 1.5


def test_clumped_events_need_more_of_them() -> None:
    def first_inside(phi: float) -> int:
        heal = watched(phi=phi)
        return next(t for t in range(1_000) if heal.window(np.array([10.0]), np.array([0.0]), 1 / 24, t)[1][0])

    assert first_inside(1.0) == 2
    assert first_inside(5.0) == 14


def test_an_empty_window_says_nothing() -> None:
    heal = watched()
    for t in range(100):
        evidence, inside = heal.window(np.zeros(1), np.zeros(1), 1.0, t)

    assert (evidence[0], inside[0]) == (0.0, False)


def test_what_ends_leaves_the_others_as_they_were() -> None:
    heal, alone = watched(3), watched(1)
    for t in range(5):
        heal.window(np.full(3, 20.0), np.array([9.0, 1.0, 9.0]), 1 / 24, t)
        alone.window(np.full(1, 20.0), np.array([1.0]), 1 / 24, t)
    heal.end(heal.monitor != 1)

    assert heal.monitor.tolist() == [1]
    assert (heal.rows.data == alone.rows.data).all()
    assert heal.nbytes < 400


def test_beginning_again_forgets_the_return_so_far() -> None:
    heal = watched(2)
    heal.window(np.full(2, 50.0), np.zeros(2), 1.0, 0)
    heal.begin(np.array([0]), np.array([0]), np.array([0]))

    assert heal.monitor.tolist() == [1, 0]
    assert heal.rows.m[:, 1].tolist() == [0.0] * 6
    assert (heal.rows.m[:, 0] > 0).all()


def test_state_of_another_bank_is_refused() -> None:
    good = watched(2).snapshot()
    other = Healing(np.full(1, 30.0), np.full(1, 0.1))

    for broken in (good, {}, good | {"heal.rows": np.zeros((5, 6, 1))}):
        with pytest.raises(StateCorrupt):
            other.restore(broken, 6, 1)
    assert len(other.monitor) == 0
