from typing import Any

import msgspec

from anchorwatch.events import Alert
from anchorwatch.runtime.alerted import END_MS, _harm, spans, words
from anchorwatch.runtime.drive import Event

LABELS = {"environment": "prod", "model": "fraud", "watch": "quality", "subject": "error@late", "segment": "whole", "severity": "critical"}


def alert(state: Any, sequence: int, at_ms: int, *, name: str = "a", start: str = "1970-01-01T00:00:10Z", **labels: str) -> Alert:
    return Alert(
        labels=LABELS | labels, annotations={}, startsAt=start, endsAt=None, generatorURL="", id=name, dedup_key="", state=state, sequence=sequence,
        opened_at_ms=12_000, at_ms=at_ms, incident="", owner={}, evidence={}, impact={}, caused_by=[], trace_ids=[],
    )  # fmt: skip


def test_an_alert_is_open_from_its_change_point_until_it_is_resolved() -> None:
    told = [alert("firing", 1, 15_000), alert("recovering", 2, 20_000), alert("resolved", 3, 30_000)]

    assert spans(told) == ((10_000, 30_000),)
    assert spans(told[:2]) == ((10_000, END_MS),)
    assert spans(told[2:]) == ((10_000, 30_000),), "what began before all that is read"


def test_one_that_comes_again_is_open_twice_and_others_beside_it() -> None:
    again = "1970-01-01T00:00:50Z"
    told = [
        alert("firing", 1, 15_000), alert("resolved", 2, 30_000), alert("firing", 3, 55_000, start=again), alert("resolved", 4, 60_000, start=again),
        alert("firing", 1, 28_000, name="b", start="1970-01-01T00:00:25Z"), alert("resolved", 2, 40_000, name="b", start="1970-01-01T00:00:25Z"),
    ]  # fmt: skip

    assert spans(told) == ((10_000, 40_000), (50_000, 60_000))


def test_only_harm_is_no_normal_time() -> None:
    def read(**labels: str) -> bool:
        return _harm(msgspec.json.encode(alert("firing", 1, 0, **labels))) is not None

    assert read(severity="warning")
    assert not read(watch="inputs")
    assert not read(watch="alive", severity="info"), "a retirement"
    assert _harm(b"nonsense") is None


def test_what_is_left_out_is_told() -> None:
    events = [Event("predictions", at, b"", b"") for at in (5, 10, 15, 20)]

    assert words(events, ((10, 20),)) == "; without 2 predictions under alerts, the last until 1970-01-01 00:00 UTC"
    assert words(events, ((20, END_MS),)) == "; without 1 predictions under an alert that is open still"
    assert words(events, ((30, 40),)) == ""
