"""Who must not hear of it yet."""

from collections.abc import Callable

from anchorwatch.events import Alert
from anchorwatch.sinks.base import NotNow, begins_silenced


def test_only_what_is_silenced_and_not_over_is_kept_back(alert: Callable[..., Alert]) -> None:
    assert begins_silenced(alert(silenced_until_ms=9))
    assert not begins_silenced(alert())
    assert not begins_silenced(alert(state="resolved", silenced_until_ms=9))


def test_a_receiver_may_say_how_long_to_wait() -> None:
    assert NotNow("busy").after_s is None
    assert NotNow("busy", 3.0).after_s == 3.0
