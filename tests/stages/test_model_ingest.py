"""When are predictions old enough to be judged? Cells, layouts, bounds; the join itself is in test_join.py."""

from dataclasses import replace

import numpy as np
import pytest
from tests.stages.test_ingest import beat, label, observed, one, stage, take
from tests.traffic import LOAN, T0, contract_of, loan_reference

from anchorwatch.contract import to_json
from anchorwatch.events import Applied
from anchorwatch.runtime import formats
from anchorwatch.stages.ingest import Ingest
from anchorwatch.stages.model_ingest import ModelIngest, hashes_of, look_share
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

LAYOUT = Layout(contract_of(), None, catalogue())


@pytest.mark.parametrize(
    ("late", "window_ms", "cell_ms"), [("3s", 1_000, 1_000), ("3s", 10, 120), ("28d", 10_000, 3_600_000), ("1h", 10_000, 150_000)]
)
def test_a_cell_is_a_24th_of_the_delay_in_whole_windows_and_an_hour_at_most(late: str, window_ms: int, cell_ms: int) -> None:
    layout = Layout(contract_of(LOAN.replace("late: 3s, final: 30s", f"late: {late}, final: 60d")), None, catalogue())

    assert ModelIngest("prod/loan", window_ms).cell_ms(layout.late_ms) == cell_ms


@pytest.mark.parametrize(("an_hour", "share"), [(5, 1), (60, 1), (600, 10), (3_840, 64), (1_000_000, 64)])
def test_the_fewer_events_come_the_more_of_them_are_read_as_maps(an_hour: int, share: int) -> None:
    """With five an hour one in 64 would be one in half a day: a new field would be told after days."""
    day = replace(loan_reference(), rows=24 * an_hour, from_ms=T0, to_ms=T0 + 86_400_000)

    assert look_share(Layout(contract_of(), day, catalogue())) == share


def matured(seconds: int, text: str = LOAN, count: str = "confusion@late") -> list[tuple[int, int]]:
    """(window after T0, labelled) of three predictions at 0, 900 and 1,500 ms, outcomes after 100 ms, 3.5 s and never."""
    ingest = stage(text=text)
    take(ingest, [one(1, T0), one(2, T0 + 900), one(3, T0 + 1_500), label(1, T0 + 100), label(2, T0 + 4_400)])
    beat(ingest, T0 + 1_000 * seconds + 500)
    ingest.tick(T0, frozenset())
    found = []
    for observation in observed(ingest):
        for block in observation.blocks:
            for key, counts in block.counts.items():
                if key.startswith(count):
                    total = np.zeros((len(block.segments), counts.symbols), np.int64)
                    counts.add_to(total, np.arange(len(block.segments)))
                    found.append((observation.window[0] - T0, int(total[0, :-1].sum())))
    return found


def test_a_prediction_counts_in_the_window_in_which_its_cell_is_as_old_as_late() -> None:
    """Cells of a second: [0, 1) s is due at 4 s, [1, 2) s at 5 s; what came after 3 s counts as without a label."""
    assert matured(4) == []
    assert matured(5) == [(4_000, 1)]
    assert matured(6) == [(4_000, 1), (5_000, 0)]


def test_each_horizon_has_its_own_moment_and_its_own_labels() -> None:
    """Typical is 2 s: due a second before late; the label after 3.5 s is out of both, and in time for a promise of 20 s."""
    promised = LOAN.replace("promises: {", "promises: {labels: {coverage_at_least: 0.9, by: 20s}, ")

    assert matured(6, count="confusion@typical") == [(3_000, 1), (4_000, 0)]
    assert matured(30, promised, "labels@by") == [(21_000, 2), (22_000, 0)]


def test_rows_leave_when_every_cell_of_theirs_is_closed() -> None:
    """A promise as old as `final`: the cell of 40 minutes is due when its youngest prediction is."""
    text = LOAN.replace("delay: {typical: 2s, late: 3s, final: 30s}", "delay: {typical: 2s, late: 3s, final: 1d}")
    layout = Layout(contract_of(text.replace("promises: {", "promises: {labels: {coverage_at_least: 0.9, by: 1d}, ")), None, catalogue())
    model = ModelIngest("prod/loan", 10_000)
    model.waiting.add(hashes_of([b"%d" % i for i in range(4_096)]), np.arange(4_096), np.zeros(4_096, np.int64), np.zeros(4_096), 0, 1)
    model.closed = dict.fromkeys(layout.horizons, 0)

    early = model.leave(86_400_000 + 10_000, layout)
    model.closed = dict.fromkeys(layout.horizons, 3_600_000)

    assert early == (0, 0)
    assert model.leave(86_400_000 + 3_600_000, layout) == (4_096, 0)


