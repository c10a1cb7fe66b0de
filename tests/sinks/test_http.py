"""What a receiver's answer means (sinks/_http.py)."""

import asyncio
from typing import Any

import pytest

from anchorwatch.sinks._http import WAIT_S_MAX, Poster, retry_after
from anchorwatch.sinks.base import NotNow, Options, Refused


def post(receiver: Any, body: Any = None, timeout_s: float = 2.0) -> None:
    async def once() -> None:
        async with receiver.listening():
            poster = Poster(Options("pager", receiver.url, "s3cret", timeout_s), lambda: 0.0)
            try:
                await poster.post(receiver.url, body)
            finally:
                await poster.close()

    asyncio.run(once())


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_body_that_is_at_fault_is_refused(receiver: Any, status: int) -> None:
    receiver.answers = [status]

    with pytest.raises(Refused, match=rf"pager: answered {status} .*because"):
        post(receiver)


@pytest.mark.parametrize(("status", "hint"), [(401, "token"), (403, "token"), (404, "url"), (301, "url"), (500, "500"), (503, "503")])
def test_any_other_refusal_may_pass_and_says_what_to_check(receiver: Any, status: int, hint: str) -> None:
    """A wrong token is a person's fault, not the alert's: nothing is lost meanwhile."""
    receiver.answers = [status]

    with pytest.raises(NotNow, match=hint):
        post(receiver)


def test_too_many_requests_says_how_long_to_wait(receiver: Any) -> None:
    receiver.answers = [(429, {"Retry-After": "30"})]

    with pytest.raises(NotNow) as told:
        post(receiver)

    assert told.value.after_s == 30


def test_one_that_hangs_is_given_up_in_time(receiver: Any) -> None:
    receiver.answers = [None]

    with pytest.raises(NotNow, match=r"no answer within 0\.1 s"):
        post(receiver, timeout_s=0.1)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "http://127.0.0.1:1/hook/s3cret",
            r"pager: no connection to 127\.0\.0\.1:1 \(.*refused.*\): is the receiver up, and the sink's url right\?",
        ),
        ("http://no-such-host.invalid/hook", r"pager: no host of the name no-such-host\.invalid: check the sink's url"),
    ],
)
def test_one_that_is_not_there_is_told_as_it_is(url: str, told: str) -> None:
    """Not as a timeout: nobody waited ten seconds for it."""

    async def once() -> None:
        poster = Poster(Options("pager", url), lambda: 0.0)
        try:
            await poster.post(url, {})
        finally:
            await poster.close()

    with pytest.raises(NotNow, match=told) as caught:
        asyncio.run(once())

    assert "s3cret" not in str(caught.value)


def test_plain_http_where_tls_is_meant_is_told(receiver: Any) -> None:
    async def once() -> None:
        async with receiver.listening():
            poster = Poster(Options("pager", receiver.url), lambda: 0.0)
            try:
                await poster.post(receiver.url.replace("http:", "https:"), {})
            finally:
                await poster.close()

    with pytest.raises(NotNow, match=r"no TLS with 127\.0\.0\.1.*check http or https in the sink's url"):
        asyncio.run(once())


def test_the_token_is_sent_and_json_is_strict(receiver: Any) -> None:
    post(receiver, {"current": float("nan"), "segment": "</script>\u2028"})

    assert receiver.headers[0]["Authorization"] == "Bearer s3cret"
    assert receiver.bodies == [{"current": None, "segment": "</script>\u2028"}]


@pytest.mark.parametrize(("text", "wait"), [(None, None), ("", None), ("-1", None), ("999999999", WAIT_S_MAX), ("0", 0.0)])
def test_a_time_to_wait_has_a_bound(text: str | None, wait: float | None) -> None:
    assert retry_after(text, 0.0) == wait
