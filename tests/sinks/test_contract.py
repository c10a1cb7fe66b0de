"""Every sink x every check."""

import asyncio
import doctest
import socket
import time
from typing import Any

import pytest

from anchorwatch.events import Alert
from anchorwatch.sinks import _http, checks, load, names
from anchorwatch.sinks.base import Options


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize("kind", names())
def test_every_sink_keeps(kind: str, check: Any, life: list[Alert], receiver: Any) -> None:
    async def lay_on() -> None:
        async with receiver.listening():
            await check(lambda: load(kind)(Options("mine", receiver.url, "", 2.0), time.time), life)

    asyncio.run(lay_on())


@pytest.mark.parametrize("kind", names())
def test_a_dead_receiver_is_only_not_now(kind: str, life: list[Alert]) -> None:
    with socket.socket() as held:  # bound, never listening: refused at once, and nobody else gets the port
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        asyncio.run(checks.check_a_dead_receiver_is_only_not_now(lambda: load(kind)(Options("mine", url, "", 2.0), time.time), life))


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(_http).failed == 0