def confused(ingest: Ingest) -> dict[tuple[str, str], int]:
    """(label, answer) -> predictions of the whole that matured, whatever the order of classes in the contract that counted them."""
    found: dict[tuple[str, str], int] = {}
    orders = {v.contract.id: [*v.layout.classes, "-"] for v in ingest.registry.versions["prod/loan"]}
    for block in (block for observation in observed(ingest) for block in observation.blocks):
        for key, counts in block.counts.items():
            if key.startswith("confusion@late"):
                total = np.zeros((len(block.segments), counts.symbols), np.int64)
                counts.add_to(total, np.arange(len(block.segments)))
                names = orders[block.contract]
                for i, n in enumerate(total[0, :-1].tolist()):
                    pair = names[i // len(names)], names[i % len(names)]
                    if n:
                        found[pair] = found.get(pair, 0) + n
    return found


@pytest.mark.parametrize("restart", [False, True])
def test_what_waits_is_matched_by_name_after_a_contract_with_the_classes_in_another_order(restart: bool) -> None:
    """Predictions and labels of both contracts, and one label that came before its prediction."""
    ingest = stage()
    take(ingest, [one(1, T0), one(2, T0 + 1, prediction="no"), label(1, T0 + 100), label(4, T0 + 200, label="no")])
    reordered = to_json(contract_of(LOAN.replace('["no", "yes"]', '["yes", "no"]')))
    ingest.registry.apply(Applied(contract=reordered, actor="ann", at_ms=0, effective_from_ms=T0 + 1_000))
    if restart:
        chunks = {key: chunk for key, chunk in ingest.freeze({}).chunks.items() if chunk is not None}
        ingest = Ingest(0, 1, ingest.registry, formats.native(), ingest.settings, chunks)
    take(ingest, [one(3, T0 + 1_500), one(4, T0 + 1_501), label(2, T0 + 1_600, label="yes"), label(3, T0 + 1_700)])
    beat(ingest, T0 + 60_000)
    ingest.tick(T0, frozenset())

    assert confused(ingest) == {("yes", "yes"): 2, ("yes", "no"): 1, ("no", "yes"): 1}


def test_the_first_batch_need_not_hold_the_oldest_prediction() -> None:
    ingest = stage()
    take(ingest, [one(1, T0 + 5_000), label(1, T0 + 5_100)])
    take(ingest, [one(2, T0 + 3_000), label(2, T0 + 3_100)])

    beat(ingest, T0 + 30_000)
    ingest.tick(T0, frozenset())

    assert sum(o.tallies.get("prod/loan", {}).get("matured", 0) for o in observed(ingest)) == 2


def test_a_shorter_delay_judges_what_is_due_at_once_in_the_window_that_is_open() -> None:
    ingest = stage()
    shorter = LOAN.replace("late: 3s", "late: 2s")
    ingest.registry.apply(Applied(contract=to_json(contract_of(shorter)), actor="ann", at_ms=0, effective_from_ms=T0 + 3_000))
    take(ingest, [one(i, T0 + 300 * i) for i in range(10)] + [label(i, T0 + 300 * i + 100) for i in range(10)])
    for second in range(1, 12):
        beat(ingest, T0 + 1_000 * second + 500)
        ingest.tick(T0, frozenset())

    windows = [o.window[0] for o in observed(ingest) for b in o.blocks if any(k.startswith("confusion") for k in b.counts)]
    assert windows == sorted(windows)
    assert min(windows) >= T0 + 3_000


def test_a_long_silence_is_passed_in_one_step() -> None:
    """A year of empty cells between two predictions."""
    model = ModelIngest("prod/loan", 1_000)
    model.closed = {"late": 0}

    assert model.mature(LAYOUT, 365 * 86_400_000) == 0
    assert model.closed_to > 364 * 86_400_000


def test_equal_contracts_are_one_layout_also_after_a_restart() -> None:
    model = ModelIngest("prod/loan", 1_000)
    again, other = Layout(contract_of(), None, catalogue()), Layout(contract_of(LOAN.replace("80ms", "90ms")), None, catalogue())

    assert [model.layout_number(each) for each in (LAYOUT, again, other, LAYOUT)] == [0, 0, 1, 0]


def test_no_id_hashes_to_the_mark_of_an_empty_slot() -> None:
    found = hashes_of([name.encode() for name in ("", "p-1", "p-1", "é")])

    assert found.min() > 0
    assert found[1] == found[2] != found[3]
