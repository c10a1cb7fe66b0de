"""The checks themselves: what breaks a promise is caught."""

import math
from collections import deque
from collections.abc import Callable

import pytest
from river import drift

from anchorwatch.estimators import checks
from anchorwatch.estimators.adwin import ADWIN
from anchorwatch.estimators.base import Plain, Stated


class Deaf(ADWIN):
    """Lets NaN in, as river does; forgets at restore."""

    stated = Stated(false_per_10k=0.0, before=0.05, after=0.2, within=20, bytes_max=10)

    def update(self, x: float) -> None:
        drift.ADWIN.update(self, x)

    def _state(self) -> dict[str, Plain]:
        return {"mean": math.nan}

    def _load(self, state: object) -> None:
        self._blocks = deque(maxlen=64)


@pytest.mark.parametrize(
    "check",
    [
        checks.check_refuses_what_is_not_finite,
        checks.check_works_after_a_refusal,
        checks.check_snapshot_is_plain_finite_data,
        checks.check_restored_twin_has_the_same_future,
        checks.check_refuses_what_is_no_snapshot,
        checks.check_state_is_bounded,
        checks.check_sees_its_stated_change_within_its_stated_delay,
        checks.check_cites_its_source_its_cost_and_its_guarantee,
    ],
    ids=lambda check: check.__name__,
)
def test_a_thin_wrapper_around_river_breaks_the_promises(check: Callable[[checks.Kind], None]) -> None:
    with pytest.raises(AssertionError):
        check(Deaf)


def test_the_bound_of_a_rate_is_the_poisson_quantile() -> None:
    """P(X > 10 | mean 3.5) = .001; P(X > 0 | 0) = 0."""
    stats = pytest.importorskip("scipy.stats")

    assert [checks._poisson_upper(m) for m in (0.0, 0.4, 3.5, 20)] == [int(stats.poisson.ppf(0.999, m)) for m in (0.0, 0.4, 3.5, 20)]
