"""Which of a new model's first events will be normal: asked window by window, without any stream."""

import numpy as np
import pytest
from tests.stages.lives import run as run_lives
from tests.traffic import CLOCKWORK, LOAN, T0, contract_of, traffic

from anchorwatch.runtime.drive import applied_of
from anchorwatch.stages.learning import BEGINNINGS_MAX, LEAD_WINDOWS, ROWS_ENOUGH, Learning, ready_of
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout

MINUTE = 60_000
LATE_MS = 3_000
LAYOUT = Layout(contract_of(reference="{learn: 2h}"), None, catalogue())
NAMED = {count.name: key for key, count in LAYOUT.counts.items()}


def counted(n: int, *, yes: float = 0.4, wrong: float = 0.0, slow: float = 0.0, missing: float = 0.0) -> Ints:
    """The whole of one window with n calls."""
    flat = np.zeros(LAYOUT.size, np.int64)
    LAYOUT.view(flat, NAMED["events"])[0, 0] = n
    LAYOUT.view(flat, NAMED["answer"])[0, :2] = n - round(n * yes), round(n * yes)
    LAYOUT.view(flat, NAMED["inference.seconds"])[0, [20, 40]] = n - round(n * slow), round(n * slow)
    LAYOUT.view(flat, NAMED["confusion@late"])[0, [0, 1]] = n - round(n * wrong), round(n * wrong)
    LAYOUT.view(flat, LAYOUT.state_keys["amount"])[0, [0, 1]] = n - round(n * missing), round(n * missing)
    return flat


def run(learning: Learning, windows: list[Ints], begin_ms: int = T0, harmed_ms: int | None = None) -> int:
    """Windows of a minute; when the last one ends."""
    for i, flat in enumerate(windows):
        at = begin_ms + i * MINUTE
        learning.window(flat, (at, at + MINUTE), harmed_ms)
    return begin_ms + len(windows) * MINUTE


def test_time_and_events_and_labels_make_it_ready() -> None:
    learning = Learning(LAYOUT, MINUTE)

    run(learning, [counted(10)] * 119)
    assert learning.ready(T0 + 120 * MINUTE) is None
    end = run(learning, [counted(10)], T0 + 119 * MINUTE)

    assert learning.ready(end) is None, "labels of the last ones are not in"
    assert learning.ready(end + LATE_MS) == (T0, end, end + LATE_MS, end + LATE_MS + LEAD_WINDOWS * MINUTE, 0, ())


def test_few_events_take_longer_and_very_many_less() -> None:
    few, many = Learning(LAYOUT, MINUTE), Learning(LAYOUT, MINUTE)

    run(few, [counted(2)] * 249)
    run(many, [counted(50_000)] * 2)

    assert few.to_ms < 0
    assert run(few, [counted(2)], T0 + 249 * MINUTE) == few.to_ms
    assert (many.to_ms, many.rows) == (T0 + 2 * MINUTE, ROWS_ENOUGH)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"yes": 0.7}, "answers 'no' went from 60 to"), ({"wrong": 0.4}, "errors went from 0 to"), ({"slow": 0.6}, "slow calls went from 0 to"),
        ({"missing": 0.5}, "missing values went from 0 to"),
    ],
)  # fmt: skip
def test_another_regime_begins_anew_and_says_why(change: dict[str, float], word: str) -> None:
    learning = Learning(LAYOUT, MINUTE)

    end = run(learning, [*[counted(50)] * 40, *[counted(50, **change)] * 30])

    assert (learning.beginnings, learning.to_ms) == (1, -1)
    assert T0 + 40 * MINUTE < learning.from_ms < T0 + 55 * MINUTE
    assert learning.why.startswith(f"not one regime: {word}")
    assert "began anew: not one regime" in learning.told(end)


def test_a_change_that_nobody_minds_is_one_regime() -> None:
    learning = Learning(LAYOUT, MINUTE)

    run(learning, [*[counted(500)] * 60, *[counted(500, yes=0.46)] * 60])

    assert learning.beginnings == 0


def test_the_same_regime_begins_anew_by_luck_once_in_many_times_at_most() -> None:
    """ADWIN at .002: twenty streams of 12,000 calls, binomial answers and errors; none may be cut, with a chance of one in a thousand."""
    chance = np.random.default_rng(5)
    cut = 0
    for _ in range(20):
        learning = Learning(LAYOUT, MINUTE)
        run(learning, [counted(100, yes=chance.binomial(100, 0.4) / 100, wrong=chance.binomial(100, 0.05) / 100) for _ in range(119)])
        cut += learning.beginnings

    assert cut == 0


