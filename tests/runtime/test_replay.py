"""Kafka and in-process agree on every byte of the findings."""

import random
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from tests.conftest import Kafka
from tests.runtime.loans import LOANS, Fault, T, events, flag

from anchorwatch.config import Settings, load
from anchorwatch.contract.model import AlivePromise, Input, Reference
from anchorwatch.events import Complaint, Decision
from anchorwatch.runtime.backtest import backtest, plan
from anchorwatch.runtime.drive import Clockwork, Event
from anchorwatch.runtime.replay import Trial, replay
from anchorwatch.runtime.report_table import findings_json

SECOND = Clockwork(window_ms=1_000, lateness_ms=500)
DECISIONS = {"yes": "grant", "no": "refuse"}
APP = str(Path(__file__).parents[2] / "app")


def settings_of(kafka: Kafka) -> Settings:
    return load(None, {}, {f"kafka.{name}": str(value) for name, value in kafka.client.items()})


def decided(found: list[Event], *, followed: float) -> list[Event]:
    """The same events with a decision about each prediction, 0.2 s after it."""
    rng, more = random.Random(5), []
    for event in found:
        if event.role == "predictions":
            recommended = DECISIONS[msgspec.json.decode(event.value)["prediction"]]
            action = recommended if rng.random() < followed else "call"
            told = Decision(event.key.decode(), "loans", action, decided_at_ms=event.at_ms + 200)
            more.append(Event("decisions", event.at_ms + 200, event.key, msgspec.json.encode(told)))
    return sorted([*found, *more], key=lambda event: (event.at_ms, event.role))


def complained(found: list[Event], *, share: float) -> list[Event]:
    """The same events with a complaint about so many of the predictions, half a second after each; some come twice."""
    rng, more = random.Random(6), []
    for event in found:
        if event.role == "predictions" and rng.random() < share:
            at = event.at_ms + 500
            told = msgspec.json.encode(Complaint(event.key.decode(), "loans", rng.choice(("ticket", "churn")), complained_at_ms=at))
            more += [Event("complaints", at, event.key, told)] * rng.choice((1, 1, 2))
    return sorted([*found, *more], key=lambda event: (event.at_ms, event.role))


def troubles() -> list[Event]:
    """A region goes wrong, a field is renamed, another retyped, the model falls silent, comes back, and is switched off; nobody follows it."""
    found = events(3_000, T, 3, Fault(T + 10_000, renamed=True, wrong_in="us"))
    found += events(1_500, T + 60_000, 4, Fault(T + 65_000, retyped=True))
    found += [flag(T + 70_000, "off"), flag(T + 74_000, "on")]
    return sorted(found, key=lambda event: (event.at_ms, event.role == "outcomes"))


@pytest.mark.timeout(240)
def test_replay_and_backtest_give_the_same_findings(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 partitions, 2 ingest workers, 1 judge; every kind of finding. Nothing stays behind."""
    monkeypatch.setenv("PYTHONPATH", APP)  # its processes run the tree under test
    source = LOANS.source.model_copy(update={"complaints": Input(topic="crm.tickets")})
    contract = LOANS.model_copy(update={"decisions": DECISIONS, "source": source})
    quiet = complained(decided(events(2_000, T - 20_000), followed=0.9), share=0.02)
    course = plan(contract, complained(decided(troubles(), followed=0.4), share=0.2), window_ms=1_000, reference=quiet)
    here = backtest(course, SECOND)

    there = replay(course, settings_of(kafka), SECOND, Trial(partitions=4, workers=2))

    assert {finding.name for finding in here.findings} >= {
        "QualityDrop",
        "InputRenamed",
        "InputRetyped",
        "ModelDark",
        "ModelSwitchedOff",
        "OutputIgnored",
        "OutputComplained",
    }
    assert findings_json(there.findings) == findings_json(here.findings)
    assert [alert.dedup_key for alert in there.alerts if alert.loud] == [alert.dedup_key for alert in here.alerts if alert.loud]
    assert {finding.closed_by for finding in there.findings} == {"watermark"}
    with AdminClient(dict(kafka.client)) as admin:
        assert not [name for name in admin.list_topics(timeout=20).topics if name.startswith("replay-")]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_what_a_model_learns_from_its_first_events_is_the_same_in_both(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learnt in ten seconds, in force a minute later; then a region goes wrong."""
    monkeypatch.setenv("PYTHONPATH", APP)
    fresh = LOANS.model_copy(update={"reference": Reference.model_validate({"learn": "10s"})})
    course = plan(fresh, events(9_000, T, 3, Fault(T + 80_000, wrong_in="us"), rate=100), window_ms=1_000)
    here = backtest(course, SECOND)

    there = replay(course, settings_of(kafka), SECOND, Trial(partitions=3, workers=2))

    assert len(course.later) == 1
    assert {finding.name for finding in here.findings} >= {"QualityDrop"}
    assert min(finding.window[0] for finding in here.findings) >= course.later[0].effective_from_ms
    assert findings_json(there.findings) == findings_json(here.findings)


def authorised(n: int, begin_ms: int, rate: int = 100) -> list[Event]:
    """Records of a topic that no feed of the model reads."""
    rng = random.Random(f"{begin_ms}")
    return [Event("siblings", begin_ms + int((i + rng.random()) * 1_000 / rate), b"payments.authorised", b"1") for i in range(n)]


@pytest.mark.timeout(240)
def test_siblings_on_a_topic_with_another_number_of_partitions_are_the_same_in_both(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four partitions of the feed, three of theirs; both are busy, both are silent, then two thirds of ours go elsewhere."""
    monkeypatch.setenv("PYTHONPATH", APP)
    promised = LOANS.promises.model_copy(
        update={"alive": AlivePromise.model_validate({"silent_after": "1m", "siblings": ["payments.authorised"]})}
    )
    quiet = [*events(4_000, T - 60_000), *authorised(4_000, T - 60_000)]
    live = [*events(2_000, T, 3), *authorised(2_000, T), *events(1_500, T + 40_000, 4, rate=33), *authorised(4_500, T + 40_000)]
    ordered = [sorted(each, key=lambda event: (event.at_ms, event.role == "outcomes")) for each in (quiet, live)]
    course = plan(LOANS.model_copy(update={"promises": promised}), ordered[1], window_ms=1_000, reference=ordered[0])
    here = backtest(course, SECOND)

    there = replay(course, settings_of(kafka), SECOND, Trial(partitions=4, workers=2))

    told = [finding for finding in here.findings if finding.name == "TrafficLost"]
    assert told[0].window[0] >= T + 40_000
    assert findings_json(there.findings) == findings_json(here.findings)
    assert {finding.closed_by for finding in there.findings} == {"watermark"}
    with AdminClient(dict(kafka.client)) as admin:
        assert not [name for name in admin.list_topics(timeout=20).topics if name.startswith("replay-")]
