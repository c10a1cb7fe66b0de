"""Where does telemetry go? What OpenTelemetry's standard variables ask for; nowhere when none of them names an endpoint."""

from collections.abc import Mapping
from typing import NamedTuple

from anchorwatch.errors import ConfigError

TIMEOUT_S = 3.0  # of one request with its retries; the SDK's 10 s would let a dead endpoint hold up the queue for as long
PROTOCOL = "http/protobuf"


class Outlets(NamedTuple):
    traces: str  # endpoint for people to read; "" sends none
    metrics: str
    queue_max: int  # spans
    delay_s: float  # between two rounds of sending spans
    interval_s: float  # between two exports of metrics

    @property
    def any(self) -> bool:
        return bool(self.traces or self.metrics)


def read(environ: Mapping[str, str]) -> Outlets:
    """The stock exporters read headers, certificates and compression by themselves. Raises ConfigError for what we do not speak."""
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return Outlets(
        traces="" if off else _endpoint(environ, "TRACES"),
        metrics="" if off else _endpoint(environ, "METRICS"),
        queue_max=int(_number(environ, "OTEL_BSP_MAX_QUEUE_SIZE", 8_192)),
        delay_s=_number(environ, "OTEL_BSP_SCHEDULE_DELAY", 1_000) / 1_000,
        interval_s=_number(environ, "OTEL_METRIC_EXPORT_INTERVAL", 15_000) / 1_000,
    )


def _endpoint(environ: Mapping[str, str], signal: str) -> str:
    endpoint = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or ""
    exporter = f"OTEL_{signal}_EXPORTER"
    chosen = environ.get(exporter, "").strip() or "otlp"
    if chosen == "none" or not endpoint:
        return ""
    if chosen != "otlp":
        raise ConfigError(f"{exporter} is {chosen}: Anchorwatch sends {signal.lower()} by otlp or none; unset it, or scrape /metrics")
    for variable in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = environ.get(variable, "").strip()
        if protocol == PROTOCOL:
            break
        if protocol:
            raise ConfigError(
                f"{variable} is {protocol}: Anchorwatch speaks {PROTOCOL}; set it so, with the collector's port for HTTP (4318)"
            )
    if not endpoint.startswith(("http://", "https://")):
        raise ConfigError(f"the OTLP endpoint for {signal.lower()} is {endpoint}: begin it with http:// or https://")
    return endpoint


def _number(environ: Mapping[str, str], variable: str, otherwise: float) -> float:
    text = environ.get(variable, "").strip()
    try:
        value = float(text) if text else otherwise
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ConfigError(f"{variable} is {text}: give a number above 0, or unset it for {otherwise:g}")
    return value
