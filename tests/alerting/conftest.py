"""What the tests of alerting are built from: signals of one model, windows of ten seconds."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.alerting.saying import SECOND, T0, Say

from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import Signal
from anchorwatch.events import Alert


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


@pytest.fixture
def say(fraud: ModelAlerts, signal: Callable[..., Signal]) -> Say:
    """Signals of the window that ends so many ms after T0; the wall's clock says the same."""

    def speak(after_ms: int, *changes: dict[str, Any]) -> list[Alert]:
        end = T0 + after_ms
        return fraud.window((end - 10 * SECOND, end), [signal(**change) for change in changes], {}, end)

    return speak
