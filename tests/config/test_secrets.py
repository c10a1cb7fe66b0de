"""Which values are secrets."""

import pytest

from anchorwatch.config.secrets import Options, is_hidden, is_secret


@pytest.mark.parametrize(
    "name",
    [
        "sasl.password",
        "ssl.key.password",
        "ssl.keystore.password",
        "ssl.key.pem",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.assertion.private.key.pem",
        "sasl.oauthbearer.assertion.private.key.passphrase",
    ],
)
def test_librdkafkas_secrets_are_known(name: str) -> None:
    assert is_secret(("kafka", name))


@pytest.mark.parametrize(
    "name", ["sasl.username", "ssl.ca.location", "ssl.key.location", "sasl.oauthbearer.token.endpoint.url", "ssl.ca.pem"]
)
def test_what_is_no_secret_is_shown(name: str) -> None:
    assert not is_hidden(("kafka", name))


def test_an_address_is_hidden_and_a_token_is_a_secret() -> None:
    assert is_secret(("sinks", "a", "token"))
    assert is_hidden(("sinks", "a", "url"))
    assert not is_secret(("sinks", "a", "url"))
    assert not is_hidden(())


def test_options_do_not_show_secrets() -> None:
    assert repr(Options({"sasl.password": "x", "linger.ms": "5"})) == "{'sasl.password': '***', 'linger.ms': '5'}"
