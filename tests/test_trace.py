"""trace.py: what W3C Trace Context asks of a reader, and ids that survive a replay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch import trace
from anchorwatch.trace import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
HEX = "0123456789abcdef"

contexts = st.builds(
    TraceContext,
    st.text(HEX, min_size=32, max_size=32).filter(lambda t: t.strip("0")),
    st.text(HEX, min_size=16, max_size=16).filter(lambda t: t.strip("0")),
    st.integers(0, 255),
)


def test_the_example_of_the_recommendation_is_read() -> None:
    assert trace.parse(GOOD) == trace.parse(GOOD.encode()) == TraceContext(TRACE, SPAN, 1)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        b"",
        "nonsense",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0x",
        f"{GOOD}-more",
        f"{GOOD}\n",
        f" {GOOD}",
        f"cc-{TRACE}-{SPAN}-01more",
        GOOD.encode().replace(b"4", b"\xff"),
        GOOD.replace("4", "٤"),  # a digit to Python, not to W3C
    ],
)
def test_what_is_malformed_is_ignored(text: str | bytes | None) -> None:
    assert trace.parse(text) is None
    assert not trace.sampled(text)


@pytest.mark.parametrize("more", ["", "-", "-what-the-future-brings"])
def test_a_future_version_is_read_by_its_first_55_characters(more: str) -> None:
    assert trace.parse(f"cc-{TRACE}-{SPAN}-03{more}") == TraceContext(TRACE, SPAN, 3)


@pytest.mark.parametrize(("flags", "kept"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True), ("fe", False)])
def test_only_the_sampled_bit_decides(flags: str, kept: bool) -> None:
    text = f"00-{TRACE}-{SPAN}-{flags}"

    assert trace.sampled(text) is trace.keeps(text) is kept


@pytest.mark.parametrize("short", ["", "00", GOOD[:54]])
def test_the_hot_test_refuses_what_is_too_short(short: str) -> None:
    assert not trace.keeps(short)


@given(contexts)
def test_text_and_bytes_survive_the_round_trip(context: TraceContext) -> None:
    assert trace.parse(trace.format(context)) == context
    assert trace.unpack(trace.pack(context)) == context
    assert len(trace.pack(context)) == trace.PACKED
    assert trace.keeps(trace.format(context)) is trace.sampled(trace.format(context)) is context.sampled


@given(st.text(max_size=70) | st.binary(max_size=70))
def test_a_stranger_s_header_never_raises(text: str | bytes) -> None:
    found = trace.parse(text)

    assert found is None or trace.parse(trace.format(found)) == found


def test_no_trace_packs_to_zeros() -> None:
    assert trace.pack(None) == bytes(25)
    assert trace.unpack(bytes(25)) is None


def test_an_alert_s_ids_follow_from_id_and_sequence() -> None:
    first, again, second, other = (trace.alert_context(*key) for key in [("5f1c", 1), ("5f1c", 1), ("5f1c", 2), ("5f1c1", 1)])

    assert first == again
    assert len({first, second, other}) == len({c.trace_id for c in (first, second, other)}) == 3
    assert trace.parse(trace.format(first)) == first
    assert first.sampled
