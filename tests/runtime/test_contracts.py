from collections.abc import Callable
from pathlib import Path

import pytest
from tests.runtime.installation import CONTRACT, Installation

from anchorwatch.config import load
from anchorwatch.contract import Contract, parse, to_json
from anchorwatch.errors import ConfigError, ContractError
from anchorwatch.events import Applied
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


def of(model: str, more: str = "") -> Contract:
    return parse(CONTRACT.replace("model: fraud", f"model: {model}") + more, "t")


def test_a_new_contract_agrees_with_what_is_in_force_on_its_topics() -> None:
    """What it replaces itself does not matter, nor what stands on other topics, nor what cannot be read any more."""
    settings = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "x."})
    mapped = "source: {predictions: {topic: x.predictions, fields: {score: p}}}\n"
    apart = "source: {predictions: {topic: elsewhere, format: oip}}\n"
    before = {each.key: Applied(to_json(each), "t", 0, 0) for each in (of("fraud"), of("taste", apart))}

    contracts.agree(settings, [of("fraud", mapped)], before)
    contracts.agree(settings, [of("churn", mapped)], {"prod/odd": Applied({"contract": 7}, "t", 0, 0)})
    with pytest.raises(ContractError, match=r"prod/churn and prod/fraud share x.predictions and read it differently"):
        contracts.agree(settings, [of("churn", mapped)], before)
