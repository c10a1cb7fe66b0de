"""What the tests of alerting are built from: signals of one model, windows of ten seconds."""

from collections.abc import Callable
from typing import Any

import pytest

from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import Signal

T0 = 1_795_338_720_000  # 2026-11-22T09:12:00Z


def make_signal(**changes: Any) -> Signal:
    fields: dict[str, Any] = {
        "watch": "quality",
        "subject": "f1",
        "segment": "whole",
        "verdict": "page",
        "name": "QualityDrop",
        "severity": "critical",
        "harm": True,
        "summary": "f1 is 0.61 (was 0.74).",
        "since_ms": T0,
        "onset": (T0 - 20_000, T0 + 20_000),
    }
    return Signal(**{**fields, **changes})


@pytest.fixture
def signal() -> Callable[..., Signal]:
    """A page of quality on the whole of fraud in prod since 09:12; keywords change fields."""
    return make_signal


@pytest.fixture
def fraud() -> ModelAlerts:
    """Owned by risk-ml; the head of risk is told after 30 minutes."""
    owner = {
        "team": "group:default/risk-ml",
        "tuner": "user:default/ann",
        "runbook": "https://wiki.example/fraud",
        "escalation": [{"to": "risk-oncall", "after": 0}, {"to": "head-of-risk", "after": 1_800_000}],
    }
    return ModelAlerts("prod", "fraud", owner, links_base="https://watch.example")
