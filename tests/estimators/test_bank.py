"""Banks of monitors: the promise, the life, the state."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anchorwatch.errors import StateCorrupt
from anchorwatch.estimators.bank import AGAIN_MS, BernoulliBank, Change, TableBank
from anchorwatch.estimators.tables import bernoulli, promise, promise_heal, rank_heal, rank_tilt, stack

HOUR, DAY = 3_600_000, 86_400_000
UNIFORM = np.full(32, 1 / 32)
F1_70 = [0.6, -0.7, -0.7, 0.0]  # TP, FP, FN, TN for a promise of F1 >= .70


def rates(size: int = 1, **changed: Any) -> BernoulliBank:
    chosen: dict[str, Any] = {"group": np.arange(size), "line": 0.06, "share": 1.0, "clear_days": 1.0, "pages": True}
    return BernoulliBank(**chosen | {"phi": 1.0, "up": True, "level_days": 30.0} | changed)


def two_sided(size: int = 1, low: float = 0.04, high: float = 0.06, **changed: Any) -> BernoulliBank:
    line, up = np.tile([high, 1 - low], size), np.tile([True, False], size)
    return rates(size, group=np.repeat(np.arange(size), 2), line=line, up=up, **changed)


def features(size: int = 1, **changed: Any) -> TableBank:
    chosen: dict[str, Any] = {"tables": np.stack([rank_tilt(UNIFORM, 0.05, 0.05)] * size), "share": 1.0, "clear_days": 1.0, "pages": False}
    heal = stack([rank_heal(UNIFORM, 0.05, 0.05)] * size)
    return TableBank(**chosen | {"phi": 1.0, "heal": heal, "level_days": 30.0} | changed)


def promises(size: int = 1, **changed: Any) -> TableBank:
    chosen: dict[str, Any] = {"tables": np.stack([promise(F1_70)] * size), "share": 1.0, "clear_days": 1.0, "pages": True}
    return TableBank(**chosen | {"phi": 1.0, "heal": stack([promise_heal(F1_70)] * size), "level_days": 30.0} | changed)


def hourly(bank: BernoulliBank | TableBank, draws: Any, start: int = 0) -> list[Change]:
    """One window an hour; draws: the arrays that a window takes."""
    changes: list[Change] = []
    for t, counts in enumerate(draws, start):
        when = (1 / 24, t * HOUR, (t + 1) * HOUR)
        changes += bank.window(counts[0], *when) if isinstance(bank, TableBank) else bank.window(counts[0], counts[1], *when)
    return changes


def tosses(rng: np.random.Generator, hours: int, p: float, size: int = 1, n: int = 40) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    return [(np.full(size, n), rng.binomial(n, p, size)) for _ in range(hours)]


def both_ways(draws: Any) -> Any:
    return [(np.repeat(n, 2), np.stack([k, n - k], 1).ravel()) for n, k in draws]


def test_evidence_is_the_formula_of_the_design() -> None:
    """M_k <- (M_k + share dt) L_k, mean over the bets, by hand over two windows."""
    bank = rates(line=0.1, share=0.5)
    table = np.exp(bernoulli(0.1))

    bank.window([10], [2], 1.0, 0, DAY)
    bank.window([5], [1], 1.0, DAY, 2 * DAY)

    first = 0.5 * table[:, 0] ** 8 * table[:, 1] ** 2
    assert bank.evidence()[0] == pytest.approx(np.mean((first + 0.5) * table[:, 0] ** 4 * table[:, 1]), rel=1e-5)


def test_an_empty_window_only_adds_credit() -> None:
    bank = rates(2, share=[0.25, 0.0])

    assert bank.window([0, 0], [0, 0], 0.5, 0, DAY) == []

    assert bank.evidence().tolist() == [0.125, 0.0]


def test_nothing_is_ever_said_of_a_monitor_that_saw_no_event() -> None:
    """Bookings whose truth comes after 202 days: credit alone once warned after 15 days and paged after 150."""
    bank = rates(share=0.2)

    changes = [change for day in range(300) for change in bank.window([0], [0], 1.0, day * DAY, (day + 1) * DAY)]

    assert changes == []
    assert bank.evidence().tolist() == [0.2]


def test_a_month_of_nothing_brings_no_months_credit() -> None:
    bank, other = rates(line=0.1, share=0.5), rates(line=0.1, share=0.5)

    bank.window([10], [1], 40.0, 0, DAY)
    other.window([10], [1], 1.0, 0, DAY)

    assert bank.evidence().tolist() == other.evidence().tolist()


def test_a_line_that_cannot_be_passed_earns_nothing() -> None:
    """A class that is always given has its line at 1: 73,000 answers like those of the reference once warned after 118 days."""
    bank = rates(line=1 - 1e-6, share=0.05)

    changes = [change for day in range(300) for change in bank.window([600], [600], 1.0, day * DAY, (day + 1) * DAY)]

    assert changes == []


def test_silence_takes_away_nothing_that_was_gathered_before() -> None:
    bank = rates(line=0.1, share=0.5)
    bank.window([20], [6], 1.0, 0, DAY)
    before = bank.evidence().tolist()

    bank.window([0], [0], 5.0, DAY, 6 * DAY)

    assert before[0] > 0.5
    assert bank.evidence()[0] >= before[0]


def test_a_rate_beyond_its_line_pages_once_and_is_dated() -> None:
    rng = np.random.default_rng(3)
    changes = hourly(rates(), tosses(rng, 240, 0.05) + tosses(rng, 48, 0.3))

    page = next(c for c in changes if c.verdict == "page")
    assert [c.verdict for c in changes if c.verdict == "page"] == ["page"]
    assert abs(page.since_ms - 240 * HOUR) <= 2 * HOUR
    assert page.k / page.n > 0.15
    assert (page.direction, page.again, page.evidence_days >= 30) == ("up", False, True)


def test_while_open_evidence_rests_at_nought() -> None:
    rng = np.random.default_rng(3)
    bank = rates()
    hourly(bank, tosses(rng, 48, 0.3))

    assert bank.state().tolist() == [2]
    assert bank.evidence().tolist() == [0.0]


def test_what_healed_recovers_then_falls_silent_then_may_come_again() -> None:
    rng = np.random.default_rng(4)
    bank = rates()
    sick, well = tosses(rng, 72, 0.3), tosses(rng, 120, 0.03)

    changes = hourly(bank, sick + well + tosses(rng, 24, 0.3))

    told = [(c.verdict, c.again) for c in changes if c.verdict != "warning"]
    assert told[:2] == [("page", False), ("recovering", False)]
    assert told[-2:] == [("quiet", False), ("page", True)]
    recovered = next(c for c in changes if c.verdict == "recovering")
    assert abs(recovered.since_ms - 72 * HOUR) <= 2 * HOUR
    assert recovered.n >= 30


def test_a_week_after_the_all_clear_an_alarm_is_a_new_one() -> None:
    rng = np.random.default_rng(4)
    bank = rates()
    changes = hourly(bank, tosses(rng, 72, 0.3) + tosses(rng, 120, 0.03))
    quiet_at = next(c for c in changes if c.verdict == "quiet")
    assert quiet_at

    later = hourly(bank, tosses(rng, 24, 0.3), start=200 + AGAIN_MS // HOUR)
    assert [(c.verdict, c.again) for c in later if c.verdict == "page"] == [("page", False)]


def test_a_relapse_is_told_as_the_same_alert() -> None:
    """Health until a return is dated, then the fault once more before the all-clear."""
    rng = np.random.default_rng(5)
    bank = rates()
    changes = hourly(bank, tosses(rng, 72, 0.3))
    hours = 72
    while not bank.recovering()[0]:
        changes += hourly(bank, tosses(rng, 1, 0.03), hours)
        hours += 1
    changes += hourly(bank, tosses(rng, 24, 0.4), hours)

    assert [(c.verdict, c.again, c.relapse) for c in changes][-2:] == [("recovering", False, False), ("page", True, True)]
    assert bank.state().tolist() == [2]
    assert hours < 84


def test_silence_is_no_recovery() -> None:
    rng = np.random.default_rng(5)
    bank = rates()
    hourly(bank, tosses(rng, 48, 0.3))

    assert hourly(bank, [(np.zeros(1, int), np.zeros(1, int))] * 1000, start=48) == []
    assert not bank.recovering().any()


def test_three_slots_are_enough_to_recover_where_the_watch_says_so() -> None:
    sick, well = [(np.array([1]), np.array([1]))] * 20, [(np.array([1]), np.array([0]))] * 8

    few = hourly(rates(line=0.1, healing_min=3.0), sick + well)
    many = hourly(rates(line=0.1), sick + well)

    assert "recovering" in [c.verdict for c in few]
    assert "recovering" not in [c.verdict for c in many]


def test_what_never_pages_warns_and_stays_bounded() -> None:
    rng = np.random.default_rng(6)
    bank = rates(2, pages=[True, False])

    changes = hourly(bank, tosses(rng, 400, 0.6, 2))

    assert [c.verdict for c in changes if c.monitor == 1] == ["warning"]
    assert bank.state().tolist() == [2, 1]
    assert 3 < bank.evidence()[1] < 30


@pytest.mark.parametrize(("p", "direction"), [(0.3, "up"), (0.001, "down")])
def test_a_two_sided_monitor_says_which_way(p: float, direction: str) -> None:
    rng = np.random.default_rng(7)

    changes = hourly(two_sided(), both_ways(tosses(rng, 200, p)))

    page = next(c for c in changes if c.verdict == "page")
    assert (page.direction, page.stream) == (direction, 0 if direction == "up" else 1)


def test_a_window_of_a_million_errors_is_finite() -> None:
    bank = two_sided()
    bank.window([0, 0], [0, 0], 1.0, 0, DAY)

    changes = bank.window([10**9, 10**9], [10**9, 0], 1.0, DAY, 2 * DAY)

    assert [(c.verdict, c.evidence_days, c.direction) for c in changes] == [("page", 1e12, "up")]
    assert np.isfinite(list(bank.snapshot().values())[3]).all()


def test_a_moved_feature_warns_and_heals() -> None:
    rng = np.random.default_rng(8)
    moved = np.linspace(0.2, 1.8, 32) / 32

    def draw(q: NDArray[np.float64], hours: int) -> Any:
        return [(rng.multinomial(100, q, 1),) for _ in range(hours)]

    changes = hourly(features(), draw(UNIFORM, 100) + draw(moved, 48) + draw(UNIFORM, 96))

    assert [(c.verdict, c.direction) for c in changes] == [("warning", "up"), ("recovering", "up"), ("quiet", "up")]
    assert abs(changes[0].since_ms - 100 * HOUR) <= 3 * HOUR
    assert changes[0].k / changes[0].n > 0.55


def test_a_narrower_feature_is_heard_by_the_spread_rows() -> None:
    rng = np.random.default_rng(8)
    narrow = np.repeat([0.0, 1 / 16, 0.0], [8, 16, 8])

    changes = hourly(features(), [(rng.multinomial(100, narrow, 1),) for _ in range(24)])

    assert (changes[0].direction, changes[0].stream >= 8) == ("down", True)


def test_a_broken_promise_of_f1_pages_down() -> None:
    rng = np.random.default_rng(9)
    kept, broken = [0.10, 0.02, 0.02, 0.86], [0.06, 0.05, 0.05, 0.84]

    changes = hourly(promises(), [(rng.multinomial(100, q, 1),) for q in [kept] * 100 + [broken] * 60 + [kept] * 100])

    assert [c.verdict for c in changes if c.verdict != "warning"] == ["page", "recovering", "quiet"]
    assert {c.direction for c in changes} == {"down"}


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_the_counts_of_a_window_may_come_in_any_number_of_blocks(parts: int) -> None:
    """Judge adds the blocks of all tasks; only the sum enters."""
    rng = np.random.default_rng(10)
    whole, split = rates(5), rates(5)
    for t, (n, k) in enumerate(tosses(rng, 100, 0.08, 5)):
        cuts = rng.multinomial(k, np.full((5, parts), 1 / parts))
        assert whole.window(n, k, 1 / 24, t * HOUR, t * HOUR) == split.window(n, cuts.sum(1), 1 / 24, t * HOUR, t * HOUR)


def test_one_monitor_in_a_crowd_is_judged_as_if_alone() -> None:
    rng = np.random.default_rng(11)
    draws = tosses(rng, 300, 0.09, 64)
    crowd, alone = rates(64), rates(1)

    told = [c for c in hourly(crowd, draws) if c.monitor == 17]

    assert [c._replace(monitor=17, stream=17) for c in hourly(alone, [(n[17:18], k[17:18]) for n, k in draws])] == told


def test_streams_must_be_sorted_by_monitor() -> None:
    with pytest.raises(ValueError, match="sort the streams"):
        rates(group=[1, 0], size=2)


def test_a_line_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="line holds NaN"):
        rates(line=float("nan"))


def test_state_of_another_shape_is_refused_and_nothing_changes() -> None:
    bank = rates(3)
    bank.window([10, 10, 10], [1, 1, 1], 1.0, 0, DAY)
    before = bank.evidence()

    for broken in (rates(2).snapshot(), {}, bank.snapshot() | {"rows": np.full_like(bank.snapshot()["rows"], np.nan)}):
        with pytest.raises(StateCorrupt, match="empty state"):
            bank.restore(broken)
    assert (bank.evidence() == before).all()


def any_window(rng: np.random.Generator, size: int, calm: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    n = rng.poisson(40, size)
    return n, rng.binomial(n, rng.choice([0.03, 0.05] if calm else [0.03, 0.4], size))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 120), st.integers(1, 6))
def test_a_bank_restored_at_any_window_has_the_same_future(seed: int, cut: int, size: int) -> None:
    """Through bytes, as the changelog keeps it."""
    rng = np.random.default_rng(seed)
    draws = [any_window(rng, size, calm=(t // 30) % 2 == 0) for t in range(160)]
    bank, twin = rates(size, clear_days=0.2), rates(size, clear_days=0.2)
    hourly(bank, draws[:cut])
    twin.restore({k: np.frombuffer(v.tobytes(), v.dtype).reshape(v.shape) for k, v in bank.snapshot().items()})

    assert hourly(bank, draws[cut:], cut) == hourly(twin, draws[cut:], cut)
    after, theirs = bank.snapshot(), twin.snapshot()
    assert all((after[k] == theirs[k]).all() for k in after)
    assert (bank.recovering() == twin.recovering()).all()


def test_a_table_bank_restored_while_open_heals_like_its_twin() -> None:
    rng = np.random.default_rng(12)
    bank, twin = promises(3), promises(3)
    hourly(bank, [(rng.multinomial(100, [0.02, 0.2, 0.2, 0.58], 3),) for _ in range(48)])
    twin.restore(bank.snapshot())

    well = [(rng.multinomial(100, [0.4, 0.02, 0.02, 0.56], 3),) for _ in range(72)]
    changes = hourly(bank, well, 48)
    assert changes == hourly(twin, well, 48)
    assert [c.verdict for c in changes if c.verdict != "recovering"] == ["quiet"] * 3


def test_kept_monitors_go_on_in_a_new_bank_and_new_ones_begin_at_nought() -> None:
    """A segment joins, one leaves, the others move; also what is open and on its way back."""
    rng = np.random.default_rng(13)
    sick = [(np.repeat(n, 2), np.stack([k, n - k], 1).ravel()) for n, k in (any_window(rng, 3, calm=False) for _ in range(60))]
    old, new = two_sided(3), two_sided(3)
    hourly(old, sick)
    new.take_over(old, mine=[0, 2], theirs=[2, 1])

    assert new.evidence().tolist() == [old.evidence()[2], 0.0, old.evidence()[1]]
    assert new.state().tolist() == [old.state()[2], 0, old.state()[1]]
    well = [(np.repeat(n, 2), np.stack([k, n - k], 1).ravel()) for n, k in (any_window(rng, 3, calm=True) for _ in range(90))]
    moved = [(n.reshape(3, 2)[[2, 0, 1]].ravel(), k.reshape(3, 2)[[2, 0, 1]].ravel()) for n, k in well]
    theirs = [(c.verdict, c.since_ms, c.n, c.k) for c in hourly(old, well, 60) if c.monitor == 1]
    assert [(c.verdict, c.since_ms, c.n, c.k) for c in hourly(new, moved, 60) if c.monitor == 2] == theirs


def test_what_changed_its_definition_is_not_taken_over() -> None:
    with pytest.raises(ValueError, match="start anew"):
        two_sided().take_over(rates(), [0], [0])


def test_a_new_budget_keeps_every_monitor_at_the_same_part_of_its_mark() -> None:
    bank, other = rates(share=0.5), rates(share=0.5, level_days=60.0)
    bank.window([0], [0], 4.0, 0, DAY)
    other.take_over(bank, [0], [0])
    bank.rescale(2.0)

    assert bank.evidence().tolist() == other.evidence().tolist() == [1.0]
    assert bank.level_days == 60.0


def test_what_a_person_resolved_starts_anew() -> None:
    rng = np.random.default_rng(14)
    bank = rates(2)
    hourly(bank, tosses(rng, 48, 0.4, 2))
    bank.reset([1])

    assert bank.state().tolist() == [2, 0]
    assert bank.evidence().tolist() == [0.0, 0.0]
    assert [(c.monitor, c.again) for c in hourly(bank, tosses(rng, 24, 0.4, 2), 48) if c.verdict == "page"] == [(1, False)]


def test_a_category_that_grew_is_named_by_its_stream() -> None:
    """Three categories, each with a stream up and one down: shares .5 .3 .2 +- .05."""
    rng = np.random.default_rng(15)
    share = np.array([0.5, 0.3, 0.2])
    line = np.stack([share + 0.05, 1 - (share - 0.05)], 1).ravel()
    bank = rates(group=np.zeros(6, int), line=line, up=np.tile([True, False], 3), pages=False)

    def draw(q: list[float]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        k = rng.multinomial(100, q)
        return np.full(6, 100), np.stack([k, 100 - k], 1).ravel()

    changes = hourly(bank, [draw([0.5, 0.3, 0.2]) for _ in range(100)] + [draw([0.5, 0.1, 0.4]) for _ in range(48)])
    assert [(c.verdict, c.stream, c.direction) for c in changes] in ([("warning", 4, "up")], [("warning", 3, "down")])


def test_state_costs_what_is_stated() -> None:
    assert rates(100).nbytes == 100 * (240 + 17)
    assert features(10).nbytes == 10 * (480 + 17)
