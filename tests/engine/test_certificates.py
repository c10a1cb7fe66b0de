"""What OpenSSL finds wrong with a certificate, asked at a server and of a file. Dates and names are the test's own."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from tests.security.fortress import Certificates

from anchorwatch.engine.certificates import of_own, of_server

OVER = timedelta(days=-1)


@pytest.fixture
def issued(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "certificates")


@contextmanager
def shown(certificate: Path) -> Iterator[int]:
    """A port where that certificate is shown to whoever connects, once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):  # the client may not like it
                context.wrap_socket(server.accept()[0], server_side=True).close()

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield server.getsockname()[1]
        serving.join(10)


def test_a_servers_certificate_that_is_over_is_told_from_one_of_a_stranger_and_one_of_another_name(issued: Certificates) -> None:
    good, over = issued.issue("good", "127.0.0.1"), issued.issue("over", "127.0.0.1", until=OVER)
    elsewhere, stranger = issued.issue("elsewhere", "kafka.example.org"), issued.folder / "stranger.pem"
    cases = [(good, issued.ca), (over, issued.ca), (good, stranger), (elsewhere, issued.ca)]
    told = []
    for certificate, ca in cases:
        with shown(certificate) as port:
            told.append(of_server("127.0.0.1", port, {"ssl.ca.location": str(ca)}))

    assert told[:3] == ["", "certificate has expired", "unable to get local issuer certificate"]
    assert "certificate is not valid for '127.0.0.1'" in told[3]


def test_a_name_that_is_not_to_be_looked_at_is_no_fault(issued: Certificates) -> None:
    with shown(issued.issue("elsewhere", "kafka.example.org")) as port:
        settings = {"ssl.ca.location": str(issued.ca), "ssl.endpoint.identification.algorithm": "none"}

        assert of_server("127.0.0.1", port, settings) == ""


def test_nobody_there_says_nothing_of_a_certificate() -> None:
    assert of_server("127.0.0.1", 9, {}) == ""


def test_our_own_certificate_is_over_or_not_whoever_signed_it(issued: Certificates) -> None:
    good, over = issued.issue("good"), issued.issue("over", until=OVER)
    settings = [{"ssl.certificate.location": str(path), "ssl.key.location": str(path)} for path in (good, over)]

    assert [of_own(each) for each in settings] == ["", "certificate has expired"]
    assert of_own({}) == ""
    assert of_own({"ssl.certificate.location": "/nowhere", "ssl.key.location": "/nowhere"}) == ""
