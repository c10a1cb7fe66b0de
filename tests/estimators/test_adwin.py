"""ADWIN: what differs from river."""

import pytest
from river import drift

from anchorwatch.estimators.adwin import ADWIN


def test_it_is_rivers_until_the_first_alarm_and_keeps_its_window_after() -> None:
    ours, rivers = ADWIN(), drift.ADWIN()
    for x in [0, 0, 0, 1] * 200 + [1] * 200:
        ours.update(x)
        rivers.update(x)
        if rivers.drift_detected:
            break
        assert (ours.width, ours.drift_detected) == (rivers.width, False)

    assert ours.drift_detected
    kept = ours.width
    ours.update(1)
    rivers.update(1)
    assert (rivers.width, ours.width) == (1, kept + 1)
    assert kept > 50


def test_it_is_a_river_detector() -> None:
    assert isinstance(ADWIN(), drift.ADWIN)
    assert ADWIN(delta=0.05).clone().delta == 0.05


@pytest.mark.parametrize("settings", [{"delta": -1}, {"delta": 1.0}, {"clock": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        ADWIN(**settings)  # type: ignore[arg-type]


def test_numbers_that_are_no_bits_rebuild_from_their_means() -> None:
    detector, twin = ADWIN(), ADWIN()
    for i in range(1_000):
        detector.update(5.0 + i % 3)
    twin.restore({**detector.snapshot(), "version": "river 0.1"})

    assert twin.level().n == 1_000
    assert twin.level().mean == pytest.approx(6.0, abs=0.1)
