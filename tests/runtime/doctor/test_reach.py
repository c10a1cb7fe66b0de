from tests.runtime.doctor.cases import BROKER, DAY, NOW, facts, fixes, found, settings

from anchorwatch.runtime.doctor.facts import Address
from anchorwatch.runtime.doctor.reach import look

HERE = Address("localhost:9092", "kafka.bootstrap.servers")


def test_a_broker_that_names_itself_as_nobody_knows_it_is_told_with_its_setting() -> None:
    told = list(look(facts(addresses=(HERE, Address("kafka-2:9092", "broker 2", "no such host")))))

    assert found(told) == ["kafka-2:9092 (broker 2): no such host"]
    assert fixes(told) == ["advertised.listeners of broker 2 must name an address that this machine reaches"]


def test_a_plain_client_at_a_tls_port_is_told_which_protocol() -> None:
    told = list(look(facts(trouble="disconnected", addresses=(Address("localhost:9093", "kafka.bootstrap.servers", tls=True),))))

    assert found(told) == ["the broker speaks TLS, the settings say PLAINTEXT"]
    assert fixes(told) == ["kafka: {security.protocol: SSL, ssl.ca.location: FILE}"]


def test_a_refused_password_is_not_called_a_network_fault() -> None:
    told = list(look(facts(trouble="SASL authentication error: Invalid username or password")))

    assert found(told) == ["Kafka refuses user and password: SASL authentication error: Invalid username or password"]


def test_a_listener_that_wants_a_password_and_gets_none_is_guessed() -> None:
    assert "security.protocol: SASL_PLAINTEXT" in fixes(list(look(facts(trouble="0/2 brokers are down"))))[0]


def test_a_certificate_that_ends_soon_is_noted() -> None:
    tls = Address("b:9093", "broker 1", certificate_ends_ms=NOW + 3 * DAY, tls=True)

    told = list(look(facts(settings=settings(**{"kafka.security.protocol": "SSL"}), addresses=(tls,))))

    assert found(told, "note") == ["the certificate of b:9093 ends in 3 d"]


def test_plain_text_over_a_network_is_noted_but_not_on_this_machine() -> None:
    far = Address("kafka.example:9092", "kafka.bootstrap.servers")

    assert found(list(look(facts(addresses=(far,)))), "note") == ["PLAINTEXT: records cross the network in plain text"]
    assert found(list(look(facts())), "note") == []


def test_an_old_kafka_is_noted_and_a_hidden_version_is_not_guessed() -> None:
    old = {**BROKER, "inter.broker.protocol.version": "3.4-IV0"}
    del old["group.coordinator.append.linger.ms"]

    assert found(list(look(facts(broker_config=old))), "note") == ["Kafka is 3.x or older (protocol 3.4-IV0); Anchorwatch is tested on 4.3"]
    assert found(list(look(facts(broker_config=None))), "unseen")[0].startswith("version of Kafka: not shown")
