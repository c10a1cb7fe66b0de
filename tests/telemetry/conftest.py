"""An endpoint that is really there, and an environment in which only the test speaks of OpenTelemetry."""

import os
from collections.abc import Iterator

import pytest
from tests.telemetry.otlp_sink import OtlpSink


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(variable)


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpSink]:
    """Named by the standard variable, asked often."""
    with OtlpSink() as there:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", there.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
        yield there
