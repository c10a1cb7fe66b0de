from collections.abc import Callable
from pathlib import Path

import pytest
from tests.runtime.installation import CONTRACT, Installation

from anchorwatch.config import load
from anchorwatch.errors import ConfigError
from anchorwatch.runtime import contracts


def test_the_newest_of_each_model_is_in_force_and_a_tombstone_ends_it(installation: Callable[..., Installation]) -> None:
    there = installation()
    there.create()
    there.apply(CONTRACT)
    there.apply(CONTRACT + "timezone: Europe/Berlin\n")
    there.apply(CONTRACT.replace("model: fraud", "model: churn"))
    there.remove("prod/churn")
    there.write("contracts", b"prod/odd", b"nonsense")
    there.write("contracts", b"prod/fraud", b'{"contract":{"a":"\xff"}}')
    settings = load(there.folder / "anchorwatch.yaml", {})

    assert {key: applied.contract.get("timezone") for key, applied in contracts.in_force(settings).items()} == {
        "prod/fraud": "Europe/Berlin"
    }
    assert [applied.contract["model"] for applied in contracts.of_folder(settings)] == ["fraud"]


def test_no_folder_is_no_contract_and_a_file_is_no_folder(tmp_path: Path) -> None:
    settings = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "contracts": f"{tmp_path}/none"})
    (tmp_path / "file").write_text("")

    assert contracts.of_folder(settings) == []
    with pytest.raises(ConfigError, match="must be a folder"):
        contracts.of_folder(load(None, {}, {"kafka.bootstrap.servers": "b:9092", "contracts": f"{tmp_path}/file"}))
