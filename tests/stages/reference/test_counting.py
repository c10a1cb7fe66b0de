import numpy as np
from tests.traffic import LOAN, T0, Fault, contract_of, learnt, rows_of, traffic

from anchorwatch.sources.native import as_map
from anchorwatch.stages.reference import learn
from anchorwatch.stages.reference.counting import counted
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Reference
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.ordering import SUBJECT
from anchorwatch.watches.siblings import share


def test_the_rows_of_a_reference_counted_anew_in_its_own_bins_are_the_same_reference() -> None:
    contract, events = contract_of(), traffic(1_500, start_ms=T0, seed=3)
    known = learnt(contract, events)
    rows, places = rows_of(contract, events)

    again = counted(contract, known, rows, places, catalogue())

    assert again.counts.keys() == known.counts.keys()
    assert all(np.array_equal(again.counts[key], known.counts[key]) for key in known.counts)
    assert (again.phi, again.growth, again.edges) == (known.phi, known.growth, known.edges)


def test_hours_of_the_day_are_learnt_from_rows_and_its_swing_is_no_clumping() -> None:
    """Twenty predictions an hour for eight days; a `yes` in three of ten at night, in seven of ten by day."""
    hour = 3_600_000
    events = [
        event
        for i in range(8 * 24)
        for event in traffic(20, start_ms=T0 + i * hour, rate=20 / 3600, seed=i, fault=Fault(positive=0.3 if i % 24 < 12 else 0.7))
    ]

    flat, daily = (learnt(contract_of(reference=f"{{season: {kind}}}", segments=""), events) for kind in ("none", "day"))

    [usual] = [rates[0] for key, rates in daily.season.items() if key == "predictions:answer/whole"]
    assert flat.season == {}
    assert usual.max() - usual.min() > 0.3
    assert flat.phi["predictions:answer/whole"][0] > 4 > daily.phi.get("predictions:answer/whole", (1.0,))[0]
    added = [key for key in flat.counts if not key.startswith(SUBJECT)]  # draws of an AUC are of a stretch, here of another length
    assert all(np.array_equal(flat.counts[key], daily.counts[key]) for key in added)


def test_siblings_are_counted_beside_ours_and_what_lies_outside_our_events_is_nobodys_share() -> None:
    """500 a second of ours for four seconds, 250 of theirs for eight."""
    contract = contract_of(LOAN.replace("silent_after: 5s", "silent_after: 5s, siblings: [paid]"))
    rows, places = rows_of(contract, traffic(2_000, start_ms=T0, seed=3))
    theirs = np.array([(T0 - 2_000 + 1_000 * i, 250) for i in range(8)], np.int64)

    known = learn(contract, rows._replace(siblings=theirs), as_map, places)
    without = learn(contract, rows, as_map, places)

    key = share(Layout(contract, None, catalogue())).key
    assert known.counts[key][0].tolist() == [2_000, 1_000]
    assert key not in without.counts
    assert "alive:share/whole" not in known.phi  # that they are told by the second is no clump
    assert without.pace == {}
    assert known.pace["siblings"] == (
        250 * 3_600_000 / 16,
        0.5,
    )  # an hour of what a 240th of the reference brought at most; theirs for each of ours


def test_siblings_that_nobody_named_change_no_reference() -> None:
    rows, places = rows_of(contract_of(), traffic(500, start_ms=T0, seed=3))

    alone, beside = (learn(contract_of(), each, as_map, places) for each in (rows, rows._replace(siblings=np.array([(T0, 9)], np.int64))))

    assert beside.counts.keys() == alone.counts.keys()


def test_siblings_that_are_many_when_ours_are_few_have_hours_of_their_own() -> None:
    """Twenty of ours an hour for eight days; five of theirs in each hour of half the day, forty in each of the other half."""
    hour, text = 3_600_000, LOAN.replace("silent_after: 5s", "silent_after: 5s, siblings: [paid]")
    events = [event for i in range(8 * 24) for event in traffic(20, start_ms=T0 + i * hour, rate=20 / 3600, seed=i)]
    theirs = np.array([(T0 + i * hour, 5 if i % 24 < 12 else 40) for i in range(8 * 24)], np.int64)

    def known(kind: str) -> Reference:
        contract = contract_of(text, reference=f"{{season: {kind}}}", segments="")
        rows, places = rows_of(contract, events)
        return learn(contract, rows._replace(siblings=theirs), as_map, places)

    [usual] = known("day").season["alive:share/whole"]
    assert sorted(np.unique(usual.round(1))) == [0.2, 0.7]
    assert known("none").phi["alive:share/whole"][0] > 4 > known("day").phi.get("alive:share/whole", (1.0,))[0]