def test_what_never_rests_is_learnt_as_it_is() -> None:
    learning = Learning(LAYOUT, MINUTE)
    flips = [counted(100, yes=0.1 if (i // 45) % 2 else 0.9) for i in range(600)]

    run(learning, flips)

    assert learning.beginnings == BEGINNINGS_MAX
    assert learning.to_ms > 0


def test_days_under_an_open_alert_are_not_normal() -> None:
    """An hour, ten minutes of harm that is heard after five, another hour and five minutes."""
    learning = Learning(LAYOUT, MINUTE)
    middle = run(learning, [counted(50)] * 65)
    middle = run(learning, [counted(50)] * 10, middle, harmed_ms=T0 + 60 * MINUTE)
    before = run(learning, [counted(50)] * 59, middle)
    assert learning.to_ms < 0
    end = run(learning, [counted(50)], before)

    ready = learning.ready(end + LATE_MS)
    assert (learning.from_ms, learning.to_ms, learning.rows) == (T0, end, 6_000)
    assert ready is not None
    assert ready.left_out == ((T0 + 60 * MINUTE, T0 + 75 * MINUTE),)
    assert ", without 15m under an alert" in learning.told(end)


def test_harm_from_the_first_event_on_begins_when_it_is_over() -> None:
    learning = Learning(LAYOUT, MINUTE)
    run(learning, [counted(50)] * 10)
    run(learning, [counted(50)] * 10, T0 + 10 * MINUTE, harmed_ms=T0 - MINUTE)
    run(learning, [counted(50)] * 10, T0 + 20 * MINUTE)

    assert (learning.from_ms, learning.rows, learning.left_out) == (T0 + 20 * MINUTE, 500, ())
    assert learning.why.startswith("an alert was open")


def test_harm_that_is_heard_later_but_began_in_the_window_is_not_learnt() -> None:
    before, after = Learning(LAYOUT, MINUTE), Learning(LAYOUT, MINUTE)
    for learning, since in ((before, T0 + 100 * MINUTE), (after, T0 + 121 * MINUTE)):
        end = run(learning, [counted(50)] * 120)
        run(learning, [counted(50)], end, harmed_ms=since)

    assert (before.to_ms, after.to_ms) == (-1, T0 + 120 * MINUTE)


def test_labels_that_take_longer_are_not_waited_for() -> None:
    slow = Layout(contract_of(reference="{learn: 2h}", labels='{classes: ["no", "yes"], delay: {late: 1d, final: 2d}}'), None, catalogue())
    learning = Learning(slow, MINUTE)
    end = run(learning, [counted(10)] * 120)

    assert learning.ready(end) == (T0, end, -1, end + LEAD_WINDOWS * MINUTE, end + 24 * 60 * MINUTE, ())


def test_a_restored_twin_has_the_same_future() -> None:
    one, two = Learning(LAYOUT, MINUTE), Learning(LAYOUT, MINUTE)
    windows = [*[counted(50)] * 40, *[counted(50, yes=0.7)] * 30, *[counted(50, yes=0.7)] * 90]

    middle = run(one, windows[:43])
    two.restore(one.snapshot())
    for each in (one, two):
        run(each, windows[43:], middle)

    assert one.snapshot() == two.snapshot()
    assert one.beginnings == 1


def test_without_a_reference_and_without_a_learner_nothing_is_ready() -> None:
    assert ready_of(LAYOUT, None, T0, MINUTE) is None


def test_stages_that_die_after_every_batch_learn_from_the_same_events() -> None:
    contract = contract_of(LOAN + "reference: {learn: 10s}\n")
    events = traffic(1_200, rate=60)
    arrival = [events[at : at + 300] for at in range(0, len(events), 300)]
    end = T0 + 20_000

    ready = [run_lives(applied_of(contract), CLOCKWORK, arrival, end, deaths).judge for deaths in (frozenset(), frozenset(range(10)))]

    assert ready[0].ready() == ready[1].ready() == {"prod/loan": (T0, T0 + 10_000, T0 + 13_000, T0 + 73_000, 0, ())}
