"""What waits for one receiver (sinks/_outbox.py)."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchorwatch.events import Alert
from anchorwatch.sinks._outbox import Outbox


def test_only_the_newest_state_of_an_alert_waits(alert: Callable[..., Alert]) -> None:
    box = Outbox(10)
    box.offer("i", alert(sequence=1))
    box.offer("i", alert(sequence=3, state="resolved"))
    box.offer("i", alert(sequence=2, state="acknowledged"))

    assert box.head() == ("i", [alert(sequence=3, state="resolved")])
    assert len(box) == 1


def test_a_sound_not_yet_made_is_not_lost_by_an_edit(alert: Callable[..., Alert]) -> None:
    box = Outbox(10)
    box.offer("i", alert(sequence=1, loud=True))
    box.offer("i", alert(sequence=2, loud=False))

    assert [waiting.loud for _, group in [box.head() or ("", [])] for waiting in group] == [True]


@pytest.mark.parametrize("change", [{"state": "acknowledged"}, {"state": "resolved"}, {"silenced_until_ms": 9}])
def test_what_needs_nobody_any_more_makes_no_sound(alert: Callable[..., Alert], change: dict[str, object]) -> None:
    box = Outbox(10)
    box.offer("i", alert(sequence=1, loud=True))
    box.offer("i", alert(**{"sequence": 2, "loud": False, **change}))

    assert not (box.head() or ("", []))[1][0].loud


def test_what_became_newer_while_it_was_sent_stays(alert: Callable[..., Alert]) -> None:
    box = Outbox(10)
    box.offer("i", alert(sequence=1))
    _, sent = box.head() or ("", [])
    box.offer("i", alert(sequence=2))
    box.done("i", sent)

    assert box.head() == ("i", [alert(sequence=2, loud=True)])


def test_at_the_bound_silent_edits_leave_before_sounds(alert: Callable[..., Alert]) -> None:
    box = Outbox(2)
    box.offer("i", alert("a", loud=True))
    box.offer("j", alert("b", loud=False))
    dropped = box.offer("k", alert("c", loud=True))
    box.done("i", [alert("a")])

    assert (dropped, box.dropped) == (1, 1)
    assert box.head() == ("k", [alert("c")])


def test_what_the_receiver_cannot_take_lets_others_pass(alert: Callable[..., Alert]) -> None:
    box = Outbox(10)
    box.offer("i", alert("a"))
    box.offer("j", alert("b"))
    box.later("i")

    assert (box.head() or ("", []))[0] == "j"


def test_an_empty_outbox_has_no_head() -> None:
    assert Outbox(1).head() is None


@given(offers=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 5)), max_size=60), limit=st.integers(1, 4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # `alert` is a plain function
def test_it_never_holds_more_than_its_bound(alert: Callable[..., Alert], offers: list[tuple[str, int]], limit: int) -> None:
    box = Outbox(limit)
    for name, sequence in offers:
        box.offer(name, alert(name, sequence=sequence))
    held = len(box)
    left = []
    while (head := box.head()) is not None:
        box.done(*head)
        left += head[1]

    assert held == len(left) <= limit
    assert len({waiting.id for waiting in left}) == len(left)
