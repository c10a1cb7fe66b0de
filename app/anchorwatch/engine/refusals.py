"""What does Kafka refuse us, and what does a person do about it? One sentence each.

A wrong password or certificate never reaches the call that fails, which says "transport failure": it comes to the client's `error_cb`, when
the client is polled. So each client has its `Reasons`, which are asked when a call failed.
"""

import logging
import re
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import confluent_kafka as ck

from anchorwatch.engine import certificates
from anchorwatch.errors import ConfigError, OperatorError

log = logging.getLogger(__name__)
REPEATED_S = 30.0  # the same trouble is told once in so long: a client tries some 20 times a second to connect

AUTHENTICATION = {ck.KafkaError.SASL_AUTHENTICATION_FAILED, ck.KafkaError._AUTHENTICATION}
REFUSED_ACCESS = AUTHENTICATION | {
    ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
    ck.KafkaError.GROUP_AUTHORIZATION_FAILED,
    ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    ck.KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
PLACE = re.compile(r"^(?:\w+://)?(?P<at>(?P<host>[^/\s]+):(?P<port>\d+))/\S*: (?P<why>.*?)(?: \(after \d+ms in state \w+\))?$", re.DOTALL)
UNVERIFIED, ALERT = "certificate verify failed", "SSL alert number"  # of their certificate, of ours
GROUPLESS = ck.KafkaError.GROUP_AUTHORIZATION_FAILED
"""Told to a reader that joins no group all the same, since librdkafka looks for the coordinator of its nominal one: it needs none, and reads on."""
Kind = Literal["topic", "group", "transactional-id", "cluster"]


class Right(NamedTuple):
    """In the words of kafka-acls. `prefixed`: all whose names begin so."""

    operation: str
    kind: Kind
    name: str = ""
    prefixed: bool = False

    def command(self, user: str) -> str:
        """What grants it."""
        pattern = " --resource-pattern-type prefixed" if self.prefixed else ""
        what = f"--{self.kind} {self.name}".rstrip()
        return f"kafka-acls --add --allow-principal User:{user} --operation {self.operation} {what}{pattern}"


class Reasons:
    """The last things a client said of itself. `client`: all its settings."""

    def __init__(self, client: Mapping[str, Any]) -> None:
        self._client = client
        self.met = True  # False: no call was answered yet, and the first one tells what is wrong with a certificate
        self.last = ""  # why it does not get through
        self.refusal: OperatorError | None = None  # an access that was refused: no use in trying on
        self._untrusted = ""  # what TLS found wrong
        self._told: dict[int, float] = {}  # code -> when

    def __call__(self, error: ck.KafkaError) -> None:
        told = error.str()
        if error.code() != ck.KafkaError._ALL_BROKERS_DOWN or not self.last:
            self.last = told
        if UNVERIFIED in told or ALERT in told:
            self._untrusted = told
        if error.code() in REFUSED_ACCESS:
            self.refusal = self.refused(error)
        elif self.met or not self._untrusted:
            self._log(error)

    def _log(self, error: ck.KafkaError) -> None:
        now = time.monotonic()
        if now - self._told.get(error.code(), -REPEATED_S) >= REPEATED_S:
            self._told[error.code()] = now
            log.warning("kafka.trouble code=%s reason=%s", error.name(), error.str())

    def why(self) -> OperatorError | None:
        """What only a person can mend, after a call failed. Costs a handshake when a certificate is not trusted."""
        if self.refusal is None and self._untrusted:
            self.refusal = self._of_certificates(self._untrusted)
        return self.refusal

    def refused(self, error: ck.KafkaError, *rights: Right) -> ConfigError:
        """rights: what the call would have needed, where that is known; of several one is missing, and Kafka does not say which."""
        user = self._client.get("sasl.username")
        if error.code() in AUTHENTICATION:
            at, why = place(error.str())
            return ConfigError(
                f"Kafka{at} does not let {f'user {user}' if user else 'us'} in: {why}; "
                "check sasl.username, sasl.password, sasl.mechanism and security.protocol under `kafka:`"
            )
        who, principal = (f"user {user}", user) if user else ("us", "<the name in our certificate>")
        if not rights:
            return ConfigError(f"Kafka refuses {who}: {error.str()} ({error.name()}); the README tells which rights each role needs")
        named = " or ".join(f"{right.operation} on {right.kind} {right.name}".rstrip() for right in rights)
        grants = ", ".join(right.command(principal) for right in rights)
        return ConfigError(f"Kafka refuses {who} {named} ({error.name()}); grant it: {grants}")

    def _of_certificates(self, told: str) -> ConfigError:
        at, why = place(told)
        if ALERT in told:
            own = certificates.of_own(self._client)
            named = self._client.get("ssl.certificate.location")
            if not named:
                return ConfigError(f"Kafka{at} wants a certificate of us ({why}); set ssl.certificate.location and ssl.key.location")
            return ConfigError(f"Kafka{at} does not take our certificate {named}: {own or why}; renew it, or have its issuer trusted there")
        found = PLACE.match(told)
        wrong = certificates.of_server(found["host"].strip("[]"), int(found["port"]), self._client) if found else ""
        ca = self._client.get("ssl.ca.location", "the system's certificates")
        return ConfigError(
            f"the certificate of Kafka{at} is not to be trusted: {wrong or why} (checked against {ca}); "
            "have it renewed there, or set ssl.ca.location under `kafka:` to its issuer's certificate"
        )


def place(told: str) -> tuple[str, str]:
    """(" at host:port", the rest) of what librdkafka says of a connection."""
    found = PLACE.match(told)
    return (f" at {found['at']}", found["why"].removeprefix("SASL authentication error: ")) if found else ("", told)
