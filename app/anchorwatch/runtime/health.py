"""What a probe and Prometheus ask the supervisor: /livez, /readyz, /metrics; and the door for hooks."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from anchorwatch.errors import ConfigError

Ready = Callable[[], dict[str, Any]]  # plain data with `ready`
Metrics = Callable[[], Awaitable[str]]
Hook = Callable[[web.Request], Awaitable[web.Response]]
BODY_MAX = 262_144  # bytes of a request
INLINE_MAX = 16_384  # bytes that are compressed at once; more: by a thread, since the loop answers probes too
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class _Strangers(logging.Filter):
    """What is no HTTP is answered with 400 by the server itself; its log line would hold bytes of a body."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


STRANGERS = _Strangers()


async def serve(host: str, port: int, ready: Ready, metrics: Metrics, hook: Hook | None = None) -> tuple[web.AppRunner, int]:
    """Listening; the port in use (0 takes a free one). Raises ConfigError when the address is taken."""

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})  # that the loop answers is the answer

    async def readyz(_: web.Request) -> web.Response:
        told = ready()
        return web.json_response(told, status=200 if told["ready"] else 503)

    async def scraped(_: web.Request) -> web.Response:
        answer = web.Response(body=(await metrics()).encode(), headers={"Content-Type": TEXT}, zlib_executor_size=INLINE_MAX)
        answer.enable_compression()  # for whoever accepts it, as Prometheus does: a thirtieth on the wire
        return answer

    logging.getLogger("aiohttp.server").addFilter(STRANGERS)
    app = web.Application(client_max_size=BODY_MAX)
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", scraped)])
    if hook:
        app.add_routes([web.route("*", "/hooks/{source}", hook)])
    runner = web.AppRunner(app, access_log=None, auto_decompress=False)  # a signature is of the bytes as they came, and no bomb unfolds
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(f"run: cannot listen on {host}:{port}: {error.strerror}; set run: {{port: …}}, 0 takes any free port") from error
    return runner, int(runner.addresses[0][1])
