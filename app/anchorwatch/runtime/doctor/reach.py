"""Can we talk to Kafka at all: addresses, TLS, passwords, versions?"""

import platform
from collections.abc import Iterator

import confluent_kafka as ck

from anchorwatch.runtime.doctor.facts import Address, Facts
from anchorwatch.runtime.doctor.told import Told, fault, fine, note, span, unseen

DAY = 86_400_000
EXPIRES_SOON = 30 * DAY
SLOW_MS = 1_000
LOOPBACK = ("127.", "localhost", "[::1]", "::1")
VERSIONS = (  # a setting that brokers have since that version
    ("group.coordinator.append.linger.ms", "4.0 or later"),
    ("group.coordinator.rebalance.protocols", "3.7 or later"),
)
TESTED = "4.3"
REFUSALS = ("does not let", "certificate", "Kafka refuses")  # engine/refusals.py: what a person can mend, with its next step


def look(facts: Facts) -> Iterator[Told]:
    yield from _addresses(facts)
    if facts.trouble:
        yield _silent(facts)
        return
    brokers = f"{facts.brokers} {'broker' if facts.brokers == 1 else 'brokers'}"
    yield fine("reach", f"kafka {brokers}, answers in {facts.answer_ms or 0:.0f} ms")
    if (facts.answer_ms or 0) > SLOW_MS:
        yield note(
            "reach",
            f"Kafka took {span(facts.answer_ms or 0)} to answer",
            "run the workers near the brokers: each cut waits for some answers",
        )
    yield from _tls(facts)
    yield from _versions(facts)
    if facts.registry:
        yield fault(
            "registry", f"the schema registry does not answer: {facts.registry}", "registry: {url: ...} in anchorwatch.yaml, or start it"
        )
    elif facts.registry == "":
        yield fine("registry", "registry")


def _addresses(facts: Facts) -> Iterator[Told]:
    for address in facts.addresses:
        if address.trouble and not address.origin.startswith("sinks."):
            yield fault("reach", f"{address.place} ({address.origin}): {address.trouble}", _fix(address, facts))


def _fix(address: Address, facts: Facts) -> str:
    if address.tls is False:
        return "name the broker's TLS port, or set kafka: {security.protocol: PLAINTEXT} (SASL_PLAINTEXT with a password)"
    if "ssl.ca.location" in address.trouble:
        return "kafka: {ssl.ca.location: FILE}, a PEM file of the authority that signed the brokers' certificates"
    if address.tls:
        return "kafka: {ssl.ca.location: FILE} must name the authority that signed it; an expired one is renewed at the broker"
    if address.origin.startswith("broker "):
        number = address.origin.removeprefix("broker ")
        return f"advertised.listeners of broker {number} must name an address that this machine reaches"
    if facts.trouble:
        return "correct kafka: {bootstrap.servers: host:port}, or start the broker; a firewall gives no answer at all"
    return "the others answer; correct this one, or take it out of kafka: {bootstrap.servers: ...}"


def _silent(facts: Facts) -> Told:
    protocol = facts.settings.kafka.get("security.protocol", "PLAINTEXT").upper()
    if any(address.tls for address in facts.addresses) and not protocol.endswith("SSL"):
        wanted = "SASL_SSL" if protocol.startswith("SASL") else "SSL"
        return fault(
            "tls", f"the broker speaks TLS, the settings say {protocol}", f"kafka: {{security.protocol: {wanted}, ssl.ca.location: FILE}}"
        )
    if any(mark in facts.trouble for mark in REFUSALS):
        what, _, fix = facts.trouble.partition("; ")
        return fault("access", what, fix or "kafka: user, password and certificate as the broker has them")
    if "uthentication" in facts.trouble or "SASL" in facts.trouble:
        return fault(
            "access", f"Kafka refuses user and password: {facts.trouble}",
            "check sasl.username, sasl.password and sasl.mechanism (PLAIN or SCRAM-SHA-512, as the broker has it)",
        )  # fmt: skip
    if protocol == "PLAINTEXT" and not any(address.trouble for address in facts.addresses):
        return fault(
            "access", f"the port takes connections, but Kafka says nothing there: {facts.trouble}",
            "where the listener wants a password: kafka: {security.protocol: SASL_PLAINTEXT, sasl.mechanism: ..., sasl.username: ...}",
        )  # fmt: skip
    return fault("reach", f"Kafka does not answer: {facts.trouble}", "see the address above; no other check can be made before it answers")


def _tls(facts: Facts) -> Iterator[Told]:
    protocol = facts.settings.kafka.get("security.protocol", "PLAINTEXT").upper()
    for address in facts.addresses:
        if address.certificate_ends_ms and address.certificate_ends_ms - facts.now_ms < EXPIRES_SOON:
            left = span(max(address.certificate_ends_ms - facts.now_ms, 0))
            yield note("tls", f"the certificate of {address.place} ends in {left}", "renew it at the broker; clients need no change")
    if protocol.endswith("SSL"):
        yield fine("tls", f"tls {protocol}")
    elif not all(a.place.startswith(LOOPBACK) for a in facts.addresses if not a.origin.startswith("sinks.")):
        password = " and the password" if protocol.startswith("SASL") else ""
        yield note(
            "tls",
            f"{protocol}: records{password} cross the network in plain text",
            "kafka: {security.protocol: SASL_SSL}, where the broker has such a listener",
        )


def _versions(facts: Facts) -> Iterator[Told]:
    ours = f"librdkafka {ck.libversion()[0]}, Python {platform.python_version()}"
    if facts.broker_config is None:
        yield unseen(
            "versions", f"version of Kafka: not shown to this user; {ours}", "the right DESCRIBE_CONFIGS on the cluster, for `doctor` alone"
        )
        return
    pinned = facts.broker_config.get("inter.broker.protocol.version", "")  # gone since 4.0
    version = next((told for mark, told in VERSIONS if mark in facts.broker_config), f"3.x or older (protocol {pinned or 'unknown'})")
    if version.startswith("4"):
        yield fine("versions", f"versions kafka {version}, {ours}")
    else:
        yield note(
            "versions",
            f"Kafka is {version}; Anchorwatch is tested on {TESTED}",
            "2.5 is the oldest that has what exactness needs; try `run` on a copy, or bring Kafka to 4.x",
        )
