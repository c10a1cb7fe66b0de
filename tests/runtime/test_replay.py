"""Kafka and in-process agree on every byte of the findings."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from tests.conftest import Kafka
from tests.runtime.loans import LOANS, Fault, T, events, flag

from anchorwatch.config import Settings, load
from anchorwatch.runtime.backtest import backtest, plan
from anchorwatch.runtime.drive import Clockwork, Event
from anchorwatch.runtime.replay import Trial, replay
from anchorwatch.runtime.report_table import findings_json

SECOND = Clockwork(window_ms=1_000, lateness_ms=500)
APP = str(Path(__file__).parents[2] / "app")


def settings_of(kafka: Kafka) -> Settings:
    return load(None, {}, {f"kafka.{name}": str(value) for name, value in kafka.client.items()})


def troubles() -> list[Event]:
    """A region goes wrong, a field is renamed, another retyped, the model falls silent, comes back, and is switched off."""
    found = events(3_000, T, 3, Fault(T + 10_000, renamed=True, wrong_in="us"))
    found += events(1_500, T + 60_000, 4, Fault(T + 65_000, retyped=True))
    found += [flag(T + 70_000, "off"), flag(T + 74_000, "on")]
    return sorted(found, key=lambda event: (event.at_ms, event.role == "outcomes"))


@pytest.mark.timeout(240)
def test_replay_and_backtest_give_the_same_findings(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 partitions, 2 ingest workers, 1 judge; every kind of finding. Nothing stays behind."""
    monkeypatch.setenv("PYTHONPATH", APP)  # its processes run the tree under test
    course = plan(LOANS, troubles(), window_ms=1_000, reference=events(2_000, T - 20_000))
    here = backtest(course, SECOND)

    there = replay(course, settings_of(kafka), SECOND, Trial(partitions=4, workers=2))

    assert {finding.name for finding in here.findings} >= {"QualityDrop", "InputRenamed", "InputRetyped", "ModelDark", "ModelSwitchedOff"}
    assert findings_json(there.findings) == findings_json(here.findings)
    assert [alert.dedup_key for alert in there.alerts if alert.loud] == [alert.dedup_key for alert in here.alerts if alert.loud]
    assert {finding.closed_by for finding in there.findings} == {"watermark"}
    with AdminClient(dict(kafka.client)) as admin:
        assert not [name for name in admin.list_topics(timeout=20).topics if name.startswith("replay-")]
