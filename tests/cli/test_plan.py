import json
from pathlib import Path

import pytest
from tests.conftest import Kafka
from tests.runtime.installation import CONTRACT, Installation

from anchorwatch.cli import launch as run

REFERENCE = "reference: {last: 1d, lag: 0m}\n"


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.chdir(tmp_path)
    made = Installation(kafka.client, topic_prefix, tmp_path, contract=CONTRACT + REFERENCE)
    made.create()
    made.feed(0, 600)
    return made


def test_a_plan_compares_with_what_is_in_force_and_writes_nothing(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    file = there.folder / "contracts" / "fraud.yaml"
    codes = [run(["plan", str(file)])]
    new = capsys.readouterr().out
    before = there.told("contracts")
    codes.append(run(["apply", str(file)]))
    file.write_text(CONTRACT + REFERENCE + "promises: {latency: {inference_p99: 80ms}}\n")
    capsys.readouterr()
    codes += [run(["plan", str(file)]), run(["plan", str(file), "--json"])]
    changed, _, document = capsys.readouterr().out.partition("{\n")
    found = json.loads("{" + document)["plans"][0]

    assert codes == [0, 0, 0, 0]
    assert new.startswith("fraud prod   new")
    assert "0 go on with their evidence, 0 begin anew, " in new
    assert "delay" not in new  # its events were all made at one moment: there is no pace to simulate
    assert before == []
    assert "+ promises.latency.inference_p99" in changed
    assert "the reference in force is kept" in changed
    assert {key.partition(":")[0] for key in found["added"] + found["gone"] + found["restarted"]} == {"latency"}
    assert any(key.startswith("quality:") for key in found["kept"])
    assert len(there.told("contracts")) == 1
