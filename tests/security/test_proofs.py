"""What proves who a client is, right and wrong: one clear line that names the fault and the next step, exit 2, and no secret in it."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.security.fortress import Fortress, password
from tests.security.offices import Office

from anchorwatch.client import Client, follow_alerts
from anchorwatch.engine.settings import asked, reader
from anchorwatch.errors import ConfigError, OperatorError, Unreachable

pytestmark = pytest.mark.kafka
Proof = Callable[[Fortress], dict[str, Any]]
EXPIRED = timedelta(days=-2)

RIGHT: dict[str, Proof] = {
    "SCRAM": lambda f: f.as_user("admin"),
    "PLAIN": lambda f: f.as_user("admin", "PLAIN"),
    "certificate": lambda f: f.as_certified("admin"),
    "TLS alone": lambda f: f.as_anybody(),
}
WRONG: dict[str, tuple[Proof, str]] = {
    "password, SCRAM": (
        lambda f: {**f.as_user("admin"), "sasl.password": "s3cret-guessed"},
        r"at 127.0.0.1:\d+ does not let user admin in: .*invalid credentials.*; check sasl.username",
    ),
    "password, PLAIN": (
        lambda f: {**f.as_user("admin", "PLAIN"), "sasl.password": "s3cret-guessed"},
        r"does not let user admin in: Authentication failed: Invalid username or password; check sasl.username, sasl.password",
    ),
    "mechanism": (
        lambda f: f.as_user("admin", "SCRAM-SHA-256"),
        r"user admin in: .*broker's supported mechanisms: PLAIN,SCRAM-SHA-512; check .*sasl.mechanism",
    ),
    "Kafka's certificate is over": (
        lambda f: f.as_anybody("EXPIRED"),
        r"the certificate of Kafka at 127.0.0.1:\d+ is not to be trusted: certificate has expired \(checked against .*ca.pem\); have it renewed",
    ),
    "Kafka's certificate is of somebody else": (
        lambda f: {**f.as_anybody(), "ssl.ca.location": str(f.certificates.folder / "stranger.pem")},
        r"is not to be trusted: unable to get local issuer certificate \(checked against .*stranger.pem\); .* set ssl.ca.location",
    ),
    "no certificate of ours": (
        lambda f: f.as_anybody("MUTUAL"),
        r"wants a certificate of us .*; set ssl.certificate.location and ssl.key.location",
    ),
    "our certificate is over": (
        lambda f: f.as_certified("admin", EXPIRED),
        r"does not take our certificate .*admin-expired.pem: certificate has expired; renew it",
    ),
    "a password where TLS is spoken": (
        lambda f: {**f.as_user("admin"), **f.as_anybody(), "security.protocol": "SASL_SSL"},
        r"user admin in: ",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_proof_opens(fortress: Fortress, name: str) -> None:
    client = reader(RIGHT[name](fortress))

    assert len(asked(client, None).brokers) == 1
    client.close()


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_proof_is_told_in_one_line_within_seconds(fortress: Fortress, name: str, caplog: pytest.LogCaptureFixture) -> None:
    proof, told = WRONG[name]
    client = reader(proof(fortress))
    with pytest.raises(ConfigError, match=told) as refused:
        asked(client, None, patience=10)
    client.close()

    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value) + caplog.text
    assert not [line for line in caplog.messages if "_ALL_BROKERS_DOWN" not in line], "the error tells it, once"


def test_plain_text_to_a_tls_listener_is_a_question_about_the_protocol(fortress: Fortress) -> None:
    """Kafka closes the connection without a word, so more cannot be known."""
    client = reader({"bootstrap.servers": fortress.as_anybody()["bootstrap.servers"]})
    with pytest.raises(Unreachable, match=r"each connection is closed at once; .* security.protocol that of this listener\?"):
        asked(client, None, patience=1)
    client.close()


@pytest.mark.parametrize("name", ["password, SCRAM", "Kafka's certificate is over"])
def test_run_ends_with_2_and_says_why_instead_of_trying_for_ever(fortress: Fortress, name: str, topic_prefix: str, tmp_path: Path) -> None:
    proof, told = WRONG[name]
    at = Office(proof(fortress), topic_prefix, tmp_path / "office", secret="s3cret-guessed")

    done = at.command("run")

    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("✗ ")
    assert re.search(told, last), last
    assert "s3cret" not in done.stderr + done.stdout


def test_a_secret_written_into_the_settings_file_is_refused_without_being_shown(
    fortress: Fortress, topic_prefix: str, tmp_path: Path
) -> None:
    at = Office(fortress.as_user("admin"), topic_prefix, tmp_path / "office")
    file = at.folder / "anchorwatch.yaml"
    file.write_text(file.read_text().replace("${KAFKA_PASSWORD}", password("admin")))

    done = at.command("config", "show")

    assert done.returncode == 2
    assert "sasl.password" in done.stderr
    assert "s3cret" not in done.stderr + done.stdout


def test_a_password_from_a_file_opens_and_is_masked(fortress: Fortress, topic_prefix: str, tmp_path: Path) -> None:
    at = Office(fortress.as_user("admin"), topic_prefix, tmp_path / "office")
    (at.folder / "password").write_text(password("admin") + "\n")
    file = at.folder / "anchorwatch.yaml"
    file.write_text(file.read_text().replace("${KAFKA_PASSWORD}", "{file: password}"))

    made, shown = at.command("topics", "create"), at.command("config", "show")

    assert (made.returncode, shown.returncode) == (0, 0), made.stderr + shown.stderr
    assert "***" in shown.stdout
    assert "s3cret" not in made.stdout + made.stderr + shown.stdout + shown.stderr


@pytest.mark.parametrize("name", ["password, SCRAM", "Kafka's certificate is over", "our certificate is over"])
def test_a_program_that_follows_alerts_is_told_instead_of_waiting_for_ever(fortress: Fortress, name: str) -> None:
    settings = WRONG[name][0](fortress)
    with pytest.raises(OperatorError, match=r"cannot follow anchorwatch.alerts.events: .*; check user, password, certificates"):
        next(follow_alerts(str(settings["bootstrap.servers"]), "bot", kafka=settings, idle_s=20))


def test_a_service_with_a_wrong_password_goes_on_and_is_told(fortress: Fortress) -> None:
    settings, told = WRONG["password, SCRAM"][0](fortress), list[str]()
    with Client(str(settings["bootstrap.servers"]), "fraud", kafka=settings, on_error=told.append, flush_s=0.1) as service:
        with service.predict(features={"amount": 1.0}) as p:
            p.answer("pass", score=0.1)
        limit = time.monotonic() + 20
        while not told and time.monotonic() < limit:
            time.sleep(0.02)

    assert "invalid credentials" in told[0]
    assert "events wait in the queue; check user, password, certificates" in told[0]
    assert "s3cret" not in "".join(told)
