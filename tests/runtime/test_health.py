import asyncio
import gzip
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from anchorwatch.errors import ConfigError
from anchorwatch.runtime import health

SQUEEZED = gzip.compress(b"{}")


async def asked(ready: bool) -> dict[str, tuple[int, str]]:
    async def metrics() -> str:
        return "up 1\n"

    runner, port = await health.serve("127.0.0.1", 0, lambda: {"ready": ready}, metrics)
    found: dict[str, tuple[int, str]] = {}
    try:
        async with aiohttp.ClientSession() as session:
            for path in ("livez", "readyz", "metrics", "nothing"):
                async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
                    found[path] = (answer.status, await answer.text())
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            await health.serve("127.0.0.1", port, dict[str, Any], metrics)
    finally:
        await runner.cleanup()
    return found


def test_a_large_answer_is_compressed_for_whoever_accepts_it() -> None:
    async def lengths() -> list[int]:
        async def metrics() -> str:
            return "up 1\n" * 100_000

        runner, port = await health.serve("127.0.0.1", 0, dict[str, Any], metrics)
        found = []
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            for accepted in ("gzip", "identity"):
                async with session.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept-Encoding": accepted}) as answer:
                    found.append(len(await answer.read()))
        await runner.cleanup()
        return found

    small, whole = asyncio.run(lengths())

    assert whole == 500_000
    assert small < 5_000


def test_a_hook_is_asked_for_its_path_and_gets_the_bytes_as_they_came() -> None:
    async def came() -> list[tuple[str, bytes]]:
        found = []

        async def hook(request: web.Request) -> web.Response:
            found.append((request.match_info["source"], await request.read()))
            return web.Response()

        async def metrics() -> str:
            return ""

        runner, port = await health.serve("127.0.0.1", 0, dict[str, Any], metrics, hook)
        async with aiohttp.ClientSession() as session:
            squeezed = {"Content-Encoding": "gzip"}
            for path, headers in (("hooks/a", {}), ("hooks/b", squeezed)):
                async with session.post(f"http://127.0.0.1:{port}/{path}", data=SQUEEZED, headers=headers) as answer:
                    assert answer.status == 200
        await runner.cleanup()
        return found

    assert asyncio.run(came()) == [("a", SQUEEZED), ("b", SQUEEZED)]


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_probes_are_answered_and_a_taken_port_is_told(ready: bool, status: int) -> None:
    found = asyncio.run(asked(ready))

    assert found["livez"] == (200, '{"alive": true}')
    assert found["readyz"] == (status, f'{{"ready": {str(ready).lower()}}}')
    assert found["metrics"] == (200, "up 1\n")
    assert found["nothing"][0] == 404
