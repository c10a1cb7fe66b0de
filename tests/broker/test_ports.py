"""Who gets which port."""

import socket

import pytest

from anchorwatch.broker import PortTaken
from anchorwatch.broker.ports import Claims

FIRST = 28170


def test_two_brokers_that_choose_at_once_get_different_ports() -> None:
    one, other = Claims(FIRST), Claims(FIRST)

    chosen = [one.next(), other.next(), one.next(), other.next()]

    one.release()
    other.release()
    assert len(set(chosen)) == 4


def test_a_released_port_is_free_again() -> None:
    claims = Claims(FIRST)
    port = claims.next()
    claims.release()

    again = Claims(FIRST)
    assert again.exactly(port) == port
    again.release()


def test_a_port_where_somebody_listens_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", FIRST)):
        claims = Claims(FIRST)

        assert claims.next() > FIRST
        claims.release()


def test_a_claimed_port_cannot_be_had_by_name_and_a_free_one_is_offered() -> None:
    claims = Claims(FIRST)
    port = claims.next()

    with pytest.raises(PortTaken, match=rf"Port {port} on 127.0.0.1 is taken by another program. Choose another, say --port \d+"):
        Claims().exactly(port)
    claims.release()


def test_no_free_port_says_where_it_was_looked_for() -> None:
    with pytest.raises(PortTaken, match="free from 65536 to 65535"):
        Claims(65536).next()
