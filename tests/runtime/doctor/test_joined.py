import json
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from tests.runtime.doctor.cases import DAY, NOW, OUTCOMES, PREDICTIONS, contract, facts, fixes, found, sample, seen, topic

from anchorwatch.contract import Contract
from anchorwatch.runtime.doctor.facts import Sample, Seen, Topic
from anchorwatch.runtime.doctor.joined import look, murmur2, partitioner
from anchorwatch.runtime.doctor.topics import rekeyed

DECISIONS, COMPLAINTS = "anchorwatch.decisions", "anchorwatch.complaints"


def told(*samples: Sample, contracts: tuple[Contract, ...] = (), topics: Mapping[str, Topic] | None = None) -> list[Any]:
    return list(look(facts(contracts, topics, samples)))


def many(name: str, **changes: Any) -> Sample:
    return sample(name, [seen(i, **changes) for i in range(200)])


def test_murmur2_is_kafkas_own() -> None:
    """Vectors of Kafka's UtilsTest, as unsigned numbers."""
    vectors = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536, b"abc": 479470107}

    assert {key: murmur2(key) for key in vectors} == {key: value % (1 << 32) for key, value in vectors.items()}


def test_topics_in_order_are_told_as_fine() -> None:
    assert [each.what for each in told() if each.mark == "fine"] == [
        f"keys of {PREDICTIONS}",
        f"keys of {OUTCOMES}",
        "100% of 200 shared ids on the same partition",
        "100% of 200 outcome ids known in 1 s of predictions",
    ]


# keys


def test_a_key_that_wears_quotes_is_named_so() -> None:
    """The REST proxy writes the key as JSON (field case C02)."""
    quoted = sample(OUTCOMES, [seen(i, key=f'"o-{i}"'.encode()) for i in range(200)])

    assert found(told(quoted)) == [f'{OUTCOMES}: 100% of 200 records have a key in quotes: key "o-0", id o-0']
    assert fixes(told(quoted))[0].startswith("the producer's key serializer is JSON's")


@pytest.mark.parametrize(
    ("key", "what"), [(None, "have no key: key None"), (b"account-7", "have another key than their id: key account-7")]
)
def test_a_key_that_is_not_the_id_is_told_with_an_example(key: bytes | None, what: str) -> None:
    assert found(told(many(PREDICTIONS, key=key)))[0] == f"{PREDICTIONS}: 100% of 200 records {what}, id o-0"


def test_instances_of_an_event_are_keyed_by_its_id() -> None:
    """Their outcomes too, else they lie elsewhere."""
    kserve = contract("source: {predictions: {format: kserve}}\n")
    instances = sample(PREDICTIONS, [seen(i, id=f"o-{i}#0") for i in range(200)])
    outcomes = sample(OUTCOMES, [seen(i, id=f"o-{i}#0", key=f"o-{i}#0".encode()) for i in range(200)])

    assert found(told(instances, outcomes, contracts=(kserve,)))[0] == (
        f"{OUTCOMES}: 100% of 200 records have another key than their id: key o-0#0, id o-0#0"
    )


def test_what_stands_beside_a_topic_written_anew_must_lie_as_that_does() -> None:
    half = contract("source: {predictions: {keyed: false}}\n")
    other = sample(OUTCOMES, [by_crc32(i) for i in range(200)])

    assert found(told(contracts=(half,))) == []
    assert found(told(other, contracts=(half,)))[0] == (
        f"{OUTCOMES}: CRC32 (librdkafka's default); its sibling is written anew by murmur2, and they would not meet"
    )
    assert fixes(told(other, contracts=(half,)))[0].startswith("source.outcomes.keyed: false, or ")


def test_what_is_written_anew_for_nothing_is_noted() -> None:
    both = contract("source: {predictions: {keyed: false}, outcomes: {keyed: false}}\n")

    (noted,) = found(told(contracts=(both,)), "note")

    assert noted == f"{PREDICTIONS}, {OUTCOMES}: keys are the prediction's id, and equal ones lie on the same partition"
    assert found(told(many(PREDICTIONS, key=None), contracts=(both,)), "note") == []
    assert found(told(sample(OUTCOMES, [by_crc32(i) for i in range(200)]), contracts=(both,)), "note") == []


def test_an_id_under_another_name_is_found_by_the_key() -> None:
    renamed = sample(PREDICTIONS, [seen(i, id=None, value=json.dumps({"payment_id": f"o-{i}", "x": 1}).encode()) for i in range(200)])

    assert found(told(renamed)) == [f"{PREDICTIONS}: 100% of 200 records have no field prediction_id"]
    assert fixes(told(renamed))[0].startswith("source.predictions.fields: {prediction_id: payment_id}")


def test_records_of_a_registry_are_named_with_their_schema() -> None:
    avro = Sample(PREDICTIONS, tuple(seen(i) for i in range(90)), 0, 10, b"\0\0\0\0\x2a\x10\x06")

    assert found(told(avro)) == [f"{PREDICTIONS}: 10% of 100 records are in a registry's format (schema 42), and none is set"]
    assert fixes(told(avro))[0].startswith("registry: {url: ")


def test_what_a_foreign_topic_holds_is_told_in_the_words_of_its_dead_letters() -> None:
    why = "$ schema id 42: the registry does not know it; register the schema where registry.url points to"
    lost = Sample(PREDICTIONS, tuple(seen(i) for i in range(90)), 0, 10, b"\0\0\0\0\x2a\x10\x06", why)

    told = list(look(facts(samples=(lost,), registry="")))

    assert found(told) == [f"{PREDICTIONS}: 10% of 100 records cannot be read: $ schema id 42: the registry does not know it"]
    assert fixes(told) == ["register the schema where registry.url points to"]


