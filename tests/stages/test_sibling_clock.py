"""How long a feed waits for topics of siblings, and what is counted where: never twice, never for another model, never in a judged window."""

import numpy as np
from tests.traffic import LOAN, T0, contract_of

from anchorwatch.contract import Contract
from anchorwatch.events import Block, Counts, Observation
from anchorwatch.runtime.drive import applied_of
from anchorwatch.stages.feed import FeedClock
from anchorwatch.stages.pile import Pile
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.sibling_clock import WINDOWS_MAX, SiblingClocks
from anchorwatch.stages.sibling_topic import MARK
from anchorwatch.watches.siblings import SIBLINGS

TOPIC = "payments.authorised"
SIDE = contract_of(LOAN.replace("silent_after: 5s", f"silent_after: 5s, siblings: [{TOPIC}]"))


def outside(contract: Contract) -> tuple[str, ...]:
    return contract.promises.alive.siblings


def registry() -> Registry:
    made = Registry(1_000)
    made.apply(applied_of(SIDE))
    return made


def clocks(*, wall: bool = True, of: Registry | None = None) -> SiblingClocks:
    return SiblingClocks(of or registry(), outside, lambda key: "default" if key == "prod/loan" else "", wall=wall)


def observation(n: int, second: int, passed: int, *, task: int = 0, tasks: int = 1, model: str = "loan") -> Observation:
    """n events in the window of that second; all is passed up to `passed`."""
    counts = {SIBLINGS.key: Counts.pack(np.array([[n]], np.int64))}
    window = (T0 + 1_000 * second, T0 + 1_000 * (second + 1))
    blocks = [Block("prod", model, "", "", ["whole"], counts)] if n else []
    return Observation(1, MARK + TOPIC, task, tasks, window, T0 + 1_000 * passed, {}, (0, 1), blocks)


def feed(second: int, *, closed: int = 0) -> FeedClock:
    """One task, that has passed so many seconds; judged up to `closed`."""
    made = FeedClock("default")
    made.passed(0, 1, T0 + 1_000 * second, 0)
    made.closed_ms = T0 + 1_000 * closed
    return made


def nobody(_: str) -> int:
    return -1


def test_a_feed_waits_for_the_slowest_task_of_the_topic() -> None:
    made = clocks()
    for task, passed in ((0, 9), (1, 4)):
        made.add(observation(1, 3, passed, task=task, tasks=2), nobody, 0)

    assert made.reach(feed(8, closed=3)) == T0 + 4_000
    assert made.reach(feed(2)) == T0 + 2_000


def test_a_topic_that_is_behind_what_is_judged_is_passed_over_until_it_has_caught_up() -> None:
    made = clocks()
    made.add(observation(1, 0, 2), nobody, 0)
    behind = made.reach(feed(8, closed=3))
    made.add(observation(1, 2, 3), nobody, 0)

    assert (behind, made.reach(feed(8, closed=3))) == (T0 + 8_000, T0 + 3_000)
    assert clocks(wall=False).reach(feed(8, closed=3)) == -1  # under the clock of events it is always waited for


def test_what_nobody_names_is_waited_for_by_nobody() -> None:
    made = clocks(of=Registry(1_000))

    assert made.reach(feed(8, closed=3)) == T0 + 8_000
    assert made.knows((), T0 + 8_000)


def test_counts_go_to_the_pile_of_their_model_and_leave() -> None:
    made, window = clocks(), (T0, T0 + 1_000)
    for n in (3, 4):
        made.add(observation(n, 0, 0), nobody, 0)
    piles: dict[str, Pile] = {}
    windows = made.windows("default", T0 + 1_000)
    made.into("default", window, piles, lambda _key, _at: Pile(made.registry.latest()[0].layout))

    pile = piles["prod/loan"]
    assert int(pile.layout.view(pile.flat, SIBLINGS.key)[0, 0]) == 7
    assert windows == {window}
    assert made.counts[TOPIC] == {}


def test_what_comes_for_a_judged_window_or_for_no_model_is_left_out_and_told() -> None:
    made = clocks()

    late = made.add(observation(5, 0, 5), lambda _: T0 + 1_000, 0)
    strange = made.add(observation(5, 0, 5, model="gone"), nobody, 0)

    assert (late, strange, made.counts[TOPIC]) == (1, 0, {})


def test_a_window_is_known_when_all_topics_have_passed_it() -> None:
    made = clocks()
    made.add(observation(0, 0, 4), nobody, 0)

    assert made.knows([TOPIC], T0 + 4_000)
    assert not made.knows([TOPIC], T0 + 4_001)
    assert not made.knows([TOPIC, "another"], T0)


def test_what_waits_is_bounded_and_the_oldest_leave() -> None:
    made = clocks()
    made.counts[TOPIC] = {(i, i + 1): {"prod/loan": 1} for i in range(WINDOWS_MAX)}
    made.add(observation(1, 0, 0), nobody, 0)

    assert len(made.counts[TOPIC]) == WINDOWS_MAX
    assert (0, 1) not in made.counts[TOPIC]


def test_restored_clocks_go_on() -> None:
    made, twin = clocks(), clocks()
    for task in (0, 1):
        made.add(observation(2, 6, 5, task=task, tasks=2), nobody, 0)
    twin.restore(made.snapshot())

    assert twin.snapshot() == made.snapshot()
    assert twin.reach(feed(8, closed=3)) == T0 + 5_000


def test_a_topic_that_is_named_no_more_is_forgotten() -> None:
    of = registry()
    made = clocks(of=of)
    made.add(observation(2, 6, 5), nobody, 0)
    of.apply(applied_of(contract_of(LOAN)))

    assert made.reach(feed(8)) == T0 + 8_000
    assert (made.clocks, made.counts) == ({}, {})
