"""One JSON request to a receiver, and what its answer means: taken, never, or later."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from anchorwatch.sinks.base import NotNow, Options, Refused

NEVER = frozenset({400, 413, 415, 422})  # this body is at fault; any other refusal is the receiver's or the settings' and may pass
WAIT_S_MAX = 3_600.0  # of a Retry-After
ANSWER_MAX = 300  # characters of an answer that are shown


class Poster:
    """A lazy session: one connection, no redirects (a POST that becomes a GET looks like success)."""

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        self._options, self._clock = options, clock
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Raises Refused or NotNow. NaN becomes null: strict JSON whatever comes."""
        try:
            async with self._open().post(url, data=msgspec.json.encode(body), headers=headers, allow_redirects=False) as answer:
                if 200 <= answer.status < 300:
                    return
                text = (await answer.content.read(4 * ANSWER_MAX)).decode("utf-8", "replace")[:ANSWER_MAX]
                after = retry_after(answer.headers.get("Retry-After"), self._clock())
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise NotNow(f"{self._options.name}: {_why(error, self._options.timeout_s)}") from error
        why = f"{self._options.name}: answered {answer.status} {answer.reason}: {text!r}{_hint(answer.status)}"
        raise Refused(why) if answer.status in NEVER else NotNow(why, after)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"Content-Type": "application/json", "User-Agent": "anchorwatch"}
            if self._options.token:
                headers["Authorization"] = f"Bearer {self._options.token}"
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._options.timeout_s), connector=aiohttp.TCPConnector(limit=2), headers=headers
            )
        return self._session


def retry_after(text: str | None, now_s: float) -> float | None:
    """Seconds to wait, from seconds or an HTTP date; None for what is neither.

    >>> retry_after("30", 0.0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 15.0), retry_after("soon", 0.0), retry_after("9e99", 0.0)
    (30.0, 45.0, None, None)
    """
    if not text:
        return None
    if text.strip().isdecimal():
        return min(float(text), WAIT_S_MAX)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(when.timestamp() - now_s, 0.0), WAIT_S_MAX)


def _why(error: Exception, timeout_s: float) -> str:
    """What, where, next step; of the url only the host: what stands behind it may be a secret."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"no host of the name {error.host}: check the sink's url"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return f"no TLS with {error.host}:{error.port}: {error}; check http or https in the sink's url, and the receiver's certificate"
        case aiohttp.ClientConnectorError():
            code = error.os_error.errno or 0
            reason = os.strerror(code) if code > 0 else type(error.os_error).__name__
            return f"no connection to {error.host}:{error.port} ({reason.lower()}): is the receiver up, and the sink's url right?"
        case TimeoutError():
            return f"no answer within {timeout_s:g} s: is the receiver overloaded?"
        case _:
            return f"the connection broke before an answer came ({type(error).__name__}): look at the receiver's log"


def _hint(status: int) -> str:
    if status in (401, 403):
        return "; check the sink's token"
    if 300 <= status < 400 or status in (404, 405):
        return "; check the sink's url"
    return ""
