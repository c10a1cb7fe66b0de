"""What the scores promise before labels are in: groups by hand, and estimates against the truth of simulated worlds."""

from typing import Any

import numpy as np
import pytest
from tests.traffic import T0, Fault, contract_of, edited, learnt, loan_drive, loan_reference, traffic

from anchorwatch.estimators.cbpe import estimate
from anchorwatch.events import Outcome
from anchorwatch.stages.reference.expected import expected, threshold
from anchorwatch.watches.base import SCORE
from anchorwatch.watches.scores import read

CONTRACT = contract_of()


def test_the_threshold_is_the_largest_score_that_was_answered_no() -> None:
    scores, answers = np.array([0.1, 0.49, 0.5, 0.9, np.nan]), np.array([0, 0, 1, 1, 0])

    assert threshold(CONTRACT, scores, answers) == 0.49
    assert threshold(CONTRACT, scores, np.array([0, 1, 0, 1, 0])) is None, "answered by more than the score"
    assert threshold(CONTRACT, scores, np.zeros(5, np.int64)) is None, "never answered yes"


def world(n: int, seed: int, edges: list[float], labelled: float = 1.0) -> dict[str, tuple[float, ...]]:
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    outcomes: list[Any] = [
        Outcome(str(i), "loan", "yes" if rng.random() < scores[i] else "no") for i in range(n) if rng.random() < labelled
    ]
    return expected(CONTRACT, np.array(edges), 0.5, scores, [str(i) for i in range(n)], outcomes)


def test_bins_with_few_labels_are_joined_on_their_side_of_the_threshold() -> None:
    """2,000 labels, tenths, but hardly any below .1 and between .5 and .51: each side keeps whole groups of a hundred."""
    found = world(2_000, 1, [0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.51, 0.6, 0.7, 0.8, 0.9, 0.99])
    counts = np.array(found["no"]) + np.array(found["yes"])

    assert counts.min() >= 100
    assert counts.sum() == 2_000
    assert found["group"] == tuple(sorted(found["group"]))
    assert found["answer"] == tuple(sorted(found["answer"]))
    assert 0 < sum(found["answer"]) < len(found["answer"])
    assert all(said > 0.5 for said, yes in zip(found["said"], found["answer"], strict=True) if yes)


def test_too_few_labels_are_no_table() -> None:
    assert world(150, 1, [0.25, 0.5, 0.75]) == {}
    assert world(5_000, 1, [0.25, 0.5, 0.75], labelled=0.0) == {}
    assert read({}) is None


def test_the_largest_revision_counts_and_proxies_do_not() -> None:
    n = 400
    scores = np.tile([0.2, 0.8], n // 2)
    first = [Outcome(str(i), "loan", "yes") for i in range(n)]
    second = [Outcome(str(i), "loan", "no", revision=1) for i in range(n)]
    proxies = [Outcome(str(i), "loan", "yes", revision=9, kind="proxy") for i in range(n)]

    found = expected(CONTRACT, np.array([0.5]), 0.5, scores, [str(i) for i in range(n)], [*second, *first, *proxies])

    assert (found["no"], found["yes"]) == ((200.0, 200.0), (0.0, 0.0))


def test_estimates_hold_when_the_scores_move() -> None:
    """Calibrated scores; live ones crowd at .5 where the model is wrong most: .5 + mean |score - .5|, whatever the reference's mix was."""
    hits = 0
    edges = [round(0.05 * i, 2) for i in range(1, 20)]
    for seed in range(20):
        known = read(world(4_000, seed, edges))
        assert known is not None
        rng = np.random.default_rng(1_000 + seed)
        live = np.clip(rng.normal(0.5, 0.12, 5_000), 0, 1)
        right = (rng.random(5_000) < live) == (live > 0.5)
        bins = np.bincount(known[1][np.searchsorted(edges, live)], minlength=len(known[0].n))
        found = estimate(known[0], bins, "accuracy")
        assert found is not None
        hits += found.low <= right.mean() <= found.high
        assert found.value == pytest.approx(right.mean(), abs=0.05)

    assert hits >= 16  # of 95 % intervals over 20 worlds


def test_the_reference_of_a_stream_holds_it_and_the_threshold_is_an_edge() -> None:
    reference = loan_reference()

    assert sum(reference.expected["no"]) + sum(reference.expected["yes"]) == pytest.approx(reference.labelled, abs=1)
    assert any(0.3 < edge < 0.7 for edge in reference.edges[SCORE])
    odd = edited(traffic(1_000), lambda record: record | {"score": 0.5})
    assert learnt(CONTRACT, odd).expected == {}


def test_before_labels_are_in_the_summary_says_what_to_expect() -> None:
    """Nothing labelled: 5 % are wrong, of which nobody knows yet."""
    heard = loan_drive().feed(traffic(3_000, fault=Fault(labelled=0.0), seed=51)).end(T0 + 7_000)

    last = heard.summaries[-1]
    assert last.columns["quality"][0] is None
    assert last.columns["estimate"][0] == pytest.approx(0.95, abs=0.02)
    assert last.columns["estimate_low"][0] < 0.95 < last.columns["estimate_high"][0]  # type: ignore[operator]
    assert last.reasons["quality"].startswith("waiting for labels; by its scores accuracy 0.9")
