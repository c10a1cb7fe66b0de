"""Work with alerts from the command line, on a real Kafka."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.records import alert_records
from anchorwatch.alerting.signal import Signal
from anchorwatch.cli import _alerts_shown as shown
from anchorwatch.cli import launch as run
from anchorwatch.cli._written import login
from anchorwatch.cli.alerts import _until
from anchorwatch.errors import ConfigError
from anchorwatch.events import Alert, Command, Summary

MINUTE = 60_000
Order = Callable[..., int]


def signals(now: int) -> list[Signal]:
    """A quality drop that one segment explains, its cause, and a name that would move the cursor."""
    begun = {"since_ms": now - 34 * MINUTE, "onset": (now - 35 * MINUTE, now - 33 * MINUTE)}
    deploy = {"kind": "deploy", "key": "fraud", "state": "4", "at_ms": now - 35 * MINUTE, "actor": "ci"}
    return [
        Signal("quality", "f1", "whole", "page", "QualityDrop", "critical", True, "f1 is 0.70 (was 0.74).", **begun),  # type: ignore[arg-type]
        Signal(
            "quality", "f1", "country=DE", "page", "QualityDrop", "critical", True, "f1 on country=DE is 0.61 (was 0.74).",
            evidence={"explains_whole": True, "current": 0.61, "n": 1_180}, caused_by=[deploy], **begun,  # type: ignore[arg-type]
        ),
        Signal("inputs", "a\x1b[31m[red]", "whole", "warning", "InputMissing", "warning", False, "a\x1b[31m[red] is missing.", **begun),  # type: ignore[arg-type]
    ]  # fmt: skip


@pytest.fixture
def fraud() -> ModelAlerts:
    return ModelAlerts("prod", "fraud", {"team": "group:default/risk-ml", "route": "risk-oncall"}, links_base="https://watch.example")


@pytest.fixture
def alerts(fraud: ModelAlerts) -> list[Alert]:
    now = int(time.time() * 1_000)
    return fraud.window((now - 10_000, now), signals(now), {}, now)


# --- what a person sees ---------------------------------------------------------------------------------------------------------


def test_an_incident_is_one_row_that_says_what_to_type_next(alerts: list[Alert], capsys: pytest.CaptureFixture[str]) -> None:
    shown.table(alerts, time.time() * 1_000)
    text = capsys.readouterr().out
    lead = alerts[0]

    assert [line.count("●") for line in text.splitlines() if "●" in line] == [1]
    for words in (
        "critical",
        "f1 on country=DE is 0.61 (was 0.74).",
        "probable cause: deploy fraud 4 ci",
        "+ 2 of the same time",
        "34 min",
    ):
        assert words in text
    assert f"anchorwatch alerts ack {lead.id[:8]}" in text


def test_what_producers_named_neither_moves_the_cursor_nor_is_markup(alerts: list[Alert], capsys: pytest.CaptureFixture[str]) -> None:
    for alert in alerts:
        shown.line(alert)
        shown.details(alert, alerts, alerts)
    text = capsys.readouterr().out

    assert "\x1b" not in text
    assert "[red]" in text


def test_without_alerts_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    shown.table([], 0)

    assert capsys.readouterr().out == "All is quiet: no open alert.\n"


def test_only_what_fires_is_offered_to_be_taken(fraud: ModelAlerts, alerts: list[Alert], capsys: pytest.CaptureFixture[str]) -> None:
    now = int(time.time() * 1_000)
    shown.table(fraud.command(Command("resolve", "prod/fraud", "ann", "rolled back", 0), now), now)
    text = capsys.readouterr().out

    assert alerts[0].id[:8] in text
    assert "alerts ack" not in text


def test_a_fleet_on_fire_is_cut_and_counted(alerts: list[Alert], capsys: pytest.CaptureFixture[str]) -> None:
    many = [msgspec.structs.replace(alerts[0], id=f"{i:016x}", incident=str(i)) for i in range(shown.ROWS_MAX + 7)]
    shown.table(many, 0)

    assert "and 7 more incidents" in capsys.readouterr().out


def test_until_is_a_length_or_an_instant_with_its_zone() -> None:
    now = time.time() * 1_000

    assert _until("2h") == pytest.approx(now + 7_200_000, abs=60_000)
    assert _until("2099-01-01T00:00:00+01:00") == 4_070_905_200_000
    for text, why in (("2099-01-01T00:00:00", "time zone"), ("2001-01-01T00:00:00Z", "is over"), ("soon", "--until soon")):
        with pytest.raises(ConfigError, match=why):
            _until(text)


# --- on Kafka -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def order(kafka: Any, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    """`anchorwatch alerts ...` as typed, for topics of this test."""
    names = ("alerts.events", "alerts.state", "commands", "contracts", "findings")
    admin = AdminClient(kafka.client)
    made = admin.create_topics([NewTopic(topic_prefix + name, 1, 1) for name in names])
    for future in made.values():
        future.result(30)
    settings = tmp_path / "anchorwatch.yaml"
    lines = [f"  {name}: {json.dumps(value)}" for name, value in kafka.client.items()]
    settings.write_text("\n".join(["kafka:", *lines, "topics:", f"  prefix: {topic_prefix}"]) + "\n")
    monkeypatch.setenv("ANCHORWATCH_ACTOR", "ann")
    return lambda *words: run(["alerts", *words, "--settings", str(settings)])


@pytest.fixture
def told(kafka: Any, topic_prefix: str) -> Callable[..., None]:
    def write(changes: list[Alert], gone: tuple[str, ...] = ()) -> None:
        producer = Producer(kafka.client)
        topics = {name: topic_prefix + name for name in ("alerts.events", "alerts.state")}
        for record in alert_records(changes, topics, gone):
            producer.produce(record.topic, key=record.key, value=record.value, headers=list(record.headers))
        producer.flush(30)

    return write


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().out


def write(kafka: Any, topic: str, key: bytes, value: bytes) -> None:
    producer = Producer(kafka.client)
    producer.produce(topic, key=key, value=value)
    producer.flush(30)


def commands(kafka: Any, topic: str) -> Iterator[tuple[str, Any]]:
    from anchorwatch.engine.tail import tail

    for record in tail(kafka.client, [topic], since="beginning", until_end=True):
        yield (record.key or b"").decode(), json.loads(record.value or b"null")


@pytest.mark.kafka
def test_news_is_listed_and_is_nothing_wrong(order: Order, told: Any, fraud: ModelAlerts, out: Callable[[], str]) -> None:
    """It may stay open for good: a script that asks whether all is well must not fail of it."""
    now = int(time.time() * 1_000)
    better = "Answers are wrong 16 % of the time, was 27 %: ask why before you celebrate."
    news = Signal("quality", "lower.error@late", "whole", "news", "QualityRose", "info", False, better, now, (now, now), news=True)
    told(fraud.window((now - 10_000, now), [news], {}, now))

    assert order("ls") == 0
    assert better in out()


@pytest.mark.kafka
def test_somebody_is_woken_and_looks_closer(order: Order, told: Any, alerts: list[Alert], out: Callable[[], str], tmp_path: Path) -> None:
    assert order("ls") == 0
    assert "All is quiet" in out()
    told(alerts)
    assert order("ls") == 1
    assert "f1 on country=DE is 0.61" in out()
    assert order("ls", "--json") == 1
    assert sorted(json.loads(line)["id"] for line in out().splitlines()) == sorted(alert.id for alert in alerts)
    assert order("ls", "--model", "churn") == 0
    assert "All is quiet" in out()
    assert order("show", alerts[0].id[:8]) == 0
    page = out()
    assert "current 0.61, n 1180" in page
    assert "2 more of the same incident" in page
    assert "history" in page
    assert run(["explain", alerts[0].id[:8], "--settings", str(tmp_path / "anchorwatch.yaml")]) == 0
    assert out().split("\n")[0].split() == ["says", *alerts[0].annotations["summary"].split()]


@pytest.mark.kafka
def test_what_is_asked_for_is_written_as_a_command(
    order: Order, told: Any, alerts: list[Alert], out: Callable[[], str], kafka: Any, topic_prefix: str
) -> None:
    told(alerts)
    assert order("ack", alerts[0].incident) == 0
    assert f"asked for: {alerts[0].incident} acknowledged by ann (3 alerts): looking at it" in out()
    churn = Summary("churn", "prod", 0, "watching", [], {}, {}, {}, "risk")
    write(kafka, f"{topic_prefix}findings", b"prod/churn", msgspec.json.encode(churn))
    assert order("silence", "prod/churn", "--until", "2h", "--reason", "moving house") == 0
    assert order("resolve", alerts[0].id[:6], "--reason", "rolled back") == 0
    written = list(commands(kafka, f"{topic_prefix}commands"))
    last = written[2][1]

    assert [key for key, _ in written] == [f"ack/{alerts[0].incident}", "silence/prod/churn", f"resolve/{alerts[0].id}"]
    assert last == {"verb": "resolve", "target": alerts[0].id, "actor": "ann", "reason": "rolled back", "at_ms": last["at_ms"]}


@pytest.mark.kafka
def test_a_night_is_told_from_first_to_last(
    order: Order, told: Any, alerts: list[Alert], fraud: ModelAlerts, out: Callable[[], str]
) -> None:
    told(alerts)
    told(fraud.command(Command("resolve", "prod/fraud", "ann", "rolled back", 0), int(time.time() * 1_000)))

    assert order("ls") == 0
    assert "All is quiet" in out()
    assert order("ls", "--all") == 0
    assert "rolled back" in out()
    assert order("tail", "--since", "beginning", "--no-follow") == 0
    lines = out().splitlines()
    assert len(lines) == 6
    assert sum("♪" in line for line in lines) == 1  # ten alerts of one incident would be one sound as well
    assert sum("resolved" in line and "(ann: rolled back)" in line for line in lines) == 3


@pytest.mark.kafka
def test_what_cannot_be_done_says_what_can(order: Order, told: Any, alerts: list[Alert], capsys: pytest.CaptureFixture[str]) -> None:
    told(alerts, gone=())

    assert order("ack", "deadbeef") == 2
    assert alerts[0].id in capsys.readouterr().err
    assert order("resolve", alerts[0].id) == 2
    assert "needs a reason" in capsys.readouterr().err
    assert order("silence", "prod/frawd", "--until", "2h", "--reason", "moving house") == 2
    assert 'prod/frawd: no such model; did you mean "prod/fraud"?' in capsys.readouterr().err
    assert order("silence", "prod/frawd/quality:f1/whole", "--until", "2h", "--reason", "moving house") == 2
    assert order("show", "nothing-of-that-name") == 2
    assert "alerts ls --all" in capsys.readouterr().err


@pytest.mark.kafka
def test_what_is_forgotten_and_what_is_foreign_is_not_shown(
    order: Order, told: Any, alerts: list[Alert], kafka: Any, topic_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told(alerts)
    told([], gone=tuple(alert.dedup_key for alert in alerts))
    for i in range(3):
        write(kafka, f"{topic_prefix}alerts.state", b"%d" % i, b"not ours")
        write(kafka, f"{topic_prefix}alerts.events", b"%d" % i, b"not ours")

    assert order("ls") == 0
    assert capsys.readouterr().err == f"3 records on {topic_prefix}alerts.state are no alert of ours, left out\n"
    assert order("tail", "--since", "beginning", "--no-follow") == 0
    assert capsys.readouterr().err == f"3 records on {topic_prefix}alerts.events are no alert of ours, left out\n"


def test_a_login_without_a_name_is_asked_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 3_999_999_999)  # as a container does that is given a number in place of a user

    with pytest.raises(ConfigError, match=r"--actor: .*ANCHORWATCH_ACTOR"):
        login()
