"""Does an address answer, and does it speak TLS? Plain sockets, since Kafka's client says "transport failure" for all of it."""

import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from anchorwatch.config import Settings
from anchorwatch.runtime.doctor.facts import Address

PATIENCE = 3.0  # seconds for a connection
AT_ONCE = 16
BOOTSTRAP = "kafka.bootstrap.servers"
PORT = 9092  # Kafka's own, where none is written


def bootstrap(settings: Settings) -> list[Address]:
    return [Address(_with_port(place), BOOTSTRAP) for place in settings.kafka["bootstrap.servers"].split(",")]


def _with_port(place: str) -> str:
    bare = place.strip().rpartition("://")[2]
    return bare if bare.rpartition(":")[2].isdigit() else f"{bare}:{PORT}"


def sinks(settings: Settings) -> list[Address]:
    found = []
    for name, sink in settings.sinks.items():
        if sink.url:
            url = urlsplit(sink.url)
            found.append(Address(f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}", f"sinks.{name}"))
    return found


def probe(addresses: Iterable[Address], kafka: dict[str, str]) -> list[Address]:
    """Each is connected to once, many at a time; Kafka's addresses get a TLS greeting where the settings speak of TLS."""
    wants_tls = kafka.get("security.protocol", "").upper().endswith("SSL")  # SSL, SASL_SSL

    def one(address: Address) -> Address:
        reached = _connected(address)
        of_kafka = not address.origin.startswith("sinks.")
        return reached if reached.trouble or not (of_kafka and wants_tls) else _greeted(reached, kafka)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, addresses))


def _connected(address: Address) -> Address:
    host, _, port = address.place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, UnicodeError, OverflowError) as error:
        return replace(address, trouble=in_words(error))
    return address


def in_words(error: Exception) -> str:
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "no such host"
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "refused: nothing listens there"
    return getattr(error, "strerror", None) or str(error)


def _greeted(address: Address, kafka: dict[str, str]) -> Address:
    """With the authority of the settings, without our own certificate: a broker that wants one tells so after its own was seen."""
    host, _, port = address.place.rpartition(":")
    try:
        context = _context(kafka)
    except OSError as error:
        return replace(address, trouble=f"ssl.ca.location {kafka.get('ssl.ca.location', '')} cannot be read: {in_words(error)}")
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=host.strip("[]")) as secured,
        ):
            certificate = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return replace(address, tls=True, trouble=f"its certificate is refused: {error.verify_message or error.reason}")
    except ssl.SSLError as error:
        return replace(address, tls=False, trouble=f"does not speak TLS ({(error.reason or 'no greeting').lower().replace('_', ' ')})")
    except OSError as error:
        return replace(address, tls=False, trouble=f"does not speak TLS ({in_words(error)})")
    ends = certificate.get("notAfter")
    at = datetime.strptime(str(ends), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC).timestamp() if ends else None
    return replace(address, tls=True, certificate_ends_ms=None if at is None else int(at * 1_000))


def _context(kafka: dict[str, str]) -> ssl.SSLContext:
    """As librdkafka would verify. Raises OSError for a file that cannot be read."""
    where = kafka.get("ssl.ca.location")
    authority = {"capath" if where and Path(where).is_dir() else "cafile": where, "cadata": kafka.get("ssl.ca.pem")}
    context = ssl.create_default_context(**{name: value for name, value in authority.items() if value})  # type: ignore[arg-type]
    if kafka.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if kafka.get("enable.ssl.certificate.verification", "true").lower() == "false":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
