"""What is remembered is plain, finite and bounded."""

import doctest
from collections.abc import Callable

import msgspec
import numpy as np

from anchorwatch.alerting import kept as module
from anchorwatch.alerting.kept import Incident, Kept, plain, plain_signal
from anchorwatch.alerting.signal import Signal


def remembered(first: Signal) -> Kept:
    return Kept("k", "id", first.name, "firing", first.severity, first.harm, (0, 10), first.since_ms, first.onset, first)


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module).failed == 0


def test_numbers_that_are_no_numbers_become_null() -> None:
    """Field case C25: NaN in our own answers."""
    told = plain({"current": float("nan"), "delay": np.float64("inf"), "n": np.int64(3), "series": np.array([[1.0, np.nan]])})

    assert told == {"current": None, "delay": None, "n": 3, "series": [[1.0, None]]}


def test_evidence_is_bounded_in_items_text_and_depth() -> None:
    deep: dict[str, object] = {}
    for _ in range(50):
        deep = {"inner": deep}

    assert len(plain(list(range(10_000)))) == module.ITEMS_MAX
    assert len(plain("x" * 100_000)) == module.TEXT_MAX
    assert len(msgspec.json.encode(plain(deep))) < 100


def test_several_monitors_of_one_key_heal_only_together(signal: Callable[..., Signal]) -> None:
    """Missing and out of range, on one field: one alert, and one return is not the end."""
    missing, outside = signal(name="InputMissing"), signal(name="InputOutOfRange")
    alert = remembered(missing)
    alert.hear([missing, outside])
    alert.hear([signal(name="InputMissing", verdict="quiet")])

    assert [voice.name for voice in alert.firing] == ["InputOutOfRange"]
    assert alert.words.name == "InputOutOfRange"


def test_a_return_of_what_was_never_heard_is_ignored(signal: Callable[..., Signal]) -> None:
    alert = remembered(signal())
    alert.hear([signal()])
    alert.hear([signal(name="Miscalibrated", verdict="recovering")])

    assert list(alert.voices) == ["QualityDrop"]


def test_order_inside_a_window_does_not_matter(signal: Callable[..., Signal]) -> None:
    group = [signal(verdict="warning", severity="warning", summary="a"), signal(summary="b"), signal(verdict="quiet", summary="c")]
    one, other = remembered(signal()), remembered(signal())
    one.hear(group)
    other.hear(group[::-1])

    assert one == other
    assert one.words.summary == "b"


def test_a_resolved_alert_keeps_no_pictures(signal: Callable[..., Signal]) -> None:
    alert = remembered(signal(evidence={"current": 0.61, "series": [[1, 2]]}, traces=["a", "b"], description="long"))
    alert.over()

    assert alert.words.evidence == {"current": 0.61}
    assert list(alert.words.traces) == ["a"]
    assert alert.words.description == ""


def test_a_warning_carries_its_picture_once_a_page_always(signal: Callable[..., Signal]) -> None:
    """The record that opened it stays in the log; a thousand warnings in every snapshot would not."""
    evidence = {"current": 0.61, "series": [[1, 2]]}
    page, warning = remembered(signal(evidence=evidence)), remembered(signal(evidence=evidence, severity="warning"))
    for alert in (page, warning):
        alert.hear([alert.words])
        alert.told()

    assert page.words.evidence == evidence
    assert warning.words.evidence == {"current": 0.61}
    assert "series" not in page.voices["QualityDrop"].evidence


def test_plain_signals_survive_msgpack(signal: Callable[..., Signal]) -> None:
    alert = remembered(plain_signal(signal(evidence={"interval": (0.5, float("nan"))}, caused_by=[{"kind": "deploy"}], traces=("t",))))
    again = msgspec.convert(msgspec.msgpack.decode(msgspec.msgpack.encode(msgspec.to_builtins(alert))), Kept)

    assert again == alert


def test_people_who_heard_of_worse_have_heard() -> None:
    incident = Incident("i", 0, 0, (0, 0), told={"critical": 5, "info": 9})

    assert incident.last_told("critical") == 5
    assert incident.last_told("warning") == 5
    assert incident.last_told("info") == 9
    assert Incident("i", 0, 0, (0, 0), told={"warning": 5}).last_told("critical") is None
