"""Through both stages: what is said of the last days is the same whatever the tasks, and gone with what gave rise to it."""

from functools import cache

from tests.stages.worlds import SHORT, scored_applied, scored_traffic
from tests.traffic import CLOCKWORK, T0, loan_drive

from anchorwatch.events import Summary
from anchorwatch.runtime.drive import Clockwork, Drive

N = 4_000
LAST = ("error_expected", "error_corrected", "error_corrected_low", "error_corrected_high")


@cache
def summaries(tasks: int) -> list[Summary]:
    clockwork = Clockwork(CLOCKWORK.window_ms, CLOCKWORK.lateness_ms, 1.0, tasks, CLOCKWORK.summary_ms, CLOCKWORK.recent_ms)
    return Drive([scored_applied()], clockwork).feed(scored_traffic(N, T0, 3)).end(T0 + 2 * N + 500).summaries


def test_the_last_days_are_told_beside_what_has_matured_and_are_near_it() -> None:
    last = summaries(1)[-1]
    expected, corrected, low, high = (last.columns[name][0] for name in LAST)

    assert expected is not None
    assert corrected is not None
    assert low is not None
    assert high is not None
    assert low < 0.25 < high, "a quarter of the answers of this world is wrong"
    assert last.reasons["last_days"].startswith("errors of the last 8s: ")
    assert "apart" not in last.reasons["last_days"]


def test_three_tasks_say_the_same_as_one() -> None:
    assert [[s.columns[name][0] for name in LAST] for s in summaries(3)] == [[s.columns[name][0] for name in LAST] for s in summaries(1)]


def test_only_the_whole_is_estimated_so_and_only_where_a_reference_knows_scores() -> None:
    assert all(value is None for value in summaries(1)[-1].columns["error_corrected"][1:])

    learning = loan_drive(scored_applied(reference=False)).feed(scored_traffic(600, T0, 3)).end(T0 + 5_000).summaries[-1]
    assert learning.columns["error_corrected"][0] is None
    assert "final: 8s" in SHORT