def test_text_that_is_no_json_is_shown() -> None:
    odd = Sample(OUTCOMES, (), 0, 30, b"id;label")

    assert f"{OUTCOMES}: 100% of 30 records are no JSON object, as b'id;label'" in found(told(odd))


# partitioners


def by_crc32(i: int) -> Seen:
    key = f"o-{i}".encode()
    return seen(i, partition=zlib.crc32(key) % 4)


def test_the_partitioner_is_read_off_the_keys() -> None:
    java, c = [seen(i) for i in range(500)], [by_crc32(i) for i in range(500)]

    assert partitioner(java, 4) == ("murmur2 (Java, aiokafka, murmur2_random)", 1.0)
    assert partitioner(c, 4) == ("CRC32 (librdkafka's default)", 1.0)
    assert partitioner(java, 1) is None
    assert partitioner(java[:10], 4) is None


def test_different_partitioners_are_a_fault_with_the_share_by_chance() -> None:
    """Of equal keys on four partitions a quarter falls together by luck (F13: 24 % measured)."""
    other = sample(OUTCOMES, [by_crc32(i) for i in range(200)])

    (what,) = found(told(other))

    assert what.startswith(f"different partitioners: {PREDICTIONS}: murmur2")
    together = sum(by_crc32(i).partition == seen(i).partition for i in range(200))
    assert f"({together / 200:.0%} of 200 shared ids on the same partition)" in what
    assert fixes(told(other)) == [f"producer of {OUTCOMES}: partitioner=murmur2_random{rekeyed('outcomes')}"]


def test_a_partitioner_of_ones_own_is_fine_when_both_share_it() -> None:
    both = [sample(name, [seen(i, partition=i % 4) for i in range(200)]) for name in (PREDICTIONS, OUTCOMES)]

    assert found(told(*both)) == []


def test_topics_of_decisions_and_complaints_must_lie_as_the_predictions_do() -> None:
    few = contract("promises: {impact: {followed_at_least: 0.5, complaints_at_most: 0.01}}\n")
    fitting, odd = many(DECISIONS), sample(COMPLAINTS, [by_crc32(i) for i in range(200)])

    out = told(fitting, odd, contracts=(few,))

    (what,) = found(out)
    assert what.startswith(f"different partitioners: {PREDICTIONS}: murmur2")
    assert fixes(out) == [f"producer of {COMPLAINTS}: partitioner=murmur2_random{rekeyed('complaints')}"]


def test_beside_complaints_that_are_written_anew_every_other_topic_must_lie_by_murmur2() -> None:
    anew = contract("source: {complaints: {topic: crm, keyed: false}}\n")
    both = [sample(name, [by_crc32(i) for i in range(200)]) for name in (PREDICTIONS, OUTCOMES)]

    out = told(*both, sample("crm", [seen(i, key=None) for i in range(200)]), contracts=(anew,), topics={"crm": topic("crm", 3)})

    assert [what.partition(":")[0] for what in found(out)] == [PREDICTIONS, OUTCOMES]
    assert found(told(sample("crm", [seen(i, key=None) for i in range(200)]), contracts=(anew,), topics={"crm": topic("crm", 3)})) == []


# ids


def delayed(typical_ms: int, late_ms: int) -> Contract:
    found = contract("")
    delay = found.labels.delay.model_copy(update={"typical": typical_ms, "late": late_ms, "final": late_ms})
    return found.model_copy(update={"labels": found.labels.model_copy(update={"delay": delay})})


def outcomes(known: int, of: int = 100) -> Sample:
    records = [seen(i) for i in range(known)] + [seen(10_000 + i) for i in range(of - known)]
    return sample(OUTCOMES, records)


def predictions(age_ms: int) -> Sample:
    return sample(PREDICTIONS, [seen(i, time_ms=NOW - age_ms + i) for i in range(200)])


def test_outcomes_that_match_nothing_are_a_fault_when_the_predictions_reach_back_far_enough() -> None:
    short, far = predictions(DAY), predictions(40 * DAY)

    assert found(told(far, outcomes(69), contracts=(delayed(DAY, 14 * DAY),))) == [
        f"{OUTCOMES}: 31% of 100 outcome ids match no prediction of the last 40 d"
    ]
    assert found(told(far, outcomes(90), contracts=(delayed(DAY, 14 * DAY),))) == []
    assert found(told(short, outcomes(0), contracts=(delayed(DAY, 14 * DAY),))) == []
    assert len(found(told(short, outcomes(0), contracts=(delayed(DAY, 14 * DAY),)), "unseen")) == 1


def test_the_field_that_holds_the_other_topics_ids_is_named() -> None:
    """Labels come with account_id, predictions with request_id."""
    labels = [seen(i, id=f"label-{i}", value=json.dumps({"prediction_id": f"label-{i}", "request": f"o-{i}"}).encode()) for i in range(100)]

    out = told(predictions(40 * DAY), sample(OUTCOMES, labels), contracts=(delayed(DAY, 2 * DAY),))

    assert "labels carry it as request: source.outcomes.fields: {prediction_id: request}" in fixes(out)


def test_a_topic_without_records_is_noted_not_faulted() -> None:
    out = told(sample(OUTCOMES, []))

    assert found(out) == []
    assert found(out, "note") == [f"{OUTCOMES} holds no record to look at"]
