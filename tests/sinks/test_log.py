"""Alerts as log lines."""

import asyncio

from structlog.testing import capture_logs

from anchorwatch.events import Alert
from anchorwatch.sinks.base import Options
from anchorwatch.sinks.log import Log


def test_each_change_is_one_line_and_only_a_firing_one_warns(life: list[Alert]) -> None:
    with capture_logs() as lines:
        asyncio.run(Log(Options("log"), lambda: 0.0).send(life))

    assert [(line["event"], line["state"], line["log_level"]) for line in lines] == [
        ("alert", "firing", "warning"),
        ("alert", "acknowledged", "info"),
        ("alert", "recovering", "info"),
        ("alert", "resolved", "info"),
    ]
    assert lines[0]["summary"] == "a is bad"
