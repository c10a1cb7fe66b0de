"""The demo's world."""

from itertools import islice

from anchorwatch import contract
from anchorwatch.runtime.demo.loans import CONTRACT, REGIONS, Frozen, applications


def test_a_new_concept_changes_what_is_right_and_nothing_else() -> None:
    seen = list(islice(applications(3), 2_000))

    agreed = sum(one.right == one.right_anew for one in seen) / len(seen)
    assert 0.5 < agreed < 0.65


def test_the_same_seed_gives_the_same_customers() -> None:
    assert list(islice(applications(3), 50)) == list(islice(applications(3), 50))


def test_the_islands_are_three_per_cent_of_all_customers() -> None:
    regions = [one.segments["region"] for one in islice(applications(3), 10_000)]

    assert 0.02 < regions.count("islands") / len(regions) < 0.04
    assert set(regions) == set(REGIONS)


def test_the_frozen_model_is_right_on_customers_it_never_saw(frozen: Frozen) -> None:
    seen = list(islice(applications(99), 2_000))

    assert sum(frozen.answer(one.features)[0] == one.right for one in seen) / len(seen) > 0.87


def test_the_frozen_model_does_not_learn_from_answering(frozen: Frozen) -> None:
    customers = list(islice(applications(98), 300))
    first = [frozen.answer(one.features) for one in customers]

    assert [frozen.answer(one.features) for one in customers] == first


def test_a_field_that_is_missing_is_passed_over(frozen: Frozen) -> None:
    """Nothing crashes: that is why nobody notices."""
    customer = next(applications(97))
    answer, score = frozen.answer({name: value for name, value in customer.features.items() if name != "elevel"})

    assert answer in ("approve", "decline")
    assert 0 <= score <= 1


def test_the_contract_can_be_run_as_it_stands() -> None:
    terms = contract.parse(CONTRACT, "loan.yaml", runnable=True)

    assert terms.owner.team == "group:default/lending-risk"
    assert set(terms.features) == set(next(applications(1)).features)
