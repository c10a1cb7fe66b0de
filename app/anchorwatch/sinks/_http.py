"""One JSON request to a receiver, and what its answer means: taken, never, or later."""

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
            raise NotNow(f"{self._options.name}: no answer within {self._options.timeout_s:g} s ({type(error).__name__})") from error
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


def _hint(status: int) -> str:
    if status in (401, 403):
        return "; check the sink's token"
    if 300 <= status < 400 or status in (404, 405):
        return "; check the sink's url"
    return ""
