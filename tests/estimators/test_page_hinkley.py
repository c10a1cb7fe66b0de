"""Page-Hinkley: as river's, with settings looked at."""

import numpy as np
import pytest
from river import drift

from anchorwatch.estimators.page_hinkley import PageHinkley


def test_it_alarms_where_rivers_does() -> None:
    rng = np.random.default_rng(1)
    ours, rivers = PageHinkley(threshold=20), drift.PageHinkley(threshold=20)

    for x in np.concatenate([rng.normal(0, 1, 500), rng.normal(1, 1, 500)]).tolist():
        ours.update(x)
        rivers.update(x)
        assert ours.drift_detected == rivers.drift_detected


@pytest.mark.parametrize("settings", [{"threshold": 0}, {"threshold": float("nan")}, {"alpha": 1.5}, {"mode": "sideways"}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"need|mode"):
        PageHinkley(**settings)  # type: ignore[arg-type]
