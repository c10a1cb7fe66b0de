"""Facts from a real Kafka: an installation with several faults at once, and one with none."""

import json
import time
import zlib
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.conftest import Kafka
from tests.runtime.installation import CONTRACT, Installation

from anchorwatch.config import load
from anchorwatch.contract import Contract, parse
from anchorwatch.engine import topics
from anchorwatch.runtime import doctor
from anchorwatch.runtime.doctor.facts import Facts
from anchorwatch.runtime.doctor.gather import gather
from anchorwatch.runtime.doctor.told import Told

HOUR = 3_600_000


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Installation:
    return Installation(kafka.client, topic_prefix, tmp_path, contract="")


def examined(there: Installation, *contracts: Contract) -> tuple[Facts, list[Told]]:
    facts = gather(load(there.folder / "anchorwatch.yaml", {}), contracts)
    return facts, doctor.examine(facts)


def faults(found: list[Told]) -> dict[str, str]:
    return {told.check: told.what for told in found if told.mark == "fault"}


def test_an_installation_in_order_has_no_fault(there: Installation) -> None:
    there.create()
    contract = CONTRACT + "reference: {last: 1d, lag: 1d}\n"
    (there.folder / "contracts" / "fraud.yaml").write_text(contract)
    there.feed(0, 500)

    facts, found = examined(there)

    assert faults(found) == {}
    assert {told.check for told in found if told.mark == "fine"} >= {
        "reach",
        "versions",
        "rights",
        "partitions",
        "keys",
        "partitioner",
        "overlap",
    }
    assert facts.transactions == ""
    assert facts.per_second(f"{there.prefix}predictions") == pytest.approx(500 / 3_600, rel=0.05)


def test_many_faults_are_found_at_once_each_with_its_remedy(there: Installation) -> None:
    """Foreign topics: another partitioner, a key in quotes, seconds for milliseconds, old record times, a transaction left open."""
    scored, settled = there.prefix + "scored", there.prefix + "settled"
    there.create()
    topics.create(there.kafka, topics.Layout((topics.Topic(scored, 4, {"retention.ms": str(HOUR)}), topics.Topic(settled, 4)), 1))
    contract = parse(
        CONTRACT.replace("delay: {typical: 1s, late: 5s, final: 1m}", "delay: {typical: 2h, late: 3h, final: 4h}").replace(
            "{team: group:default/risk-ml}", "{team: x, escalation: [{to: pager, after: 0m}]}"
        )
        + f"source: {{predictions: {{topic: {scored}}}, outcomes: {{topic: {settled}}}}}\n",
        "fraud.yaml",
    )
    now_ms = time.time_ns() // 1_000_000
    java, plain = (Producer({**there.kafka, "partitioner": name}) for name in ("murmur2_random", "consistent_random"))
    for i in range(400):
        about = {"prediction_id": f"o-{i}", "model": "fraud"}
        old = {"predicted_at_ms": now_ms // 1_000, "prediction": "pass"}
        java.produce(scored, json.dumps(about | old).encode(), f'"o-{i}"'.encode(), timestamp=now_ms - 2 * HOUR if i % 2 else now_ms)
        plain.produce(settled, json.dumps(about | {"label": "pass"}).encode(), f"o-{i}".encode())
    assert java.flush(30) == plain.flush(30) == 0
    torn = Producer({**there.kafka, "transactional.id": f"{there.prefix}torn", "transaction.timeout.ms": 60_000})
    torn.init_transactions(30)
    torn.begin_transaction()
    torn.produce(settled, b"{}", b"o-1", partition=0, timestamp=now_ms - 120_000)
    assert torn.flush(30) == 0

    facts, found = examined(there, contract)
    torn.abort_transaction(30)

    assert faults(found).keys() >= {"retention", "create_time", "keys", "clocks", "partitioner", "transactions", "routes"}
    said = {told.check: told for told in found if told.mark == "fault"}
    assert "have a key in quotes" in said["keys"].what
    assert "murmur2" in said["partitioner"].what
    assert f"producer of {settled}: partitioner=murmur2_random" in said["partitioner"].fix
    assert "holds seconds" in said["clocks"].what
    assert "50% of the newest records" in said["create_time"].what
    assert f"{settled}-0: an open transaction holds" in said["transactions"].what
    assert said["routes"].fix == "routes: {pager: {sinks: [...]}} in anchorwatch.yaml"
    assert {seen.partition for seen in facts.sample(settled).records if seen.key == b"o-7"} == {zlib.crc32(b"o-7") % 4}


def test_a_kafka_that_is_not_there_is_one_fault_with_its_address(tmp_path: Path) -> None:
    (tmp_path / "anchorwatch.yaml").write_text("kafka: {bootstrap.servers: 'localhost:1'}\nfallback_owner: crew\n")

    facts = gather(load(tmp_path / "anchorwatch.yaml", {}))
    found = doctor.examine(facts)

    assert "localhost:1 (kafka.bootstrap.servers): refused: nothing listens there" in [told.what for told in found]
    assert facts.topics == {}
