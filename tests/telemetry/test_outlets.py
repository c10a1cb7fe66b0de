"""telemetry/outlets.py: the standard variables mean what they mean elsewhere."""

import pytest

from anchorwatch.errors import ConfigError
from anchorwatch.telemetry import outlets

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def test_without_an_endpoint_nothing_goes_anywhere() -> None:
    read = outlets.read({})

    assert not read.any
    assert (read.queue_max, read.delay_s, read.interval_s) == (8_192, 1.0, 15.0)


@pytest.mark.parametrize(
    ("environ", "traces", "metrics"),
    [
        (ENDPOINT, "http://collector:4318", "http://collector:4318"),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"}, "", ""),
        (ENDPOINT | {"OTEL_METRICS_EXPORTER": "none"}, "http://collector:4318", ""),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "none"}, "http://collector:4318", ""),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://jaeger/v1/traces"}, "https://jaeger/v1/traces", ""),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://prom/otlp"}, "http://collector:4318", "http://prom/otlp"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http://collector:4318", "http://collector:4318"),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "", ""),
    ],
)
def test_each_signal_has_its_endpoint(environ: dict[str, str], traces: str, metrics: str) -> None:
    read = outlets.read(environ)

    assert (read.traces, read.metrics) == (traces, metrics)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, r"OTEL_EXPORTER_OTLP_PROTOCOL is grpc.*4318"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, r"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is http/json"),
        ({"OTEL_TRACES_EXPORTER": "console"}, r"OTEL_TRACES_EXPORTER is console.*none"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, r"collector:4317: begin it with http"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "soon"}, r"OTEL_METRIC_EXPORT_INTERVAL is soon.*15000"),
        ({"OTEL_BSP_SCHEDULE_DELAY": "0"}, r"OTEL_BSP_SCHEDULE_DELAY is 0"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "nan"}, r"OTEL_BSP_MAX_QUEUE_SIZE is nan"),
    ],
)
def test_what_we_do_not_speak_is_refused_with_the_next_step(environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        outlets.read(ENDPOINT | environ)


def test_a_signal_s_own_protocol_comes_before_the_general_one() -> None:
    own = {f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL": "http/protobuf" for signal in ("TRACES", "METRICS")}

    assert outlets.read(ENDPOINT | own | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}).any
