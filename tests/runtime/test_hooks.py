"""The door for hooks: what each kind of delivery is answered, without a Kafka, and on one what reaches the topic, in which order."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast

import aiohttp
import pytest
from tests.runtime.installation import CONTRACT, Installation, until
from tests.sources.hooks.posts import BODIES, SECRET, launchdarkly, signed

from anchorwatch.config import Settings, load
from anchorwatch.runtime import health
from anchorwatch.runtime.hooks import Hooks

AWAY = {"kafka.bootstrap.servers": "127.0.0.1:1"}
ON = {"hooks.launchdarkly.secret": SECRET, "hooks.generic.secret": SECRET}
PAST = 1_790_000_000_000  # what lies far ahead would be taken for a wrong clock


class Post(Protocol):
    port: int

    def __call__(
        self, name: str, body: bytes, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> Coroutine[Any, Any, tuple[int, dict[str, Any]]]:
        """Signed as its provider signs, unless there are headers."""


@asynccontextmanager
async def door(settings: Settings) -> AsyncIterator[tuple[Hooks, Post]]:
    async def metrics() -> str:
        return ""

    hooks = Hooks(settings)
    runner, port = await health.serve("127.0.0.1", 0, hooks.told, metrics, hooks.answer)
    async with aiohttp.ClientSession() as session:

        async def post(name: str, body: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> tuple[int, dict[str, Any]]:
            given = signed(name, body) if headers is None else headers
            async with session.request(method, f"http://127.0.0.1:{port}/hooks/{name}", data=body, headers=given) as answer:
                assert answer.content_type == ("application/json" if answer.status == 200 else "application/problem+json")
                return answer.status, await answer.json(content_type=None)

        poster = cast("Post", post)
        poster.port = port
        yield hooks, poster
    await runner.cleanup()
    hooks.stop()
    await asyncio.to_thread(hooks.close)


def away(**more: str) -> Settings:
    return load(None, {}, AWAY | ON | more)


def test_each_kind_of_delivery_that_is_refused_has_its_answer_its_count_and_no_line_of_its_body(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = BODIES["launchdarkly"].replace(b"loan-on", b"QUOKKA")
    large = json.dumps(launchdarkly(note="QUOKKA" * 50_000)).encode()

    async def asked() -> tuple[list[tuple[int, str]], dict[str, Any], str]:
        async with door(away()) as (hooks, post):
            found = [
                await post("launchdarkly", body, {}),
                await post("launchdarkly", body, {"X-LD-Signature": "0" * 64}),
                await post("launchdarkly", large),
                await post("launchdarkly", b'{"kind": ["QUOKKA"]}'),
                await post("launchdarkly", body, method="PUT"),
                await post("unleash", BODIES["unleash"]),
                await post("nobody", body, {}),
                await post("launchdarkly", body),  # Kafka is away
            ]
            snapshot = hooks.snapshot()
            assert snapshot is not None
            series = {f"{dict(labels)['source']} {dict(labels)['result']}": n for _, labels, n in snapshot["counters"]}
            return [(status, told["detail"]) for status, told in found], series, json.dumps(hooks.told())

    told, series, shown = asyncio.run(asked())

    assert [status for status, _ in told] == [401, 401, 413, 422, 405, 404, 404, 503]
    assert "no header X-LD-Signature" in told[0][1]
    assert "does not fit this body and the secret" in told[1][1]
    assert "262,144 bytes" in told[2][1]
    assert "at `$.kind`" in told[3][1]
    assert "set hooks.unleash.secret" in told[5][1]
    assert "growthbook" in told[6][1]
    assert series == {
        "launchdarkly unsigned": 2, "launchdarkly too_large": 1, "launchdarkly unread": 1, "launchdarkly method": 1, "unleash off": 1,
        "other unknown": 1, "launchdarkly kafka": 1,
    }  # fmt: skip
    assert "hook.refused source=launchdarkly result=unsigned" in caplog.text
    for word in ("QUOKKA", SECRET):
        assert word not in caplog.text + shown + json.dumps(told)


def test_what_changes_nothing_needs_no_kafka() -> None:
    async def asked() -> tuple[int, dict[str, Any]]:
        async with door(away()) as (_, post):
            return await post("launchdarkly", json.dumps(launchdarkly(kind="project")).encode())

    assert asyncio.run(asked()) == (200, {"changes": 0, "reason": "an entry of another kind than flag"})


def test_without_a_secret_nothing_is_on_and_nothing_is_read() -> None:
    async def asked() -> tuple[int, dict[str, Any], Any]:
        async with door(load(None, {}, AWAY)) as (hooks, post):
            status, _ = await post("launchdarkly", BODIES["launchdarkly"])
            return status, hooks.told(), hooks.snapshot()

    status, told, snapshot = asyncio.run(asked())

    assert (status, told["state"], told["sources"], snapshot) == (404, "off", [], None)


@pytest.mark.parametrize("rest", [b"Content-Length: 500\r\n\r\n{QUOKKA", b"Transfer-Encoding: chunked\r\n\r\nQUOKKA\r\n"])
def test_a_caller_who_hangs_up_or_writes_no_http_does_no_harm_and_fills_no_log(rest: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def asked() -> int:
        async with door(away()) as (_, post):
            reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
            writer.write(b"POST /hooks/launchdarkly HTTP/1.1\r\nHost: x\r\n" + rest)
            await writer.drain()
            writer.write_eof()
            await reader.read()  # its answer, if it has one, then the end
            writer.close()
            status, _ = await post("launchdarkly", BODIES["launchdarkly"], {})
            return status

    assert asyncio.run(asked()) == 401
    assert "QUOKKA" not in caplog.text
    assert "Traceback" not in caplog.text


def written(there: Installation) -> list[tuple[str, str, int]]:
    return [
        ((told.key or b"").decode(), each["state"], each["changed_at_ms"] - PAST)
        for told in there.told("flags")
        for each in [json.loads(told.value or b"{}")]
    ]


def test_a_delivery_reaches_the_topic_once_and_the_newest_change_stays_the_last(installation: Callable[..., Installation]) -> None:
    """`on` of a later time comes before `off`; each delivery comes twice; then all again to another supervisor, which has read the topic."""
    there = installation()
    there.create()
    settings = load(there.folder / "anchorwatch.yaml", {}, ON)
    late, early = (json.dumps(launchdarkly(*each)).encode() for each in (("on", PAST + 5_000), ("off", PAST + 1_000)))
    staging = json.dumps(launchdarkly("off", PAST + 9_000, "staging")).encode()

    async def told(bodies: list[bytes]) -> list[tuple[int, int]]:
        async with door(settings) as (hooks, post):
            await asyncio.to_thread(until, lambda: hooks.state == "ready")
            return [(status, answer["changes"]) for status, answer in [await post("launchdarkly", body) for body in bodies]]

    first = asyncio.run(told([late, late, early, early, staging]))
    again = asyncio.run(told([early, late, staging]))

    assert first == [(200, 1), (200, 0), (200, 1), (200, 0), (200, 1)]
    assert again == [(200, 0)] * 3
    assert written(there) == [
        ("prod/loan-on", "on", 5_000), ("prod/loan-on", "off", 1_000), ("prod/loan-on", "on", 5_000), ("staging/loan-on", "off", 9_000),
    ]  # fmt: skip


def test_run_hears_a_hook_and_the_alert_names_who_did_it(installation: Callable[..., Installation]) -> None:
    """The whole program: from the POST to `alerts.events`."""
    there = installation(CONTRACT.replace("labels:", "source: {flags: [loan-on]}\nlabels:"))
    there.create()
    with (there.folder / "anchorwatch.yaml").open("a") as file:
        file.write("hooks: {generic: {secret: {file: hook-secret}}}\n")
    (there.folder / "hook-secret").write_text(SECRET + "\n")
    with there.run() as running:
        running.wait_ready()
        until(lambda: running.ready()["hooks"]["state"] == "ready", what=lambda: running.words)
        there.feed(0, 100)
        until(
            lambda: 'anchorwatch_predictions_total{environment="prod",model="fraud"' in running.get("/metrics")[1],
            what=lambda: running.words,
        )
        body = json.dumps({"key": "loan-on", "state": "off", "actor": "ann", "reason": "latency"}).encode()

        async def post() -> int:
            url = f"http://127.0.0.1:{running.port}/hooks/generic"
            async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=signed("generic", body)) as answer:
                return answer.status

        status = asyncio.run(post())
        alert = until(
            lambda: next((a for a in there.told_json("alerts.events") if a["labels"]["alertname"] == "ModelSwitchedOff"), None),
            what=lambda: running.words,
        )
        counted = 'anchorwatch_hooks_total{result="taken",source="generic",worker="run.0"} 1.0' in running.get("/metrics")[1]

    assert status == 200
    assert "flag 'loan-on' went to off by ann (latency)" in alert["annotations"]["summary"]
    assert counted
    assert SECRET not in running.words
