"""Other arms are joined with their outcomes by the same table: exact counts, over restarts, tasks and outcomes that came first."""

from dataclasses import replace

import numpy as np
import pytest
from tests.arms import sliced, with_shadow, with_slice
from tests.stages.lives import run
from tests.traffic import CLOCKWORK, T0, Fault, contract_of, loan_reference, traffic

from anchorwatch.runtime.drive import Drive, Event, applied_of
from anchorwatch.stages.arms import _other_side, compares
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches.base import Ints
from anchorwatch.watches.baseline import SHADOW, arms

END = T0 + 60_000


def drive(tasks: int = 1) -> Drive:
    return Drive([applied_of(sliced(), reference_to_json(loan_reference()))], replace(CLOCKWORK, tasks=tasks, recent_ms=600_000))


def totals(of: Drive) -> tuple[Ints, Ints]:
    """Cells of the model and of the arm, and what a shadow was right about."""
    recent = of.judge.models["prod/loan"].recent
    return recent.total(arms(recent.layout).key)[0], recent.total(SHADOW.key)[0]


def truth_first(events: list[Event], by_ms: int) -> list[Event]:
    """Outcomes arrive before their prediction was made known; their own times stay."""
    return sorted((e._replace(at_ms=e.at_ms - by_ms) if e.role == "outcomes" else e for e in events), key=lambda e: e.at_ms)


def test_each_label_is_counted_in_the_arm_that_answered() -> None:
    """Every prediction of 1,000 has a label: those of the slice are `no`, whatever is true."""
    events = with_slice(traffic(1_000))
    sliced_out = sum(b'"arm": "baseline"' in e.value for e in events)
    of = drive()

    heard = of.feed(events).end(END)

    counts, _ = totals(of)
    mine, theirs = counts.reshape(2, 3, 3)
    assert (int(mine.sum()), int(theirs.sum())) == (1_000 - sliced_out, sliced_out)
    assert theirs[:, 1:].sum() == 0
    assert 0.5 < theirs[0, 0] / sliced_out < 0.7  # 60 % of truth is no
    assert sum(s.tallies.get("outcome.unmatched", 0) for s in heard.summaries) == 0


def test_an_arm_counts_for_nothing_but_its_comparison() -> None:
    events = with_slice(traffic(1_000))
    own = [e for e in events if b'"arm": "baseline"' not in e.value]
    ids = {e.key for e in own if e.role == "predictions"}
    with_arm, without = drive(), drive()
    with_arm.feed(events).end(END)
    without.feed([e for e in own if e.key in ids]).end(END)

    a, b = (each.judge.models["prod/loan"].recent for each in (with_arm, without))

    for key in a.keys:
        if not key.startswith("arms@late"):
            assert np.array_equal(a.total(key), b.total(key)), key


@pytest.mark.parametrize("by_ms", [0, 4_000], ids=["labels after", "labels before"])
def test_one_outcome_serves_the_model_and_its_shadow(by_ms: int) -> None:
    events = truth_first(with_shadow(traffic(1_000, fault=Fault(error=0.1)), right=0.8), by_ms)
    of = drive()

    for i in range(0, len(events), 100):
        of.feed(events[i : i + 100])
    of.end(END)

    _, counts = totals(of)
    both, alone, shadow, neither, unpaired = counts.tolist()
    assert both + alone + shadow + neither == 1_000
    assert unpaired == 0
    assert both + alone == pytest.approx(900, abs=30)
    assert both + shadow == pytest.approx(800, abs=40)


def test_totals_do_not_depend_on_deaths_or_tasks() -> None:
    events = with_shadow(with_slice(traffic(1_000)), right=0.7)
    applied = applied_of(sliced(), reference_to_json(loan_reference()))
    arrival = [events[i : i + 250] for i in range(0, len(events), 250)]
    clockwork = replace(CLOCKWORK, recent_ms=600_000)
    often = run(applied, clockwork, arrival, END, frozenset(range(len(arrival))))
    one, four = drive(), drive(4)
    for of in (one, four):
        of.feed(events).end(END)

    for found in (totals(often), totals(four)):
        assert all(np.array_equal(a, b) for a, b in zip(found, totals(one), strict=True))


def test_without_a_baseline_arms_are_only_counted() -> None:
    of = Drive([applied_of(contract_of(), reference_to_json(loan_reference()))], CLOCKWORK)
    heard = of.feed(with_slice(traffic(500))).end(END)

    assert not compares(of.registry.latest()[0].layout)
    assert not of.ingests[0].models["prod/loan"].arm_of
    assert sum(s.tallies.get("arm.baseline", 0) for s in heard.summaries) > 50


def test_a_shadow_stands_at_another_hash_and_back() -> None:
    hashes = np.array([1, 2**63, 0x9E3779B97F4A7C15], np.uint64)

    assert (_other_side(hashes) != 0).all()
    assert _other_side(_other_side(hashes))[:2].tolist() == hashes[:2].tolist()
