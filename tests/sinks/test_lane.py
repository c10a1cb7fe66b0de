"""One receiver at its own pace (sinks/_lane.py), and all of them together; field case C21: too many requests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from anchorwatch.events import Alert
from anchorwatch.sinks import Pace, Sinks

QUICK = Pace(wait_initial_s=0.01, wait_s_max=0.05, jitter_s=0.01, failures_max=3)


def deliver(
    alerts: Sequence[Alert],
    *receivers: Any,
    pace: Pace = QUICK,
    known: Sequence[Alert] = (),
    routes: Any = None,
    timeout_ms: float = 200,
    drain_s: float = 10.0,
) -> Sinks:
    """All alerts at once, to one webhook a receiver (named s0, s1, ...); returns when everything was told, or after `drain_s`."""

    async def source() -> AsyncIterator[Alert]:
        for one in alerts:
            yield one

    async def play() -> Sinks:
        async with contexts(receivers):
            settings = {f"s{i}": {"kind": "webhook", "url": one.url, "timeout": timeout_ms} for i, one in enumerate(receivers)}
            sinks = Sinks(settings, routes, pace=pace)
            await sinks.run(source(), known, drain_s)
            return sinks

    return asyncio.run(play())


class contexts:  # noqa: N801 (used as a statement)
    def __init__(self, receivers: Sequence[Any]) -> None:
        self.open = [one.listening() for one in receivers]

    async def __aenter__(self) -> None:
        for one in self.open:
            await one.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        for one in reversed(self.open):
            await one.__aexit__(*error)


def told(receiver: Any) -> dict[str, list[str]]:
    """Alert id -> states as they arrived."""
    states: dict[str, list[str]] = {}
    for body in receiver.bodies:
        for entry in body["alerts"]:
            states.setdefault(entry["fingerprint"], []).append(entry["anchorwatch"]["state"])
    return states


def test_it_waits_as_long_as_it_is_told(receiver: Any, alert: Callable[..., Alert]) -> None:
    receiver.answers = [(429, {"Retry-After": "1"})]
    sinks = deliver([alert()], receiver)
    (first, _, _), (second, _, _) = receiver.seen

    assert 1.0 <= second - first < 2.0
    assert sinks.counts["s0", "delivered"] == 1
    assert sinks.counts["s0", "retried"] == 1


def test_after_a_storm_the_last_state_of_each_arrives_once(receiver: Any, alert: Callable[..., Alert]) -> None:
    """50 alerts open, 20 resolve meanwhile; the receiver answers 429, then 400 for one of them, then hangs once."""
    receiver.answers = [(429, {"Retry-After": "0"}), 503, None]
    receiver.rule = lambda body: 400 if any(entry["fingerprint"] == "n7" for entry in body["alerts"]) else 200
    opened = [alert(f"n{i}", incident=f"i{i}") for i in range(50)]
    ended = [alert(f"n{i}", "resolved", 2, incident=f"i{i}") for i in range(20)]
    sinks = deliver(opened + ended, receiver)

    assert told(receiver) == {f"n{i}": ["resolved" if i < 20 else "firing"] for i in range(50) if i != 7}
    assert sinks.counts == {("s0", "delivered"): 49, ("s0", "refused"): 1, ("s0", "retried"): 3}


def test_a_sink_that_hangs_does_not_slow_the_others(receiver: Any, alert: Callable[..., Alert]) -> None:
    hanging = type(receiver)(rule=lambda body: 503)
    sinks = deliver([alert(f"n{i}", incident=f"i{i}") for i in range(20)], hanging, receiver, drain_s=0.5)

    assert len(told(receiver)) == 20
    assert ("s0", "delivered") not in sinks.counts


def test_what_the_receiver_can_never_take_does_not_hold_up_others(receiver: Any, alert: Callable[..., Alert]) -> None:
    """It answers 500 for one alert only, for ever."""
    receiver.rule = lambda body: 500 if body["alerts"][0]["fingerprint"] == "n0" else 200
    sinks = deliver([alert(f"n{i}", incident=f"i{i}") for i in range(5)], receiver)

    assert sorted(told(receiver)) == ["n1", "n2", "n3", "n4"]
    assert sinks.counts["s0", "refused"] == 1


def test_an_outage_of_the_receiver_loses_nothing(receiver: Any, alert: Callable[..., Alert]) -> None:
    """More failures than one bad message may have: while nobody passes, none is set aside."""
    receiver.answers = [503] * 12
    sinks = deliver([alert("a"), alert("b", incident="j")], receiver)

    assert sorted(told(receiver)) == ["a", "b"]
    assert ("s0", "refused") not in sinks.counts


def test_beyond_its_bound_a_queue_drops_and_counts(receiver: Any, alert: Callable[..., Alert]) -> None:
    receiver.answers = [503]
    sinks = deliver([alert(f"n{i}", incident=f"i{i}") for i in range(30)], receiver, pace=QUICK._replace(waiting_max=10))

    assert sinks.counts["s0", "dropped"] == 20
    assert sorted(told(receiver)) == [f"n{i}" for i in range(20, 30)]


def test_a_replay_tells_nothing_twice(receiver: Any, alert: Callable[..., Alert]) -> None:
    deliver([alert(), alert(), alert(sequence=2, state="resolved"), alert()], receiver)

    assert told(receiver) == {"a": ["resolved"]}


def test_what_an_earlier_process_told_is_known(receiver: Any, alert: Callable[..., Alert]) -> None:
    """Its incident is still open when another member ends."""
    deliver([alert("b", "resolved", 2)], receiver, known=[alert("a", sequence=3), alert("b")])

    assert [(body["status"], len(body["alerts"])) for body in receiver.bodies] == [("firing", 2)]


@pytest.mark.parametrize(
    ("owner", "severity", "heard"),
    [
        ({"team": "t", "routes": ["night"]}, "critical", ["s0"]),
        ({"team": "t", "routes": ["night", "boss"]}, "critical", ["s0", "s1"]),
        ({"team": "t", "routes": ["night"]}, "warning", []),
        ({"team": "risk-ml", "routes": []}, "info", ["s0", "s1"]),
        ({"team": "t", "routes": ["unheard of"]}, "info", ["s2"]),
    ],
)
def test_routes_say_who_hears(receiver: Any, alert: Callable[..., Alert], owner: Any, severity: str, heard: list[str]) -> None:
    routes = {
        "night": SimpleNamespace(sinks=["s0"], owners=(), severity="critical"),
        "boss": SimpleNamespace(sinks=["s1", "s0"], owners=["risk-ml"], severity="info"),
        "default": SimpleNamespace(sinks=["s2"], owners=(), severity="info"),
    }
    one = alert(owner=owner)
    one.labels["severity"] = severity
    receivers = [receiver, type(receiver)(), type(receiver)()]
    deliver([one], *receivers, routes=routes)

    assert [f"s{i}" for i, each in enumerate(receivers) if each.bodies] == heard


def test_a_sink_that_fails_as_nobody_foresaw_stops_no_other(receiver: Any, alert: Callable[..., Alert]) -> None:
    """Its client refuses two authorizations at once by a ValueError; all sinks ended by it, and began anew for ever."""

    async def source() -> AsyncIterator[Alert]:
        yield alert()

    async def play() -> Sinks:
        async with receiver.listening():
            twice = {"kind": "webhook", "url": receiver.url.replace("://", "://user:hunter2@"), "token": "s3cret", "timeout": 200}
            sinks = Sinks({"bad": twice, "good": {"kind": "webhook", "url": receiver.url, "timeout": 200}}, pace=QUICK)
            await sinks.run(source(), (), 0.3)
            return sinks

    with capture_logs() as lines:
        sinks = asyncio.run(play())

    assert told(receiver) == {"a": ["firing"]}
    assert sinks.counts["good", "delivered"] == 1
    assert sinks.counts["bad", "retried"] >= 1
    assert "ValueError" in next(line["why"] for line in lines if line["event"] == "sink_failed")
    assert "hunter2" not in str(lines)
