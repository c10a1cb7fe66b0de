"""The loan service and its faults, with the client that keeps its events."""

from collections.abc import Iterator

import pytest

from anchorwatch.client import Client, Fake
from anchorwatch.runtime.demo.ears import wait
from anchorwatch.runtime.demo.loans import FLAG, MODEL, Frozen, applications
from anchorwatch.runtime.demo.traffic import Faults, Traffic, asked


@pytest.fixture
def client() -> Fake:
    return Client.fake(MODEL)


@pytest.fixture
def traffic(frozen: Frozen, client: Fake) -> Iterator[Traffic]:
    made = Traffic(client, frozen, 300, 5)
    yield made
    made.stop()


def test_each_prediction_has_its_outcome_later(traffic: Traffic, client: Fake) -> None:
    traffic.start()
    assert wait(lambda: traffic.counts.outcomes >= 50, 20)
    traffic.stop()

    predicted = {one.prediction_id: one for one in client.predictions}
    assert {one.prediction_id for one in client.outcomes} <= predicted.keys()
    assert all(one.label in ("approve", "decline") for one in client.outcomes)
    assert all(one.latency_ms and one.latency_ms > 1 for one in predicted.values())


def test_a_renamed_field_comes_under_its_new_name_only(traffic: Traffic, client: Fake) -> None:
    traffic.faults.renamed = ("elevel", "education_level")
    traffic.start()
    assert wait(lambda: traffic.seen()[1] >= 20, 20)
    traffic.stop()

    assert all("education_level" in one.features and "elevel" not in one.features for one in client.predictions)
    assert traffic.seen()[0] == traffic.seen()[1]


def test_a_flag_that_is_off_ends_the_predictions_and_says_who_did_it(traffic: Traffic, client: Fake) -> None:
    traffic.flag("off", "j.doe", "costs")
    traffic.start()
    assert not wait(lambda: traffic.seen()[0] > 0, 0.5)
    traffic.flag("on", "j.doe", "second thoughts")
    assert wait(lambda: traffic.seen()[0] > 0, 20)

    assert [(one.key, one.state, one.actor) for one in client.flags] == [(FLAG, "off", "j.doe"), (FLAG, "on", "j.doe")]


def test_a_fault_of_a_region_concerns_that_region_alone() -> None:
    customers = [customer for _, customer in zip(range(300), applications(5), strict=False)]
    slow, anew = Faults(slow=("west", 4.0)), Faults(concept="islands")

    for customer in customers:
        region = customer.segments["region"]
        assert asked(customer, slow).latency_ms == customer.latency_ms * (4 if region == "west" else 1)
        assert asked(customer, slow).faulty == (region == "west")
        assert asked(customer, anew).right == (customer.right_anew if region == "islands" else customer.right)
        assert asked(customer, anew).features == customer.features
