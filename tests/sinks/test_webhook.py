"""The body of Alertmanager's webhooks, one message per incident."""

import asyncio
from collections.abc import Callable
from typing import Any

from anchorwatch.events import Alert
from anchorwatch.sinks.base import Options
from anchorwatch.sinks.webhook import ALERTS_MAX, GROUPS_MAX, Webhook


def play(receiver: Any, *batches: list[Alert]) -> list[Any]:
    async def send() -> None:
        async with receiver.listening():
            sink = Webhook(Options("pager", receiver.url), lambda: 0.0)
            for batch in batches:
                await sink.send(batch)
            await sink.close()

    asyncio.run(send())
    bodies: list[Any] = receiver.bodies
    return bodies


def test_the_body_is_alertmanagers_version_4(receiver: Any, alert: Callable[..., Alert]) -> None:
    (body,) = play(receiver, [alert("a")])
    entry = body["alerts"][0]

    assert {
        name: body[name] for name in ("version", "groupKey", "status", "receiver", "truncatedAlerts", "externalURL", "groupLabels")
    } == {
        "version": "4",
        "groupKey": "anchorwatch/i",
        "status": "firing",
        "receiver": "pager",
        "truncatedAlerts": 0,
        "externalURL": "https://watch.example",
        "groupLabels": {"environment": "prod", "model": "fraud"},
    }
    assert (entry["status"], entry["startsAt"], entry["endsAt"]) == ("firing", "2026-11-22T09:12:00Z", "0001-01-01T00:00:00Z")
    assert entry["fingerprint"] == "a"
    assert body["loud"]


def test_a_request_names_its_change_and_its_trace(receiver: Any, alert: Callable[..., Alert]) -> None:
    play(receiver, [alert("a", sequence=7)])

    assert receiver.headers[0]["Idempotency-Key"] == "a/7"
    assert len(receiver.headers[0]["traceparent"]) == 55


def test_ten_alerts_of_an_incident_are_one_message_the_headline_first(receiver: Any, alert: Callable[..., Alert]) -> None:
    words = {"summary": "x", "incident_headline": "prod/fraud/quality/s=n4"}
    (body,) = play(receiver, [alert(f"n{i}", annotations=words) for i in range(10)])

    assert body["alerts"][0]["fingerprint"] == "n4"
    assert len(body["alerts"]) == 10
    assert body["commonLabels"]["model"] == "fraud"
    assert "segment" not in body["commonLabels"]
    assert body["commonAnnotations"] == words


def test_an_incident_is_resolved_when_all_its_alerts_are(receiver: Any, alert: Callable[..., Alert]) -> None:
    """A receiver that closes by `groupKey` must not close while another member fires."""
    bodies = play(receiver, [alert("a"), alert("b")], [alert("a", "resolved", 2)], [alert("b", "resolved", 2)])

    assert [body["status"] for body in bodies] == ["firing", "firing", "resolved"]
    assert [entry["status"] for entry in bodies[1]["alerts"]] == ["firing", "resolved"]


def test_an_edit_is_marked_as_no_sound(receiver: Any, alert: Callable[..., Alert]) -> None:
    bodies = play(receiver, [alert("a")], [alert("a", sequence=2, loud=False)])

    assert [body["loud"] for body in bodies] == [True, False]


def test_what_begins_under_a_silence_is_told_when_it_ends(receiver: Any, alert: Callable[..., Alert]) -> None:
    silenced = alert("a", loud=False, silenced_until_ms=5)
    bodies = play(receiver, [silenced], [alert("a", sequence=2)], [alert("a", sequence=3, silenced_until_ms=9, loud=False)])

    assert [body["loud"] for body in bodies] == [True, False]


def test_a_message_has_a_bound_and_counts_the_rest(receiver: Any, alert: Callable[..., Alert]) -> None:
    (body,) = play(receiver, [alert(f"n{i}") for i in range(ALERTS_MAX + 20)])

    assert (len(body["alerts"]), body["truncatedAlerts"]) == (ALERTS_MAX, 20)


def test_incidents_remembered_have_a_bound(alert: Callable[..., Alert]) -> None:
    sink = Webhook(Options("pager", "http://unused"), lambda: 0.0)
    for i in range(GROUPS_MAX + 5):
        sink.remember(alert(f"n{i}", incident=f"i{i}"))

    assert len(sink._groups) == GROUPS_MAX
