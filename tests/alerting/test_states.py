"""The life of one alert."""

from anchorwatch.alerting import states


def test_the_drawing_in_the_docstring_is_the_table() -> None:
    assert states.drawing() in (states.__doc__ or "")


def test_each_transition_of_the_interface_is_in_the_table() -> None:
    """interfaces.md 4, "leaves to"."""
    leaves = {state: set(states.TABLE[state].values()) - {state} for state in states.STATES}

    assert leaves == {
        "quiet": {"firing"},
        "firing": {"acknowledged", "recovering", "resolved"},
        "acknowledged": {"firing", "recovering", "resolved"},
        "recovering": {"firing", "resolved"},
        "resolved": {"firing", "quiet"},
    }


def test_what_is_not_in_the_table_changes_nothing() -> None:
    assert states.after("resolved", "ack") is None
    assert states.after("acknowledged", "alarm") is None


def test_every_state_can_be_reached_and_left() -> None:
    reached = {state for row in states.TABLE.values() for state in row.values()}

    assert reached == set(states.STATES)
    assert set(states.TABLE) == set(states.STATES)
