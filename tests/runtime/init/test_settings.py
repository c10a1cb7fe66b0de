from pathlib import Path

import pytest

from anchorwatch.config import load
from anchorwatch.runtime.init import settings


def test_settings_are_wanted_where_an_option_alone_names_kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    alone = settings.wanted(None, {}, "kafka:9092")
    others = [
        settings.wanted(None, {}, None),
        settings.wanted(Path("mine.yaml"), {}, "kafka:9092"),
        settings.wanted(None, {"ANCHORWATCH_SETTINGS": "mine.yaml"}, "kafka:9092"),
    ]
    settings.save("kafka: {}\n")

    assert alone
    assert not any((*others, settings.wanted(None, {}, "kafka:9092")))


@pytest.mark.parametrize("registry", ["", "http://registry:8081"])
def test_what_is_written_is_what_the_options_said(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings.save(settings.written("a:9092,b:9092", registry, "group:default/risk: ml"))

    found = load(None, {})

    assert found.kafka == {"bootstrap.servers": "a:9092,b:9092"}
    assert (found.registry.get("url", ""), found.fallback_owner) == (registry, "group:default/risk: ml")
