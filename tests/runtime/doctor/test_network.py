import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from tests.runtime.doctor.cases import DAY, settings

from anchorwatch.config import Sink
from anchorwatch.runtime.doctor import network
from anchorwatch.runtime.doctor.facts import Address

TLS = {"security.protocol": "SSL"}


@pytest.fixture
def listening() -> Iterator[Callable[[ssl.SSLContext | None], str]]:
    """A port that takes connections, and greets by TLS where a context is given."""
    open_ones: list[socket.socket] = []

    def start(context: ssl.SSLContext | None = None) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        open_ones.append(server)
        threading.Thread(target=serve, args=(server, context), daemon=True).start()
        return f"localhost:{server.getsockname()[1]}"

    def serve(server: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            try:
                taken, _ = server.accept()
            except OSError:  # closed: the test is over
                return
            with taken:
                try:
                    if context:
                        context.wrap_socket(taken, server_side=True).close()
                    elif taken.recv(1):
                        taken.sendall(b"no TLS")
                except OSError:
                    continue

    yield start
    for server in open_ones:
        server.close()


def address(place: str) -> Address:
    return Address(place, network.BOOTSTRAP)


def test_an_address_that_answers_has_no_trouble(listening: Callable[..., str]) -> None:
    (found,) = network.probe([address(listening())], {})

    assert (found.trouble, found.tls) == ("", None)


def test_a_port_nobody_listens_on_and_a_host_nobody_knows_are_told_apart() -> None:
    found = network.probe([address("localhost:1"), address("no-such-host.invalid:9092")], {})

    assert [each.trouble for each in found] == ["refused: nothing listens there", "no such host"]


def test_a_plain_port_does_not_speak_tls(listening: Callable[..., str]) -> None:
    (found,) = network.probe([address(listening())], TLS)

    assert found.tls is False
    assert found.trouble.startswith("does not speak TLS")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of localhost, for ten days: key and certificate in one file, its authority beside it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=10))
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "node.pem")
    return tmp_path / "node.pem"


def test_a_certificate_is_refused_without_its_authority_and_dated_with_it(listening: Callable[..., str], certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    place = listening(context)

    (stranger,) = network.probe([address(place)], TLS)
    (known,) = network.probe([address(place)], {**TLS, "ssl.ca.location": str(certificate.parent / "ca.pem")})

    assert stranger.trouble.startswith("its certificate is refused: unable")
    assert (known.trouble, known.tls) == ("", True)
    assert known.certificate_ends_ms is not None
    assert known.certificate_ends_ms / DAY == pytest.approx(time.time() * 1_000 / DAY + 10, abs=0.1)


def test_an_authority_that_cannot_be_read_is_a_trouble_not_a_crash(listening: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    (found,) = network.probe([address(listening())], {**TLS, "ssl.ca.location": str(tmp_path / "ca.pem")})

    assert "does not speak TLS" not in found.trouble
    assert "ssl.ca.location" in found.trouble


def test_addresses_come_from_the_settings_with_kafkas_own_port() -> None:
    many = settings(**{"kafka.bootstrap.servers": "a:1, SASL_SSL://b:2,c"})
    pager = many.model_copy(update={"sinks": {"pager": Sink(kind="webhook", url="https://hook.example/secret"), "log": Sink(kind="log")}})

    assert [each.place for each in network.bootstrap(many)] == ["a:1", "b:2", "c:9092"]
    assert network.sinks(pager) == [Address("hook.example:443", "sinks.pager")]
