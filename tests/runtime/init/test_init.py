from pathlib import Path

import pytest
from tests.runtime.init import topics_of_others as topics
from tests.runtime.init.topics_of_others import N, T

from anchorwatch.config import contract_files, load_contracts
from anchorwatch.errors import ConfigError
from anchorwatch.runtime import init

NOW = T + N * 1_000


def test_the_file_and_its_schema_are_written_where_contracts_are_read(tmp_path: Path) -> None:
    made = init.write(*topics.native(), NOW)
    init.save(made, tmp_path / "fraud.yaml")

    assert [contract.model for contract, _ in load_contracts(tmp_path)] == ["fraud"]
    assert [file.name for file in contract_files(tmp_path)] == ["fraud.yaml"]
    assert (tmp_path / ".anchorwatch" / "contract.schema.json").is_file()


def test_a_folder_that_cannot_be_written_is_an_error_of_the_operator(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="name another by --out"):
        init.save(init.write(*topics.native(), NOW), tmp_path / "file" / "fraud.yaml")


def test_the_person_who_asked_is_told_what_was_found_and_what_is_missing() -> None:
    told = init.told(init.write(*topics.flat(), NOW))

    assert f"Read by this contract: {N} of {N} predictions, {N} outcomes; none is refused." in told
    assert "classes   PASS, BLOCK, positive BLOCK" in told
    assert "keyed     keys of payments.scored are not the prediction's id; predictions: keyed: false" in told
    assert "missing   no version: an alert cannot say which deploy it began with" in told
