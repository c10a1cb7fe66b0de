"""What is remembered has a bound, and what happens there is said."""

from collections.abc import Callable

import pytest

from anchorwatch.alerting import memory as module
from anchorwatch.alerting.kept import Incident, Kept
from anchorwatch.alerting.memory import ALERTS_MAX, CRITICAL_RESERVE, REMEMBERED_MS, Memory, restored
from anchorwatch.alerting.signal import Signal
from anchorwatch.errors import StateCorrupt

Fill = Callable[..., Memory]


@pytest.fixture
def fill(signal: Callable[..., Signal]) -> Fill:
    def make(n: int, resolved: int = 0) -> Memory:
        memory, said = Memory(), signal()
        for i in range(n):
            kept = Kept(f"k{i:05d}", f"{i}", said.name, "firing", "warning", True, (0, 10), 0, (0, 0), said, incident=f"i{i}")
            if i < resolved:
                kept.state, kept.resolved_ms = "resolved", 1_000 + i
            memory.alerts[kept.key] = kept
            memory.incidents[kept.incident] = Incident(kept.incident, 0, 0, (0, 0))
        return memory

    return make


def test_the_oldest_resolved_alert_leaves_with_a_tombstone(fill: Fill) -> None:
    memory = fill(ALERTS_MAX, resolved=2)

    assert memory.room("critical")
    assert list(memory.gone) == ["k00000"]
    assert "i0" not in memory.incidents
    assert len(memory.alerts) == ALERTS_MAX - 1


def test_an_open_alert_never_leaves(fill: Fill) -> None:
    """It would never be told as over."""
    memory = fill(ALERTS_MAX)

    assert not memory.room("critical")
    assert memory.refused == 1
    assert len(memory.alerts) == ALERTS_MAX


def test_a_thousand_warnings_leave_room_for_a_page(fill: Fill) -> None:
    memory = fill(ALERTS_MAX - CRITICAL_RESERVE)

    assert not memory.room("warning")
    assert memory.room("critical")


def test_resolved_alerts_are_forgotten_after_seven_days(fill: Fill) -> None:
    memory = fill(3, resolved=2)
    memory.forget(REMEMBERED_MS + 1_001)

    assert list(memory.alerts) == ["k00001", "k00002"]
    assert list(memory.gone) == ["k00000"]


def test_an_incident_stays_while_a_member_is_remembered(fill: Fill) -> None:
    memory = fill(3, resolved=1)
    memory.alerts["k00001"].incident = "i0"
    memory.forget(REMEMBERED_MS * 2)

    assert set(memory.incidents) >= {"i0"}


def test_silences_have_a_bound_and_the_shortest_leaves() -> None:
    memory = Memory()
    for i in range(module.SILENCES_MAX + 1):
        memory.silence(f"t{i}", 1_000 + i)

    assert len(memory.silences) == module.SILENCES_MAX
    assert "t0" not in memory.silences


def test_tombstones_that_nobody_takes_have_a_bound(fill: Fill) -> None:
    memory = fill(10, resolved=10)
    memory.gone = {f"g{i}": None for i in range(module.GONE_MAX)}
    memory.forget(REMEMBERED_MS * 2)

    assert len(memory.gone) == module.GONE_MAX
    assert "k00009" in memory.gone


def test_a_snapshot_of_another_version_is_refused() -> None:
    with pytest.raises(StateCorrupt, match=r"prod/fraud: snapshot has version 99"):
        restored({**Memory().snapshot(), "v": 99}, "prod/fraud")


def test_a_snapshot_of_another_shape_is_refused() -> None:
    with pytest.raises(StateCorrupt, match="another shape"):
        restored({**Memory().snapshot(), "alerts": [1]}, "prod/fraud")
