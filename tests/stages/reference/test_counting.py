import numpy as np
from tests.traffic import T0, Fault, contract_of, learnt, rows_of, traffic

from anchorwatch.stages.reference.counting import counted
from anchorwatch.watches import catalogue


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
    assert all(np.array_equal(flat.counts[key], daily.counts[key]) for key in flat.counts)
