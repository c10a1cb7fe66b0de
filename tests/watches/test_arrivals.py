"""Errors of the last days while labels still come: against the truth of simulated worlds, with labels whose delay hangs on their class."""

import numpy as np
from tests.traffic import LOAN
from tests.watches.seeing import layout

from anchorwatch.watches.arrivals import AGES, Arrivals, Waiting
from anchorwatch.watches.base import Floats, Ints
from anchorwatch.watches.layout import Layout

DAY = 86_400_000
WEEKS = LOAN.replace("typical: 2s, late: 3s, final: 30s", "typical: 3d, late: 20d, final: 28d")


def arrivals() -> tuple[Layout, Arrivals]:
    of = layout(WEEKS)
    assert of.arrivals is not None
    return of, of.arrivals


class World:
    """Positives after 3 days, negatives after 10 in the mean; 28 days of predictions, as of their end."""

    def __init__(self, seed: int, worse: float, n: int = 20_000) -> None:
        self.layout, self.arrivals = arrivals()
        scores, rng = self.layout.scores, np.random.default_rng(seed)
        assert scores is not None
        self.at: Ints = rng.integers(0, 28 * DAY, n)
        self.group: Ints = rng.integers(0, scores.groups, n)
        rate = np.minimum(scores.calibrated.rate[self.group] + worse, 1.0)
        self.positive = rng.random(n) < rate
        delay: Floats = np.minimum(rng.exponential(np.where(self.positive, 3.0, 10.0)), 27.9) * DAY
        self.known: Ints = self.at + delay.astype(np.int64)
        self.wrong = self.positive != scores.calibrated.answer[self.group]

    def table(self, some: Ints | slice = slice(None)) -> Ints:
        labelled = np.ones(len(self.at), np.bool_)
        waiting = Waiting(self.at[some], self.group[some], self.known[some], labelled[some], self.positive[some])
        return self.arrivals.count(waiting, 28 * DAY)

    def truth(self) -> float:
        span = -(-7 * DAY // self.arrivals.width_ms) * self.arrivals.width_ms
        return float(self.wrong[self.at >= 28 * DAY - span].mean())


def errors(worse: float, runs: int = 40) -> tuple[float, float, float]:
    """Root mean square error of the estimate, share of intervals that hold the truth, error of the plain mean of what has arrived."""
    square, held, plain = 0.0, 0, 0.0
    for seed in range(runs):
        world = World(seed, worse)
        found = world.arrivals.estimate(world.table())
        assert found is not None
        truth = world.truth()
        square += (found.error.value - truth) ** 2 / runs
        held += found.error.low <= truth <= found.error.high
        last = (world.at >= 21 * DAY) & (world.known < 28 * DAY)
        plain += (float(world.wrong[last].mean()) - truth) ** 2 / runs
    return float(np.sqrt(square)), held / runs, float(np.sqrt(plain))


def test_it_is_near_the_truth_and_its_interval_holds_it_though_half_of_the_labels_are_not_in() -> None:
    error, held, plain = errors(0.0)

    assert error < 0.01
    assert plain < 0.01, "errors of this model are as common in early labels as in late ones"
    assert held >= 0.85


def test_it_follows_when_answers_at_a_score_turn_out_otherwise() -> None:
    """The scores alone would miss the ten points altogether."""
    error, held, plain = errors(0.1)

    assert error < 0.025
    assert error < plain
    assert held >= 0.75


def test_tables_of_several_tasks_add_up_to_that_of_one() -> None:
    world = World(1, 0.0, 2_000)
    parts = [world.table(np.arange(start, 2_000, 3)) for start in range(3)]

    assert np.array_equal(sum(parts[1:], parts[0]), world.table())


def test_a_label_counts_only_where_all_of_its_delay_could_have_come() -> None:
    _, found = arrivals()
    width, now = found.width_ms, 10 * DAY
    one = np.ones(1, np.int64)

    def seen(age_ms: int, delay_ms: int) -> int:
        at = now - 1 - age_ms
        return int(found.count(Waiting(at * one, 0 * one, (at + delay_ms) * one, one > 0, one > 0), now)[AGES * found.groups :].sum())

    assert seen(2 * width, width) == 2, "labelled, and its delay"
    assert seen(width - 1, width // 2) == 0, "of this age only half of such labels could be in"
    assert seen(2 * width, 3 * width) == 0, "not known yet"


def test_moments_are_ends_of_windows_a_hundred_and_sixty_eighth_of_final_apart() -> None:
    _, found = arrivals()

    assert list(found.moments(10_000, 0, 9 * 3_600_000)) == [4 * 3_600_000, 8 * 3_600_000]
    assert list(found.moments(10_000, 4 * 3_600_000, 5 * 3_600_000)) == []
