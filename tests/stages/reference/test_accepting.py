from dataclasses import replace

import numpy as np
import pytest
from tests.traffic import LATE_MS, T0, Fault, contract_of, loan_reference, rows_of, traffic

from anchorwatch.errors import ContractError
from anchorwatch.stages.reference import accepting, reference_from_json, reference_to_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Accepted
from anchorwatch.watches.layout import Layout

ERROR, SCORE = "quality:error@late/whole", "predictions:score/whole"


def layout() -> Layout:
    return Layout(contract_of(), loan_reference(), catalogue())


def test_label_monitors_count_predictions_of_their_horizon_and_others_those_of_now() -> None:
    of = layout()

    assert accepting.age_ms(of, accepting.acceptable(of, ERROR)) == LATE_MS
    assert accepting.age_ms(of, accepting.acceptable(of, SCORE)) == 0


def test_a_histogram_moves_by_the_same_bins() -> None:
    of = layout()
    before = accepting.acceptable(of, SCORE)
    rows, places = rows_of(contract_of(), traffic(2_000, start_ms=T0, seed=5, fault=Fault(positive=0.7)))

    made, after = accepting.accepted(of, before, rows, places)

    assert before.tilt is not None
    assert after.tilt is not None
    assert after.tilt.key == before.tilt.key
    assert not np.array_equal(after.tilt.table, before.tilt.table)
    assert made.counts[after.tilt.key][0].sum() == 2_000


def test_what_other_segments_counted_is_not_kept() -> None:
    of = layout()
    monitor = accepting.acceptable(of, "quality:error@late/region=asia")
    rows, places = rows_of(contract_of(), traffic(3_000, start_ms=T0, seed=5))

    made, after = accepting.accepted(of, monitor, rows, places)

    [dense] = [made.counts[stream.key] for stream in after.streams]
    assert np.flatnonzero(dense.any(1)).tolist() == [0, of.rows["region=asia"]]


def test_a_histogram_needs_more_events_than_a_share() -> None:
    of = layout()
    rows, places = rows_of(contract_of(), traffic(400, start_ms=T0, seed=5))

    accepting.accepted(of, accepting.acceptable(of, ERROR), rows, places)
    with pytest.raises(ContractError, match=r"only 400 events .* 500 are needed"):
        accepting.accepted(of, accepting.acceptable(of, SCORE), rows, places)


def test_the_clock_of_traffic_and_what_nobody_knows_is_not_moved() -> None:
    of = layout()

    for name, why in (("volume:amount/whole", "clock of other monitors"), ("inputs:colour/whole", "an exact rule")):
        with pytest.raises(ContractError, match=why):
            accepting.acceptable(of, name) if name != "volume:amount/whole" else accepting.acceptable(with_pace(of), name)
    with pytest.raises(ContractError, match="is learning"):
        accepting.acceptable(Layout(contract_of(), None, catalogue()), ERROR)


def with_pace(of: Layout) -> Layout:
    pace = {"rates": (10.0,) * 168, "silent": (10.0, 400.0), "volume": (100.0, 2.0, 236.0, 2.0, 1.0, 1.0)}
    assert of.reference is not None
    return Layout(of.contract, replace(of.reference, pace=pace), of.watches)


def test_no_more_monitors_have_a_normal_of_their_own_than_a_judge_can_afford() -> None:
    of = layout()
    assert of.reference is not None
    many = {f"inputs:x{i}/whole": Accepted(0, 1, 1, {}) for i in range(accepting.ACCEPTED_MAX)}
    full = Layout(of.contract, replace(of.reference, accepted=many), of.watches)

    with pytest.raises(ContractError, match="apply --relearn"):
        accepting.acceptable(full, ERROR)


def test_what_was_accepted_travels_with_the_reference_and_is_another_reference() -> None:
    of = layout()
    assert of.reference is not None
    rows, places = rows_of(contract_of(), traffic(1_000, start_ms=T0, seed=5))
    made, _ = accepting.accepted(of, accepting.acceptable(of, ERROR), rows, places)

    found = accepting.with_accepted(of.contract, of.reference, {ERROR: made})
    back = reference_from_json(reference_to_json(found)).accepted[ERROR]

    assert found.id != of.reference.id
    assert (back.from_ms, back.to_ms, back.rows, back.phi) == (made.from_ms, made.to_ms, made.rows, made.phi)
    assert all(np.array_equal(back.counts[key], made.counts[key]) for key in made.counts)
    assert "accepted" not in reference_to_json(of.reference), "a reference without any is written as it always was"
