"""A Kafka that lets nobody in without proof, behind four listeners: passwords over TLS, certificates, TLS alone, and an expired certificate."""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import trustme
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType  # type: ignore[attr-defined]
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from anchorwatch.broker import Broker, Security
from anchorwatch.broker.ports import Claims
from anchorwatch.engine.refusals import Right

# apart from the session's Kafka, the broker's own tests, and the fortress of another process of this run
FIRST_PORT = 28400 + 20 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
MODULES = "org.apache.kafka.common.security"
USERS = ("admin", "ingest", "judge", "ui", "client", "operator", "creator", "nobody")
LISTENERS = {"CLIENT": "SASL_SSL", "MUTUAL": "SSL", "TLS": "SSL", "EXPIRED": "SSL"}
GRANT = re.compile(
    r"kafka-acls --add --allow-principal User:(\S+) --operation (\w+) --([\w-]+) (\S+?)( --resource-pattern-type prefixed)?(?=[;,\s]|$)"
)
KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactional-id": ResourceType.TRANSACTIONAL_ID}


def password(user: str) -> str:
    """As a secret looks, so that one that is printed is found."""
    return f"s3cret-of-{user}"


class Certificates:
    """An authority of its own and what it signs, as PEM files of key and chain. Costs 5 ms a certificate."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.ca, self._authority = folder, folder / "ca.pem", trustme.CA()
        self._authority.cert_pem.write_to_path(self.ca)
        trustme.CA().cert_pem.write_to_path(folder / "stranger.pem")

    def issue(self, name: str, *hosts: str, until: timedelta = timedelta(days=1)) -> Path:
        """Of a machine when hosts are named, else of a person; `until` from now."""
        now = datetime.now(UTC)
        named = hosts or (f"{name}@example.org",)
        issued = self._authority.issue_cert(*named, common_name=name, not_before=now - timedelta(days=30), not_after=now + until)
        key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        # PKCS#8: Kafka refuses the older form, which trustme writes
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = self.folder / f"{name}.pem"
        path.write_bytes(pem + b"".join(part.bytes() for part in issued.cert_chain_pems))
        return path


class Fortress:
    """`as_user`, `as_certified`, `as_anybody`, `at_expired`: what a client writes under `kafka:`."""

    def __init__(self, folder: Path) -> None:
        self.certificates = Certificates(folder / "certificates")
        claims = Claims(FIRST_PORT)
        self.ports = {name: claims.next() for name in (*LISTENERS, "INTERNAL", "CONTROLLER")}
        claims.release()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        scram = [f"SCRAM-SHA-512=[name={user},password={password(user)}]" for user in USERS]
        security = Security(
            "SASL_SSL",
            self._settings(),
            [part for user in scram for part in ("--add-scram", user)],
            self._password_of("admin", "SCRAM-SHA-512"),
        )
        broker = Broker(port=self.ports["CLIENT"], security=security, settings=self._listeners(), start_s_max=120)
        self._stack.enter_context(broker)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # what the broker is told

    def _listeners(self) -> dict[str, str]:
        protocols = {**LISTENERS, "INTERNAL": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
        addresses = {name: f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()}
        return {
            "listeners": ",".join(addresses.values()),
            "advertised.listeners": ",".join(address for name, address in addresses.items() if name != "CONTROLLER"),
            "controller.quorum.voters": f"1@127.0.0.1:{self.ports['CONTROLLER']}",
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        }

    def _settings(self) -> dict[str, str]:
        own = self.certificates.issue("node", "127.0.0.1", "localhost")
        expired = self.certificates.issue("node-expired", "127.0.0.1", "localhost", until=timedelta(days=-2))
        found = {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
            "listener.name.mutual.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:admin",  # ANONYMOUS: the node itself, and whoever comes by TLS alone
        }
        users = " ".join(f'user_{user}="{password(user)}"' for user in USERS)
        found["listener.name.client.plain.sasl.jaas.config"] = f"{MODULES}.plain.PlainLoginModule required {users};"
        found["listener.name.client.scram-sha-512.sasl.jaas.config"] = f"{MODULES}.scram.ScramLoginModule required;"
        for name in LISTENERS:
            at = f"listener.name.{name.lower()}.ssl."
            found |= {f"{at}keystore.type": "PEM", f"{at}keystore.location": str(expired if name == "EXPIRED" else own)}
            found |= {f"{at}truststore.type": "PEM", f"{at}truststore.location": str(self.certificates.ca)}
        return found

    # what clients are told

    def as_user(self, user: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, Any]:
        return {"bootstrap.servers": f"127.0.0.1:{self.ports['CLIENT']}", **self._password_of(user, mechanism)}

    def as_certified(self, user: str, until: timedelta = timedelta(days=1)) -> dict[str, Any]:
        own = str(self.certificates.issue(user if until > timedelta() else f"{user}-expired", until=until))
        return {**self.as_anybody("MUTUAL"), "ssl.certificate.location": own, "ssl.key.location": own}

    def as_anybody(self, listener: str = "TLS") -> dict[str, Any]:
        address = f"127.0.0.1:{self.ports[listener]}"
        return {"bootstrap.servers": address, "security.protocol": "SSL", "ssl.ca.location": str(self.certificates.ca)}

    def _password_of(self, user: str, mechanism: str) -> dict[str, str]:
        proof = {"sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password(user)}
        return {"security.protocol": "SASL_SSL", "ssl.ca.location": str(self.certificates.ca), **proof}

    def grant(self, user: str, rights: Iterable[Right]) -> None:
        bindings = [_binding(user, right) for right in rights]
        with AdminClient(self.as_user("admin")) as admin:
            for done in admin.create_acls(bindings).values() if bindings else ():
                done.result(30)


def _binding(user: str, right: Right) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL
    operation = AclOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", right.operation).upper()]
    return AclBinding(KINDS[right.kind], right.name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def asked_for(told: str) -> tuple[str, Right]:
    """User and right of the command that a message of ours gives."""
    found = GRANT.search(told)
    assert found, told
    user, operation, kind, name, prefixed = found.groups()
    return user, Right(operation, kind, name, bool(prefixed))  # type: ignore[arg-type]  # one of KINDS


def yaml(kafka: Mapping[str, Any], prefix: str) -> str:
    """A settings file. Its password comes from a variable, since it may not stand there."""
    lines = [f'  {name}: "{value}"' for name, value in kafka.items() if name != "sasl.password"]
    secret = ["  sasl.password: ${KAFKA_PASSWORD}"] if "sasl.password" in kafka else []
    topics = f'{{prefix: "{prefix}", partitions: 2, partitions_observations: 2, partitions_others: 2, replication: 1}}'
    rest = ["window: 1s", "lateness: 1s", "grace: 20s", "cut: 200ms", "summary: 1s", "fallback_owner: group:default/ml", "run: {port: 0}"]
    return "\n".join(["kafka:", *lines, *secret, f"topics: {topics}", *rest]) + "\n"
