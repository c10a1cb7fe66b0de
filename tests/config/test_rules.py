"""What one setting says about another."""

import pytest
from pydantic import SecretStr

from anchorwatch.config.model import Hook, Route, Settings, Sink, Topics
from anchorwatch.config.rules import kind


def faults(settings: Settings, *needs: tuple[str, ...]) -> list[str]:
    return [".".join(map(str, path)) for rule in kind(needs).rules for path, _ in rule.check(settings)]


def test_sinks_and_routes_must_fit() -> None:
    sinks = {
        "l": Sink(kind="log", url="http://x"),
        "w": Sink(kind="webhook"),
        "p": Sink(kind="webhook", url="http://x:99999/"),
        "h": Sink(kind="alertmanager", url="https:///x"),
        "ok": Sink(kind="alertmanager", url="http://x:9093"),
    }
    routes = {"a": Route(sinks=("ok", "gone"))}

    assert faults(Settings(sinks=sinks, routes=routes)) == ["routes.a.sinks.1", "sinks.l.url", "sinks.w.url", "sinks.p.url", "sinks.h.url"]


def test_hooks_are_of_known_providers_and_their_secrets_cannot_be_guessed() -> None:
    hooks = {
        "launchdarkly": Hook(secret=SecretStr("long enough")),
        "mlflow": Hook(),
        "unleash": Hook(secret=SecretStr("short")),
        "lauchdarkly": Hook(),
    }

    assert faults(Settings(hooks=hooks)) == ["hooks.unleash.secret", "hooks.lauchdarkly"]


@pytest.mark.parametrize("name", ["group.id", "transactional.id", "isolation.level", "partitioner"])
def test_what_exactness_rests_on_is_not_for_the_operator(name: str) -> None:
    assert faults(Settings.model_validate({"group": {name: "x"}})) == [f"group.{name}"]


def test_two_standard_topics_are_two_topics() -> None:
    assert faults(Settings(topics=Topics(names={"findings": "x", "flags": "x"}))) == ["topics.names.flags"]
    assert faults(Settings(topics=Topics(names={"flags": "anchorwatch.findings"}))) == ["topics.names.flags"]


def test_needs_are_those_of_the_command() -> None:
    assert faults(Settings(), ("kafka", "bootstrap.servers"), ("fallback_owner",)) == ["kafka.bootstrap.servers", "fallback_owner"]
    assert faults(Settings()) == []
