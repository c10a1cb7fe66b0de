"""Streams as they may come: small histories of one model, in any order within the lateness, cut into any batches."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st
from tests.traffic import T0, outcome, prediction

from anchorwatch.runtime.drive import Event

LATENESS_MS = 500
REGIONS = ("eu", "us", "af")


class Life(NamedTuple):
    """One prediction and what came of it."""

    at_ms: int  # after T0
    region: str
    answer: str
    label: str | None
    delay_ms: int  # may be negative: the truth was known before
    revised: bool  # the label is taken back 100 ms later
    twice: bool  # both records come again
    latency_ms: float


def lives(most: int = 60) -> st.SearchStrategy[list[Life]]:
    """Predictions over eight seconds with their outcomes, late ones among them (the contract's `late` is 3 s, `final` 30 s)."""
    one = st.builds(
        Life,
        at_ms=st.integers(0, 8_000), region=st.sampled_from(REGIONS), answer=st.sampled_from(["yes", "no"]),
        label=st.sampled_from(["yes", "no", None]), delay_ms=st.integers(-300, 5_000), revised=st.booleans(), twice=st.booleans(),
        latency_ms=st.sampled_from([10.0, 20.0, 200.0]),
    )  # fmt: skip
    return st.lists(one, min_size=1, max_size=most)


def events_of(story: Sequence[Life]) -> list[Event]:
    """In the order of their own times."""
    found = []
    for i, life in enumerate(story):
        pid, at = f"p-{i}", T0 + life.at_ms
        first = prediction(
            at, prediction_id=pid, model="loan", prediction=life.answer, score=0.9 if life.answer == "yes" else 0.1, predicted_at_ms=at,
            latency_ms=life.latency_ms, features={"amount": 1.0, "age": 2.0, "job": "a"}, segments={"region": life.region, "tier": "gold"},
        )  # fmt: skip
        found += [first] * (2 if life.twice else 1)
        if life.label is not None:
            known = at + life.delay_ms
            told = outcome(known, prediction_id=pid, model="loan", label=life.label, known_at_ms=known)
            found += [told] * (2 if life.twice else 1)
            if life.revised:
                other, later = ("no" if life.label == "yes" else "yes"), known + 100
                found.append(outcome(later, prediction_id=pid, model="loan", label=other, known_at_ms=later, revision=1))
    return sorted(found, key=lambda event: event.at_ms)


def shuffled(events: Sequence[Event], seed: int, jitter_ms: int = LATENESS_MS) -> list[Event]:
    """Another order of arrival: no record comes after one that is more than `jitter_ms` younger by its own time."""
    rng = random.Random(seed)
    return sorted(events, key=lambda event: event.at_ms + rng.uniform(0, jitter_ms))


def batches(events: Sequence[Event], cuts: Sequence[int]) -> list[list[Event]]:
    """Cut at these places, taken modulo the length."""
    places = sorted({cut % (len(events) + 1) for cut in cuts} | {0, len(events)})
    return [list(events[a:b]) for a, b in pairwise(places)]


def cuts() -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 10_000), max_size=12)
