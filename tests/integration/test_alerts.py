"""One alert's way through real processes: topic, webhook, `follow_alerts`, the command line, a restart in its midst, and its end."""

import signal
from collections.abc import Callable
from typing import Any

from tests.integration.ground import Ground, until
from tests.integration.receiver import Receiver
from tests.integration.stream import Stream
from tests.integration.totals import broken, judged, summary
from tests.runtime.installation import Running
from tests.traffic import Fault

from anchorwatch.client import follow_alerts

HOOK = """\
sinks: {{hook: {{kind: webhook, url: "{url}"}}}}
routes: {{default: {{sinks: [hook]}}}}
"""


def quality_alert(there: Ground) -> dict[str, Any]:
    """The newest record of the page about wrong answers in Africa; {} before there is one."""
    alerts = there.told_json("alerts.events")
    mine = [alert for alert in alerts if alert["labels"]["watch"] == "quality" and alert["labels"]["segment"] == "region=af"]
    return mine[-1] if mine and mine[-1]["labels"]["severity"] == "critical" else {}


def in_state(there: Ground, name: str, state: str) -> dict[str, Any]:
    found = [alert for alert in there.told_json("alerts.state") if alert["id"] == name]
    return found[-1] if found and found[-1]["state"] == state else {}


def fault_until_it_pages(there: Ground, running: Running) -> dict[str, Any]:
    stream = Stream(there.kafka, there.prefix, rate=500, fault=Fault(wrong={"af": 0.7}))
    alert: dict[str, Any] = until(lambda: quality_alert(there), what=lambda: running.words)
    fed = stream.end()
    until(lambda: judged(there) == fed, what=lambda: running.words)  # evidence stands still from here on
    return alert


def heard_and_acknowledged(there: Ground, receiver: Receiver) -> dict[str, Any]:
    """The first life of the installation: the fault, the page, a person who takes it; -> the alert as acknowledged."""
    with there.run() as running:
        running.wait_ready()
        name = fault_until_it_pages(there, running)["id"]
        until(lambda: any(loud for _, _, loud in receiver.told(name)), what=lambda: running.words)
        assert name in {one["id"] for one in there.alerts("ls")}
        there.alerts("ack", name, "--actor", "ann", "--reason", "looking")
        acked: dict[str, Any] = until(lambda: in_state(there, name, "acknowledged"), what=lambda: running.words)
        until(lambda: "acknowledged" in {state for _, state, _ in receiver.told(name)}, what=lambda: running.words)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
    return acked


def changes(there: Ground, name: str) -> list[tuple[str, int, str]]:
    """Of one alert in the log."""
    return [(one["id"], one["sequence"], one["state"]) for one in there.told_json("alerts.events") if one["id"] == name]


def test_an_alert_is_heard_acknowledged_kept_over_a_restart_and_resolved(ground: Callable[..., Ground]) -> None:
    with Receiver() as receiver:
        there = ground(more=HOOK.format(url=receiver.url)).prepare()
        acked = heard_and_acknowledged(there, receiver)
        name, told, evidence, heard = acked["id"], changes(there, acked["id"]), evidence_of(summary(there)), len(receiver.bodies)
        with there.run() as running:
            running.wait_ready()
            last = summary(there)["at_ms"]
            until(lambda: summary(there)["at_ms"] > last + 2_000, what=lambda: running.words)
            kept, told_again, evidence_after = in_state(there, name, "acknowledged"), changes(there, name), evidence_of(summary(there))
            heard_again = [body for body in receiver.bodies[heard:] if body["loud"]]
            there.alerts("resolve", name, "--actor", "ann", "--reason", "rolled back")
            resolved = until(lambda: in_state(there, name, "resolved"), what=lambda: running.words)
            until(lambda: receiver.told(name)[-1][1] == "resolved", what=lambda: running.words)
            left = {one["id"] for one in there.alerts("ls")}
        followed = list(
            follow_alerts(there.kafka["bootstrap.servers"], f"{there.prefix}test", prefix=there.prefix, beginning=True, idle_s=4)
        )

    assert (acked["actor"], acked["reason"]) == ("ann", "looking")
    assert (kept["sequence"], told_again, heard_again) == (acked["sequence"], told, [])
    assert evidence_after == evidence
    assert (resolved["actor"], resolved["reason"]) == ("ann", "rolled back")
    assert name not in left
    assert [(one.id, one.sequence, one.state) for one in followed if one.id == name] == changes(there, name)
    assert broken(there) == {}


def evidence_of(told: dict[str, Any]) -> dict[str, float]:
    """Days of evidence per segment, as far as a few quiet seconds leave them alone."""
    return {segment: round(days, 2) for segment, days in zip(told["segments"], told["columns"]["evidence_days"], strict=True) if days > 0.1}
