import io
import json
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.runtime.installation import Installation

from anchorwatch.cli import launch as run


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.chdir(tmp_path)
    made = Installation(kafka.client, topic_prefix, tmp_path)
    made.create()
    return made


def test_a_prediction_and_its_outcome_land_in_partitions_of_one_number(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [run(["emit", "prediction", "model=fraud", "prediction=block", "prediction_id=a", "--json"])]
    codes += [run(["emit", "outcome", "model=fraud", "label=pass", "prediction_id=a", "--json"])]
    places = [json.loads(line)["place"] for line in capsys.readouterr().out.splitlines()]

    assert codes == [0, 0]
    assert places[0].replace("predictions", "outcomes") == places[1]
    assert there.told_json("outcomes") == [{"model": "fraud", "label": "pass", "prediction_id": "a"}]


def test_lines_of_json_are_sent_together_or_not_at_all(
    there: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = '{"prediction_id": "%s", "model": "fraud", "label": "pass"}\n'
    monkeypatch.setattr("sys.stdin", io.StringIO(good % "a" + "\n" + good % "b"))
    sent = run(["emit", "outcome", "-"])
    monkeypatch.setattr("sys.stdin", io.StringIO(good % "c" + '{"prediction_id": "d"}\n'))
    refused = run(["emit", "outcome", "-"])
    monkeypatch.setattr("sys.stdin", io.StringIO("[]\n"))
    odd = run(["emit", "outcome", "-"])
    told = capsys.readouterr()

    assert (sent, refused, odd) == (0, 2, 2)
    assert sorted(event["prediction_id"] for event in there.told_json("outcomes")) == ["a", "b"]
    assert "standard input:1: must be one object" in told.err
