import random
from typing import Any

import numpy as np
import pytest
from tests.traffic import LOAN, T0, Fault, contract_of, edited, learnt, outcome, prediction, traffic

from anchorwatch.errors import ContractError
from anchorwatch.stages.reference import with_features
from anchorwatch.watches.base import ABS_ERROR, SCORE


def test_the_same_rows_give_the_same_reference() -> None:
    assert learnt(contract_of(), traffic(600)).id == learnt(contract_of(), traffic(600)).id


def test_other_rows_give_another_id() -> None:
    assert learnt(contract_of(), traffic(600, seed=1)).id != learnt(contract_of(), traffic(600, seed=2)).id


def test_too_few_rows_are_refused_with_what_to_do() -> None:
    with pytest.raises(ContractError, match=r"299 predictions are too few, 300 are needed; give a longer window .* learning"):
        learnt(contract_of(), traffic(299))


def test_independent_rows_show_no_clumping_and_clumped_ones_do() -> None:
    """Errors in bursts of a fiftieth of the reference: wider than coin tosses."""
    rng, bursts = random.Random(5), {}

    def clumped(record: dict[str, Any]) -> dict[str, Any]:
        burst = (record["predicted_at_ms"] - T0) // 400
        if burst not in bursts:
            bursts[burst] = rng.random() < 0.15
        wrong = bursts[burst] and rng.random() < 0.5
        return {**record, "prediction": {"yes": "no", "no": "yes"}[record["prediction"]] if wrong else record["prediction"]}

    events = traffic(8_000)
    free, bound = learnt(contract_of(), events), learnt(contract_of(), edited(events, clumped))

    key = "quality:error@late/whole"
    assert max(free.phi.get(key, (1.0,))) < 2
    assert max(bound.phi[key]) > 3


def test_segments_are_listed_by_volume_and_always_first() -> None:
    text = LOAN.replace("by: [region, tier]", "by: [region, tier, [region, tier]], always: [region=mars, tier=gold]")

    found = learnt(contract_of(text), traffic(2_000)).segments

    assert found[:2] == ("region=mars", "tier=gold")
    assert {"region=eu", "tier=free", "region=eu,tier=gold"} < set(found)
    assert found.index("region=eu") < found.index("region=us") < found.index("region=asia")


def test_a_value_with_too_few_rows_is_other() -> None:
    found = learnt(contract_of(), traffic(2_000, fault=Fault(mix={"eu": 0.99, "us": 0.01})))

    assert "region=us" not in found.segments


def test_features_are_inferred_where_the_contract_declares_none() -> None:
    contract = contract_of(features="")
    samples: list[dict[str, Any]] = [
        {"features": {"a": 1, "b": "x", "c": True, "d": None, "e": [1]}},
        {"features": {"b": "y", "a": None}},
        {},
    ]

    found = with_features(contract, samples).features

    assert {name: feature.type for name, feature in found.items()} == {"a": "number", "b": "category", "c": "bool"}


def test_counts_are_those_of_the_live_stream() -> None:
    """By hand: two rows in five are wrong, all labelled in time."""
    events = []
    for i in range(400):
        at, right = T0 + 10 * i, i % 5 > 1
        events.append(prediction(at, prediction_id=f"p-{i}", model="loan", prediction="yes", predicted_at_ms=at, latency_ms=20.0))
        events.append(outcome(at + 100, prediction_id=f"p-{i}", model="loan", label="yes" if right else "no", known_at_ms=at + 100))

    reference = learnt(contract_of(segments="{by: []}"), events)

    cells = next(counts for key, counts in reference.counts.items() if key.startswith("confusion@late"))
    assert cells[0].tolist() == [0, 160, 0, 0, 240, 0, 0, 0, 0, 0]
    assert (reference.rows, reference.labelled, reference.delays_s, reference.gap_s) == (400, 400, (0.1, 0.1), 0.01)


def test_proxy_labels_and_duplicates_do_not_count() -> None:
    plain = learnt(contract_of(), traffic(600))
    noisy = learnt(contract_of(), traffic(600, fault=Fault(proxies=0.0, duplicates=0.0)))

    assert plain.id == noisy.id
    proxies = learnt(contract_of(), traffic(600, fault=Fault(labelled=0, proxies=1.0)))
    assert (proxies.labelled, proxies.delays_s) == (0, (0.0, 0.0))


def test_a_regression_is_clipped_at_its_largest_usual_error() -> None:
    text = LOAN.replace("task: binary", "task: regression").replace('classes: ["no", "yes"], positive: "yes", ', "")
    rng = random.Random(1)

    def number(record: dict[str, Any]) -> dict[str, Any]:
        if "label" in record:
            return {**record, "label": 100.0}
        return {**record, "prediction": 100.0 + rng.uniform(-10, 10), "score": None}

    reference = learnt(contract_of(text), edited(edited(traffic(1_000), number), number, "outcomes"))

    assert 9.5 < reference.limits[ABS_ERROR][1] <= 10
    assert SCORE not in reference.edges


def test_longest_absences_and_kinds_of_fields_are_remembered() -> None:
    def holes(record: dict[str, Any]) -> dict[str, Any]:
        if T0 + 100 <= record["predicted_at_ms"] < T0 + 300:
            del record["features"]["age"]
        return record

    reference = learnt(contract_of(), edited(traffic(1_000), holes))

    assert reference.absent_runs == {"amount": 0, "age": 100, "job": 0}
    assert reference.fields == {"age": ("number",), "amount": ("number",), "job": ("text",)}
    assert np.isfinite(reference.gap_s)
