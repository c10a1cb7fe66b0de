"""Which events of siblings wait in the judge, and how long does a feed wait for them? Of topics that the feed does not read.

A window is judged when the model's own feed has passed it *and* these topics have: then what is said is a function of the events. A topic that
stands still has passed all (its end moves with the wall). One that is not read, or read hours behind, is waited for once, for the grace; then it
is passed over until it has caught up with what is judged. In windows that it missed nothing is said of siblings, so a missing count is never
taken for a missing sibling. Under the events' own clock it is always waited for.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from anchorwatch.events import Observation
from anchorwatch.stages.feed import FeedClock, NewPile, Window
from anchorwatch.stages.pile import Pile
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.sibling_topic import MARK, Outside
from anchorwatch.watches.siblings import SIBLINGS

WINDOWS_MAX = 100_000  # with counts of one topic that wait, eleven days of 10 s; above: the oldest leave, which can only hide a fall

FeedOf = Callable[[str], str]  # `<environment>/<model>` -> name of its feed


class SiblingClocks:
    """Of one judge task: a clock for each such topic, and what it brought by window and model."""

    def __init__(self, registry: Registry, outside: Outside, feed_of: FeedOf, *, wall: bool) -> None:
        self.registry, self.outside, self.feed_of, self.wall = registry, outside, feed_of, wall
        self.clocks: dict[str, FeedClock] = {}
        self.counts: dict[str, dict[Window, dict[str, int]]] = {}  # topic -> window -> model -> events
        self._changes, self._named = -1, dict[str, set[str]]()

    def named(self, feed: str) -> set[str]:
        """Topics that models of this feed call siblings and that it does not read."""
        if self._changes != self.registry.changes:
            self._changes, self._named = self.registry.changes, {}
            for version in self.registry.latest():
                if topics := self.outside(version.contract):
                    self._named.setdefault(self.feed_of(version.contract.key), set()).update(topics)
            for gone in self.clocks.keys() - set[str]().union(*self._named.values()):
                del self.clocks[gone]
                self.counts.pop(gone, None)
        return self._named.get(feed, set())

    def add(self, observation: Observation, closed_ms: Callable[[str], int], now_ms: int) -> int:
        """closed_ms: `<environment>/<model>` -> up to where it is judged. How many blocks came too late for that."""
        topic, late = observation.feed.removeprefix(MARK), 0
        waiting = self.counts.setdefault(topic, {})
        for block in observation.blocks:
            key = f"{block.environment}/{block.model}"
            if not self.feed_of(key):
                continue  # its contract was removed
            if observation.window[1] <= closed_ms(key):
                late += 1
                continue
            total, rows = np.zeros((1, 1), np.int64), np.array([0 if name == "whole" else -1 for name in block.segments], np.int64)
            if (counts := block.counts.get(SIBLINGS.key)) is not None and counts.symbols == 1:
                counts.add_to(total, rows)
            of_window = waiting.setdefault(observation.window, {})
            of_window[key] = of_window.get(key, 0) + int(total[0, 0])
        while len(waiting) > WINDOWS_MAX:
            del waiting[min(waiting)]
        clock = self.clocks.setdefault(topic, FeedClock(topic))
        clock.passed(observation.task, observation.tasks, observation.watermark_ms, now_ms)
        clock.first_passed.clear()  # nobody asks when
        return late

    def passed(self, topic: str) -> int:
        return self.clocks[topic].boundary() if topic in self.clocks else -1

    def reach(self, feed: FeedClock) -> int:
        """Up to where all have passed that are waited for."""
        found = feed.boundary()
        for topic in self.named(feed.name):
            passed = self.passed(topic)
            if not self.wall or passed >= feed.closed_ms:
                found = min(found, passed)
        return found

    def knows(self, topics: Iterable[str], to_ms: int) -> bool:
        """Is all of them counted that ends by then?"""
        return all(self.passed(topic) >= to_ms for topic in topics)

    def windows(self, feed: str, boundary: int) -> set[Window]:
        """Those that hold events for models of this feed, and end by then."""
        return {
            window
            for topic in self.named(feed)
            for window, counts in self.counts.get(topic, {}).items()
            if window[1] <= boundary and any(self.feed_of(key) == feed for key in counts)
        }

    def into(self, feed: str, window: Window, piles: dict[str, Pile], new_pile: NewPile) -> None:
        """They leave for the piles of their models, which are about to be judged."""
        for topic in self.named(feed):
            waiting = self.counts.get(topic, {})
            counts = waiting.get(window, {})
            for key in [key for key in counts if self.feed_of(key) == feed]:
                n, pile = counts.pop(key), piles.get(key) or new_pile(key, window[0])
                if pile is not None and SIBLINGS.key in pile.layout.counts:
                    pile.layout.view(pile.flat, SIBLINGS.key)[0, 0] += n
                    piles[key] = pile
            if window in waiting and not counts:
                del waiting[window]

    # state

    def snapshot(self) -> dict[str, Any]:
        return {
            topic: {
                "tasks": clock.tasks, "watermarks": clock.watermarks,
                "counts": [[*window, key, n] for window, by_key in self.counts.get(topic, {}).items() for key, n in by_key.items()],
            }
            for topic, clock in self.clocks.items()
        }  # fmt: skip

    def restore(self, kept: Mapping[str, Any]) -> None:
        for topic, told in kept.items():
            clock = self.clocks[topic] = FeedClock(topic)
            clock.tasks = told["tasks"]
            clock.watermarks = {int(task): watermark for task, watermark in told["watermarks"].items()}
            waiting = self.counts.setdefault(topic, {})
            for begin, end, key, n in told["counts"]:
                waiting.setdefault((begin, end), {})[key] = n
