"""The contract's own parts: spreading counts, refusing, finding."""

import pytest

from anchorwatch.errors import NotFinite
from anchorwatch.estimators.adwin import ADWIN
from anchorwatch.estimators.base import FEED_MAX, load
from anchorwatch.estimators.hddm_a import HDDMA


class Listening(ADWIN):
    """Keeps what it was fed."""

    def _step(self, x: float) -> None:
        self.heard = [*getattr(self, "heard", []), x]


def test_ones_are_spread_evenly_over_a_count() -> None:
    detector = Listening()
    detector.feed(10, 3)

    assert detector.heard == [0, 0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_a_flood_is_thinned_in_proportion() -> None:
    detector = Listening()
    detector.feed(5_000_000, 1_000_000)

    assert (len(detector.heard), sum(detector.heard)) == (FEED_MAX, FEED_MAX / 5)


def test_a_value_outside_of_the_range_is_refused_with_the_range() -> None:
    with pytest.raises(NotFinite, match=r"HDDMA.update\(2\): needs a finite number in 0.0..1.0"):
        HDDMA().update(2)


def test_a_detector_is_loaded_by_the_name_of_its_file() -> None:
    assert load("hddm_a") is HDDMA
