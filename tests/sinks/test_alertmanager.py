"""Against Debian's real Alertmanager (package prometheus-alertmanager); the clock of the sink is the test's where time matters."""

import asyncio
import contextlib
import inspect
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import Signal
from anchorwatch.events import Alert
from anchorwatch.sinks import Pace, Sinks
from anchorwatch.sinks.alertmanager import ACTIVE_MAX, ONE_MESSAGE, Alertmanager
from anchorwatch.sinks.base import NotNow, Options
from anchorwatch.sinks.webhook import body

T0 = 1_795_338_720_000
BINARY = os.environ.get("ANCHORWATCH_ALERTMANAGER") or shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
NEEDED = pytest.mark.skipif(
    BINARY is None,
    reason="no Alertmanager here: apt-get install --no-install-recommends prometheus-alertmanager, or set ANCHORWATCH_ALERTMANAGER",
)
CONFIGURATION = """
route: {{receiver: ours, group_by: [environment, model], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: ours, webhook_configs: [{{url: "{url}", send_resolved: true}}]}}]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, webhook_url: str) -> Iterator[str]:
    """A real Alertmanager alone on loopback; gives its address when it is ready."""
    assert BINARY is not None
    (folder / "alertmanager.yml").write_text(CONFIGURATION.format(url=webhook_url))
    url = f"127.0.0.1:{free_port()}"
    options = [f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data", f"--web.listen-address={url}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([BINARY, *options, "--cluster.listen-address="], stdout=log, stderr=log, cwd=folder)
        try:
            yield f"http://{url}"
        finally:
            process.kill()
            process.wait()


async def until(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Poll until it gives something true, itself or by await; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(aiohttp.ClientError, OSError, NotNow):
            found = what()
            if found := (await found if inspect.isawaitable(found) else found):
                return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


@contextlib.asynccontextmanager
async def alertmanager(folder: Path, receiver: Any) -> AsyncIterator[str]:
    async with receiver.listening():
        with running(folder, receiver.url) as url:
            await until(lambda: answers(f"{url}/-/ready"))
            yield url


async def answers(url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status == 200


async def active(url: str) -> list[dict[str, Any]]:
    """What Alertmanager holds for active."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v2/alerts") as answer:
        found: list[dict[str, Any]] = await answer.json()
        return found


def sink(url: str, clock: Callable[[], float] = time.time) -> Alertmanager:
    return Alertmanager(Options("am", url), clock)


@pytest.fixture
def fresh(alert: Callable[..., Alert]) -> Callable[..., Alert]:
    """An alert that began a minute ago by the wall: a real Alertmanager reads the real clock."""

    def make(name: str = "a", state: str = "firing", sequence: int = 1, **changes: Any) -> Alert:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
        return alert(name, state, sequence, **{"startsAt": stamp, "endsAt": stamp if state == "resolved" else None, **changes})

    return make


@NEEDED
def test_it_is_told_of_an_alert_from_first_to_last(tmp_path: Path, receiver: Any, fresh: Callable[..., Alert]) -> None:
    async def play() -> None:
        async with alertmanager(tmp_path, receiver) as url:
            sender = sink(url)
            await sender.send([fresh()])
            (held,) = await active(url)
            await until(lambda: receiver.bodies)
            await sender.send([fresh(state="acknowledged", sequence=2)])
            await sender.send([fresh(state="resolved", sequence=3)])
            await until(lambda: receiver.bodies[1:])
            await sender.close()

            assert held["labels"] == fresh().labels
            assert held["annotations"]["alert_id"] == "a"
            assert held["generatorURL"] == "https://watch.example/alerts/a"

    asyncio.run(play())

    assert [message["status"] for message in receiver.bodies] == ["firing", "resolved"]


@NEEDED
def test_a_new_severity_ends_the_old_labels_in_the_same_message(tmp_path: Path, receiver: Any, fresh: Callable[..., Alert]) -> None:
    warning, critical = fresh(), fresh(sequence=2)
    warning.labels["severity"] = "warning"

    async def play() -> list[dict[str, Any]]:
        async with alertmanager(tmp_path, receiver) as url:
            sender = sink(url)
            await sender.send([warning])
            await sender.send([critical])
            await sender.close()
            return await active(url)

    held = asyncio.run(play())

    assert [alert["labels"]["severity"] for alert in held] == ["critical"]


@NEEDED
def test_an_end_lies_four_minutes_ahead_and_a_beat_moves_it_on(tmp_path: Path, receiver: Any, fresh: Callable[..., Alert]) -> None:
    now = [time.time()]

    async def ends(url: str) -> float:
        (held,) = await active(url)
        return _seconds(held["endsAt"]) - now[0]

    async def play() -> list[float]:
        async with alertmanager(tmp_path, receiver) as url:
            sender = sink(url, lambda: now[0])
            await sender.send([fresh()])
            first = await ends(url)
            now[0] += 60
            aged = await ends(url)
            await sender.beat()
            again = await ends(url)
            await sender.close()
            return [first, aged, again]

    assert asyncio.run(play()) == pytest.approx([240, 180, 240], abs=0.1)


