"""HDDM_A: as river's, with settings looked at."""

import numpy as np
import pytest
from river import drift

from anchorwatch.estimators.hddm_a import HDDMA


def test_it_alarms_and_warns_where_rivers_does() -> None:
    rng = np.random.default_rng(1)
    ours, rivers = HDDMA(two_sided_test=True), drift.binary.HDDMA(two_sided_test=True)

    for x in (rng.random(2_000) < np.repeat([0.1, 0.4], 1_000)).tolist():
        ours.update(x)
        rivers.update(x)
        assert (ours.drift_detected, ours.warning_detected) == (rivers.drift_detected, rivers.warning_detected)


@pytest.mark.parametrize("settings", [{"drift_confidence": 0.0}, {"drift_confidence": 0.1, "warning_confidence": 0.01}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="need 0 < drift"):
        HDDMA(**settings)  # type: ignore[arg-type]
