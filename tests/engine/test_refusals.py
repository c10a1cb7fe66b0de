"""Sentences for a person, from what librdkafka says; that Kafka makes it say so is tried in tests/security."""

import logging

import pytest
from confluent_kafka import KafkaError

from anchorwatch.engine.refusals import Reasons, Right, place

USER = {"sasl.username": "ingest", "sasl.password": "s3cret", "bootstrap.servers": "b:9093"}
PASSWORD = "sasl_ssl://b:9093/bootstrap: SASL authentication error: Authentication failed: Invalid username or password (after 3ms in state AUTH_REQ)"
ALERT = "ssl://b:9093/1: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: SSL alert number 42 (after 0ms in state UP)"


def error(code: int, said: str) -> KafkaError:
    return KafkaError(code, said)


def test_a_refused_password_names_kafka_user_and_settings_but_not_the_password() -> None:
    reasons = Reasons(USER)
    reasons(error(KafkaError._AUTHENTICATION, PASSWORD))

    assert str(reasons.why()) == (
        "Kafka at b:9093 does not let user ingest in: Authentication failed: Invalid username or password; "
        "check sasl.username, sasl.password, sasl.mechanism and security.protocol under `kafka:`"
    )


def test_a_missing_right_comes_with_the_command_that_grants_it() -> None:
    told = Reasons(USER).refused(error(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no"), Right("Write", "topic", "t"))

    assert str(told) == (
        "Kafka refuses user ingest Write on topic t (TOPIC_AUTHORIZATION_FAILED); "
        "grant it: kafka-acls --add --allow-principal User:ingest --operation Write --topic t"
    )


def test_of_several_rights_one_may_be_missing_and_a_certificate_has_no_user() -> None:
    refusal = error(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no")
    told = str(Reasons({}).refused(refusal, Right("Write", "topic", "t"), Right("Write", "topic", "u")))

    assert "Kafka refuses us Write on topic t or Write on topic u" in told
    assert told.count("User:<the name in our certificate>") == 2


def test_a_certificate_that_kafka_wants_is_named_by_its_settings() -> None:
    reasons = Reasons({})
    reasons(error(KafkaError._TRANSPORT, ALERT))

    assert "Kafka at b:9093 wants a certificate of us" in str(reasons.why())


def test_a_certificate_is_logged_once_a_client_was_connected_and_told_by_the_call_before(caplog: pytest.LogCaptureFixture) -> None:
    """A broker whose certificate ends while we run does not end us: the others may go on."""
    for met in (False, True):
        reasons = Reasons({})
        reasons.met = met
        with caplog.at_level(logging.WARNING):
            reasons(error(KafkaError._TRANSPORT, ALERT))

        assert (ALERT in caplog.text, reasons.refusal) == (met, None)


def test_brokers_being_down_hides_no_better_reason() -> None:
    reasons = Reasons({})
    reasons(error(KafkaError._TRANSPORT, "b:9093/bootstrap: Connect to b failed: Connection refused"))
    reasons(error(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))

    assert "Connection refused" in reasons.last


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (PASSWORD, (" at b:9093", "Authentication failed: Invalid username or password")),
        ("ssl://[::1]:9093/2: SSL handshake failed: x", (" at [::1]:9093", "SSL handshake failed: x")),
        ("1/1 brokers are down", ("", "1/1 brokers are down")),
    ],
)
def test_where_and_why_are_told_apart(said: str, found: tuple[str, str]) -> None:
    assert place(said) == found
