import json
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.runtime.installation import Installation

from anchorwatch.cli import launch as run
from anchorwatch.cli._since import begin
from anchorwatch.errors import ConfigError


def test_records_are_shown_for_people_and_for_programs(
    kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    there = Installation(kafka.client, topic_prefix, tmp_path)
    there.create()
    there.write("flags", b"prod/a", b'{"key": "a", "state": "on"}')
    there.write("flags", b"prod/a", None)
    codes = [run(["tail", "flags", "--since", since, "--until-end"]) for since in ("beginning", "10m", "end")]
    lines = capsys.readouterr().out.splitlines()
    codes += [run(["tail", f"{topic_prefix}flags", "--since", "beginning", "--limit", "1", "--json"])]
    first = json.loads(capsys.readouterr().out)
    codes += [run(["tail", "nonsense", "--until-end"])]

    assert codes == [0, 0, 0, 0, 2]
    assert [line[25:] for line in lines] == ['0@0  prod/a  {"key":"a","state":"on"}', "0@1  prod/a  (removed)"] * 2
    assert (first["key"], first["value"]) == ("prod/a", {"key": "a", "state": "on"})


def test_a_time_is_a_span_or_an_instant() -> None:
    assert begin("2026-09-01T00:00:00Z") == 1_788_220_800_000
    with pytest.raises(ConfigError, match="--since yesterday"):
        begin("yesterday")
