"""What is written into server.properties."""

from pathlib import Path

from anchorwatch.broker.settings import OPEN, Ports, Security, node_settings

THREE = [Ports(1, 2, 3), Ports(4, 5, 6), Ports(7, 8, 9)]


def test_one_node_keeps_one_copy_and_three_keep_three_of_which_two_must_answer() -> None:
    alone, one_of_three = (node_settings(0, ports, Path("/d"), OPEN) for ports in (THREE[:1], THREE))

    assert (alone["default.replication.factor"], alone["min.insync.replicas"]) == ("1", "1")
    assert (one_of_three["default.replication.factor"], one_of_three["min.insync.replicas"]) == ("3", "2")
    assert one_of_three["controller.quorum.voters"] == "1@127.0.0.1:3,2@127.0.0.1:6,3@127.0.0.1:9"


def test_every_listener_is_on_the_loopback_interface() -> None:
    settings = node_settings(1, THREE, Path("/d"), OPEN)

    assert settings["listeners"] == "CLIENT://127.0.0.1:4,INTERNAL://127.0.0.1:5,CONTROLLER://127.0.0.1:6"
    assert settings["advertised.listeners"] == "CLIENT://127.0.0.1:4,INTERNAL://127.0.0.1:5"


def test_security_is_of_the_clients_listener_alone() -> None:
    settings = node_settings(0, THREE, Path("/d"), Security("SASL_SSL", broker={"ssl.keystore.type": "PEM"}))

    assert settings["listener.security.protocol.map"] == "CLIENT:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
    assert settings["ssl.keystore.type"] == "PEM"
