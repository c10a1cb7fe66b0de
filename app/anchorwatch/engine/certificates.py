"""What is wrong with a certificate? librdkafka says "could not be verified" of an expired, a foreign and a misnamed one alike."""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATIENCE = 3.0  # seconds for a handshake that only asks


def of_server(host: str, port: int, kafka: Mapping[str, Any]) -> str:
    """OpenSSL's own words about the certificate that is shown there, "" when it finds no fault or cannot ask."""
    try:
        context = _trusting(kafka)
        with socket.create_connection((host, port), PATIENCE) as plain, context.wrap_socket(plain, server_hostname=host):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError):
        return ""


def _trusting(kafka: Mapping[str, Any]) -> ssl.SSLContext:
    """As librdkafka: the certificates named, else the system's."""
    named = kafka.get("ssl.ca.location")
    is_folder = bool(named) and Path(str(named)).is_dir()
    context = ssl.create_default_context(
        cafile=None if is_folder or not named else str(named), capath=str(named) if is_folder else None, cadata=kafka.get("ssl.ca.pem")
    )
    context.check_hostname = str(kafka.get("ssl.endpoint.identification.algorithm", "https")) == "https"
    return context


def of_own(kafka: Mapping[str, Any]) -> str:
    """The same about the dates of the client's own certificate: a handshake with itself, in memory. "" when they are right or unknown."""
    certificate, key = kafka.get("ssl.certificate.location"), kafka.get("ssl.key.location")
    if not certificate or not key:
        return ""
    try:
        sides = [_own_side(purpose, str(certificate), str(key), kafka.get("ssl.key.password")) for purpose in ("server", "client")]
        _shake_hands(*sides)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError):
        return ""
    return ""


Side = tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]  # and what comes in, what goes out


def _own_side(purpose: str, certificate: str, key: str, password: str | None) -> Side:
    """The server's side asks for the certificate and trusts nothing but that one, so that only its dates and purpose can be wrong."""
    is_server = purpose == "server"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(certificate, key, password)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # in which both sides know the other's verdict before the handshake ends
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if is_server else ssl.CERT_NONE
    if is_server:
        context.load_verify_locations(certificate)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    return context.wrap_bio(came, goes, server_side=is_server), came, goes


def _shake_hands(server: Side, client: Side) -> None:
    for _ in range(10):  # of some four turns
        done = 0
        for (own, _, goes), (_, came, _) in ((client, server), (server, client)):
            try:
                own.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                pass
            came.write(goes.read())
        if done == 2:
            return