@NEEDED
def test_hundreds_of_alerts_are_told_again_in_few_messages(tmp_path: Path, receiver: Any, fresh: Callable[..., Alert]) -> None:
    async def play() -> int:
        async with alertmanager(tmp_path, receiver) as url:
            sender = sink(url)
            for i in range(ONE_MESSAGE + 200):
                sender.remember(fresh(f"n{i}"))
            await sender.beat()
            await sender.close()
            return len(await active(url))

    assert asyncio.run(play()) == ONE_MESSAGE + 200


@NEEDED
def test_what_the_policy_writes_is_taken_as_it_is(tmp_path: Path, receiver: Any, fresh: Callable[..., Alert]) -> None:
    """Long summaries, odd segments, no links, event time ahead of the clock: nothing is refused; and Alertmanager's own webhook body has
    the fields that our webhook sink writes."""
    fraud = ModelAlerts("prod", "fraud", {"team": "group:default/risk-ml"})
    ahead = int(time.time() * 1_000) + 3_600_000
    signals = [
        Signal("quality", "", segment, "page", "QualityDrop", "critical", True, "ß" * 5_000, ahead, (ahead, ahead))
        for segment in ("whole", "name=</script>\u2028", "s=" + "ä" * 3_000, "country=ＤＥ", 'a="b",c={}')
    ]
    alerts = fraud.window((ahead, ahead + 10_000), signals, {}, ahead)

    async def source() -> AsyncIterator[Alert]:
        for one in alerts:
            yield one

    async def play() -> tuple[Sinks, Sequence[Any]]:
        async with alertmanager(tmp_path, receiver) as url:
            sinks = Sinks({"am": {"kind": "alertmanager", "url": url}}, pace=Pace(jitter_s=0.01))
            await sinks.run(source())
            await until(lambda: [message for message in receiver.bodies if len(message["alerts"]) == len(alerts)])
            return sinks, await active(url)

    sinks, held = asyncio.run(play())
    theirs, ours = receiver.bodies[-1], msgspec.to_builtins(body("ours", {alert.id: alert for alert in alerts}, loud=True))

    assert sinks.counts == {("am", "delivered"): len(alerts)}
    assert len(held) == len(alerts)
    assert set(theirs) <= set(ours)
    assert set(theirs["alerts"][0]) <= set(ours["alerts"][0])
    assert {name: type(value) for name, value in theirs.items()} == {name: type(ours[name]) for name in theirs}


def test_what_is_resolved_is_told_for_five_minutes_more(receiver: Any, alert: Callable[..., Alert]) -> None:
    now = [1_000.0]

    async def play() -> list[int]:
        async with receiver.listening():
            sender = sink(receiver.url, lambda: now[0])
            await sender.send([alert("a")])
            await sender.send([alert("a", "resolved", 2)])
            sizes = []
            for now[0] in (1_060.0, 1_299.0, 1_301.0):
                before = len(receiver.bodies)
                await sender.beat()
                sizes.append(len(receiver.bodies) - before)
            await sender.close()
            return sizes

    assert asyncio.run(play()) == [1, 1, 0]


def test_what_begins_under_a_silence_is_told_when_it_ends(receiver: Any, alert: Callable[..., Alert]) -> None:
    """But what is there already stays: what vanishes would be told as resolved."""

    async def play() -> list[int]:
        async with receiver.listening():
            sender, sizes = sink(receiver.url, lambda: 1_000.0), []
            for sequence, until_ms in ((1, 9), (2, None), (3, 9)):
                await sender.send([alert("a", sequence=sequence, silenced_until_ms=until_ms)])
                sizes.append(len(receiver.bodies))
            await sender.close()
            return sizes

    assert asyncio.run(play()) == [0, 1, 2]


def test_after_a_restart_what_is_open_is_kept_alive(receiver: Any, alert: Callable[..., Alert]) -> None:
    no_alerts: list[Alert] = []

    async def source() -> AsyncIterator[Alert]:
        await until(lambda: receiver.bodies)
        for one in no_alerts:
            yield one

    async def play() -> None:
        async with receiver.listening():
            sinks = Sinks({"am": {"kind": "alertmanager", "url": receiver.url}}, pace=Pace(beat_s=0.05))
            await sinks.run(source(), known=[alert("a"), alert("b", "resolved", 2)])

    asyncio.run(play())

    assert sorted(entry["annotations"]["alert_id"] for entry in receiver.bodies[0]) == ["a", "b"]


def test_a_beat_that_is_missed_is_counted_and_harms_nothing(receiver: Any, alert: Callable[..., Alert]) -> None:
    receiver.answers = [503, 400]

    no_alerts: list[Alert] = []

    async def source() -> AsyncIterator[Alert]:
        await until(lambda: receiver.bodies)
        for one in no_alerts:
            yield one

    async def play() -> Sinks:
        async with receiver.listening():
            sinks = Sinks({"am": {"kind": "alertmanager", "url": receiver.url}}, pace=Pace(beat_s=0.05))
            await sinks.run(source(), known=[alert("a")])
            return sinks

    assert asyncio.run(play()).counts["am", "beats_missed"] == 2


def test_what_is_told_again_has_a_bound(alert: Callable[..., Alert]) -> None:
    sender = sink("http://unused", lambda: 0.0)
    sender.remember(alert("over", "resolved", 2))
    for i in range(ACTIVE_MAX):
        sender.remember(alert(f"n{i}"))

    assert len(sender._active) == ACTIVE_MAX
    assert "over" not in sender._active


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
